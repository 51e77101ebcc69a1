"""Each thing that a receipt may say wrongly is found."""

from typing import Any

import pytest

from tests.chaos.receipts import Chain, untrue


def part(**changed: Any) -> dict[str, Any]:
    return {"_id": "p1", "state": "completed", "keep_audio": False, **changed}


def deletion(**changed: Any) -> dict[str, Any]:
    said = {"kind": "deletion", "jti": "p1", "ended_as": "completed", "sha256": "sum", "epoch": "e1"}
    return {**said, "found_afterwards": 0, **changed}


def found(parts: list[dict[str, Any]], *claims: dict[str, Any], faults: tuple[str, ...] = ()) -> list[str]:
    return list(untrue(Chain(claims, faults, {"gone"}), parts, {"sum"}))


def test_a_receipt_of_each_recording_that_is_gone_is_what_there_should_be() -> None:
    kept = part(_id="p2", state="failed", keep_audio=True)
    unreadable = {"kind": "unreadable", "jti": "u", "epoch": "gone"}
    assert found([part(), kept], deletion(), unreadable) == []


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ([], "p1: gone without a receipt"),
        ([deletion(), deletion(jti="p2")], "p2: a receipt of what is not gone"),
        ([deletion(ended_as="failed")], "ended as completed, and its receipt says failed"),
        ([deletion(found_afterwards=1)], "made before it was gone"),
        ([deletion(sha256="other")], "of other bytes"),
        ([deletion(epoch=None)], "names no epoch"),
        ([deletion(), {"kind": "unreadable", "jti": "u", "epoch": "e1"}], "the key is not destroyed"),
    ],
)
def test_what_is_not_so_is_named(claims: list[dict[str, Any]], fault: str) -> None:
    assert any(fault in each for each in found([part()], *claims))


def test_a_broken_chain_is_named() -> None:
    assert "p1: forged" in found([part()], deletion(), faults=("p1: forged",))
