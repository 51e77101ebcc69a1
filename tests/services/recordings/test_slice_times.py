"""How long slices say that they are: as browsers give them out, with a header and without."""

import pytest

from services.recordings.slice_times import seconds_of
from tests import audio, browser_recordings
from tests.audio import CLUSTER

RATE = 48_000
TONE = audio.tone(4.0, RATE)


@pytest.mark.parametrize("data", [
    browser_recordings.chromium(TONE, RATE), browser_recordings.firefox(TONE, RATE), audio.wav(audio.tone(4.0)),
    audio.encoded("webm", 4.0), audio.encoded("ogg", 4.0),
])  # fmt: skip
def test_a_whole_recording_tells_its_length(data: bytes) -> None:
    assert seconds_of(data) == pytest.approx(4.0, abs=0.03)


def test_a_slice_without_a_header_tells_its_length() -> None:
    _, *clusters = browser_recordings.chromium(TONE, RATE).split(CLUSTER)
    assert [seconds_of(CLUSTER + cluster) for cluster in clusters[:3]] == [pytest.approx(1.0, abs=0.01)] * 3


def test_a_slice_that_begins_with_the_last_block_of_the_one_before_counts_it() -> None:
    """As Chromium gives them out."""
    _, first, second, *_ = browser_recordings.chromium(TONE, RATE).split(CLUSTER)
    last_block = b"\xa3" + first.rpartition(b"\xa3")[2]
    alone = seconds_of(CLUSTER + second)
    assert alone is not None
    assert seconds_of(last_block + CLUSTER + second) == pytest.approx(alone + 0.02)


def test_pages_of_ogg_without_a_header_tell_their_length() -> None:
    whole = browser_recordings.firefox(TONE, RATE)
    pages = [b"OggS" + page for page in whole.split(b"OggS")[1:]]
    assert seconds_of(b"".join(pages[12:23])) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("data", [
    b"\0" * 100, b"RIFF", audio.wav(audio.tone(1.0))[:20], b"OggS", b"OggS" + b"\xff" * 60, CLUSTER,
    CLUSTER + b"\xff" * 400, b"\xa3" * 400, b"\x1a\x45\xdf\xa3" * 50, b"\x1a\x45\xdf\xa3" + b"\xff" * 200,
    audio.encoded("mp3", 1.0), b"not audio at all",
])  # fmt: skip
def test_what_does_not_tell_is_not_guessed(data: bytes) -> None:
    assert seconds_of(data) is None


@pytest.mark.parametrize("said", [0, 2**32 - 1])
def test_of_wav_that_does_not_say_how_long_it_is_all_that_is_there_counts(said: int) -> None:
    whole = bytearray(audio.wav(audio.tone(4.0)))
    whole[40:44] = said.to_bytes(4, "little")
    assert seconds_of(bytes(whole)) == pytest.approx(4.0, abs=0.03)
    assert seconds_of(bytes(whole[:44])) == 0.0


def test_what_is_empty_lasts_no_time() -> None:
    assert seconds_of(b"") == 0.0


def padded(whole: bytes, number: int) -> bytes:
    """The same recording with so many elements before its sound that say nothing."""
    if whole.startswith(b"RIFF"):
        return whole[:12] + b"LIST\0\0\0\0" * number + whole[12:]
    if whole.startswith(b"OggS"):
        second = whole.index(b"OggS", 4)
        return whole[:second] + (b"OggS\0\0" + b"\xff" * 8 + bytes(13)) * number + whole[second:]
    head, _, rest = whole.partition(CLUSTER)
    return head + b"\xec\x80" * number + CLUSTER + rest


@pytest.mark.parametrize("whole", [
    browser_recordings.chromium(TONE, RATE), browser_recordings.firefox(TONE, RATE), audio.wav(audio.tone(4.0)),
])  # fmt: skip
def test_elements_without_end_are_not_gone_through(whole: bytes) -> None:
    assert seconds_of(padded(whole, 1000)) == pytest.approx(4.0, abs=0.03)
    assert seconds_of(padded(whole, 60_000)) is None


def test_a_slice_in_which_the_recorder_began_anew_does_not_tell() -> None:
    """Its times go back: what they say of its length cannot be, and says nothing against its sound."""
    head, *clusters = browser_recordings.chromium(TONE, RATE).split(CLUSTER)
    begun_anew = head + CLUSTER + clusters[0]
    assert seconds_of(CLUSTER + clusters[-2] + begun_anew) is None
    pages = [b"OggS" + page for page in browser_recordings.firefox(TONE, RATE).split(b"OggS")[1:]]
    assert seconds_of(b"".join([*pages[-2:], *pages[:4]])) is None


def test_a_time_at_the_end_of_all_times_does_not_tell() -> None:
    block = b"\xa3\x84\x81\0\0\x80"
    assert seconds_of(CLUSTER + b"\x01" + b"\xff" * 7 + b"\xe7\x88" + bytes(8) + block
                      + CLUSTER + b"\x01" + b"\xff" * 7 + b"\xe7\x88" + b"\xff" * 8 + block) is None  # fmt: skip
