"""What a request of the IETF's protocol says of itself."""

import base64

import pytest
from starlette.datastructures import Headers

from routes.resumable.draft_headers import Draft, is_named, is_partial
from services.errors import DraftUnsupported, LengthInconsistent
from services.recordings.arrivals import Checksum


def test_all_that_may_be_said() -> None:
    sum = base64.b64encode(bytes(32)).decode()
    draft = Draft.of(
        Headers(
            {
                "Upload-Draft-Interop-Version": "8",
                "Upload-Complete": "?1",
                "Upload-Offset": "5",
                "Upload-Length": "12",
                "Content-Length": "7",
                "Content-Digest": f"sha-256=:{sum}:",
                "Repr-Digest": f"sha-256=:{sum}:",
            }
        )
    )
    assert draft == Draft(8, True, 5, 12, 7, bytes(32), bytes(32))
    assert draft.checksum == Checksum("sha256", bytes(32))
    assert draft.whole_length(5) == 12
    assert not draft.is_sixth


def test_what_is_no_such_value_counts_as_not_sent() -> None:
    draft = Draft.of(
        Headers(
            {
                "Upload-Draft-Interop-Version": "x",
                "Upload-Complete": "yes",
                "Upload-Offset": "-5",
                "Upload-Length": "?1",
                "Content-Digest": "sha-256=abc",
            }
        )
    )
    assert draft == Draft(None, None, None, None, None, None, None)
    assert draft.checksum is None


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({}, None),
        ({"Upload-Complete": "?1"}, None),
        ({"Upload-Complete": "?1", "Content-Length": "7"}, 12),
        ({"Upload-Complete": "?0", "Content-Length": "7"}, None),
        ({"Upload-Complete": "?0", "Content-Length": "7", "Upload-Length": "99"}, 99),
    ],
)
def test_how_long_the_whole_is(headers: dict[str, str], length: int | None) -> None:
    assert Draft.of(Headers(headers)).whole_length(5) == length


def test_two_lengths_are_one_too_many() -> None:
    said = {"Upload-Complete": "?1", "Content-Length": "7", "Upload-Length": "13"}
    with pytest.raises(LengthInconsistent):
        Draft.of(Headers(said)).whole_length(5)


@pytest.mark.parametrize("version", ["3", "4", "5"])
def test_older_drafts_are_not_spoken(version: str) -> None:
    with pytest.raises(DraftUnsupported):
        Draft.spoken(Headers({"Upload-Draft-Interop-Version": version}))


def test_how_it_is_told_apart() -> None:
    assert is_named(Headers({"Upload-Complete": "?0"}))
    assert is_named(Headers({"Upload-Draft-Interop-Version": "6"}))
    assert not is_named(Headers({"Tus-Resumable": "1.0.0"}))
    assert is_partial(Headers({"Content-Type": "Application/Partial-Upload; x=y"}))
    assert not is_partial(Headers({"Content-Type": "application/offset+octet-stream"}))
