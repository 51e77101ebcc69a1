"""The headers of tus: read, or refused with what they should be."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from routes.resumable.tus_headers import MOST_METADATA, Metadata, checksum_of, length_of, number_of, offset_of
from services.errors import ChecksumUnknown, Problem, UploadHeaderInvalid, UploadMetadataInvalid
from services.recordings.arrivals import Checksum


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ANSWER = f"session_id {coded('s-1')},question_id {coded('q1')}"


def metadata(raw: str) -> Metadata:
    return Metadata.of(Headers({"Upload-Metadata": raw}))


def test_metadata_names_the_answer_and_is_kept_as_it_was_sent() -> None:
    raw = f"{ANSWER},filetype {coded('audio/webm;codecs=opus')}, filename {coded('é.webm')},is_private"
    found = metadata(raw)
    assert (found.session_id, found.question_id, found.raw) == ("s-1", "q1", raw)
    assert (found.media_type, found.sha256) == ("audio/webm;codecs=opus", None)


def test_the_sum_of_the_whole_may_be_said() -> None:
    sum = hashlib.sha256(b"x").hexdigest()
    assert metadata(f"{ANSWER},sha256 {coded(sum.upper())}").sha256 == sum


@pytest.mark.parametrize(
    "raw",
    [
        "",
        f"session_id {coded('s')}",
        f"question_id {coded('q')}",
        f"session_id {coded('a b')},question_id {coded('q')}",
        f"session_id {coded('x' * 65)},question_id {coded('q')}",
        "session_id s!,question_id q",
        f"session_id,question_id {coded('q')}",
        f"{ANSWER},session_id {coded('s')}",
        f"{ANSWER},sha256 {coded('12')}",
        f"{ANSWER},note {coded('x' * MOST_METADATA)}",
    ],
)
def test_metadata_that_names_no_answer_is_refused(raw: str) -> None:
    with pytest.raises(UploadMetadataInvalid):
        metadata(raw)


def test_the_length_is_said_or_deferred() -> None:
    assert length_of(Headers({"Upload-Length": "12"})) == 12
    assert length_of(Headers({"Upload-Defer-Length": "1"})) is None
    for refused in (
        {},
        {"Upload-Length": "12", "Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "0"},
        {"Upload-Length": "-1"},
    ):
        with pytest.raises(UploadHeaderInvalid):
            length_of(Headers(refused))


@pytest.mark.parametrize("text", ["", "-1", "1.5", "0x10", "1 2", "1" * 16, "٣"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UploadHeaderInvalid):
        number_of(Headers(raw=[(b"upload-offset", text.encode())]), "Upload-Offset")


def test_the_offset_must_be_said() -> None:
    assert offset_of(Headers({"Upload-Offset": "0"})) == 0
    with pytest.raises(UploadHeaderInvalid):
        offset_of(Headers({}))


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_checksums(algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"spoken").digest()
    text = f"{algorithm} {base64.b64encode(digest).decode()}"
    found = checksum_of(Headers({"Upload-Checksum": text}))
    assert isinstance(found, Checksum)
    assert (found.algorithm, found.digest) == (algorithm, digest)
    assert checksum_of(Headers({})) is None


@pytest.mark.parametrize("text", ["sha1", "sha1 !", "sha1 AAAA", f"sha256 {coded('x' * 20)}"])
def test_a_checksum_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UploadHeaderInvalid):
        checksum_of(Headers({"Upload-Checksum": text}))


@pytest.mark.parametrize("text", ["md5 AAAA", "crc32 AA==", "", "SHA1 AAAA"])
def test_a_checksum_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ChecksumUnknown):
        checksum_of(Headers({"Upload-Checksum": text}))


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF)))
def test_any_header_is_read_or_refused(text: str) -> None:
    sent = Headers(raw=[(name, text.encode("latin-1")) for name in (b"upload-metadata", b"upload-checksum")])
    for read in (Metadata.of, checksum_of):
        try:
            read(sent)
        except Problem:
            continue
