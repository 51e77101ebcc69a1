"""What a decoding process says is believed only so far: a stranger's bytes may speak through it."""

import pytest

from services.adapters.av_decoder import protocol
from services.adapters.av_decoder.adapter import _recording
from services.errors import AudioUnreadable
from services.interviews.transcript import Flaw

FLAWS = (Flaw(code="gap", at=1.5, seconds=0.25), Flaw(code="joined", at=0.0), Flaw(code="truncated"))


def test_flaws_come_over_as_they_are() -> None:
    assert protocol.flaws_of(protocol.flaws_body(FLAWS)) == FLAWS


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"1",
        b'["gap"]',
        b'[["gap"]]',
        b'[["gap", 1, 2, 3]]',
        b'[["<script>", 1, 2]]',
        b'[[7, 1, 2]]',
        b'[["gap", "1", 2]]',
        b'[["gap", NaN, 2]]',
        b'[["gap", -1, 2]]',
        b'[["gap", 1, 1e300]]',
        b'[["' + b"g" * 41 + b'", 1, 2]]',
    ],
)  # fmt: skip
def test_what_is_no_list_of_flaws_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        protocol.flaws_of(body)


@pytest.mark.parametrize(("body", "blocks"), [(b"[]", [b"\0\0\0"]), (b"[" * 500_000, [b"\0\0"]), (b"[]", [])])
def test_what_no_child_says_that_is_well_is_no_recording(body: bytes, blocks: list[bytes]) -> None:
    with pytest.raises(AudioUnreadable):
        _recording(protocol.DONE, body, blocks)
