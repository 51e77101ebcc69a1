"""Recordings that are entered in their middle: the sound that is there, at the time at which it is there."""

import re
from io import BytesIO

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from services.adapters.av_decoder.decode import decode
from services.adapters.av_decoder.entering import BEFORE, Enterable, Entry, enterable, from_entry
from services.recordings.formats import Container, container_of
from tests import audio
from tests.made import Made

RATE = audio.RATE
SECONDS = 12.0
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}
CLUSTERS = {"cluster_time_limit": "1000"}
PAGES = {"page_duration": "400000"}


def changing(rate: int) -> audio.Samples:
    """A tone that rises, so that each moment sounds like no other, and clicks at each half second."""
    at = np.arange(int(SECONDS * rate)) / rate
    sound = 6_000 * np.sin(2 * np.pi * (200 * at + 20 * at**2))
    sound[(at * 1000).astype(int) % 500 < 4] += 12_000
    return sound.astype(np.int16)


def made(container: str, codec: str | None = None, options: dict[str, str] | None = None) -> bytes:
    rate = audio.ENCODERS[container][1]
    return audio.spoken(container, changing(rate)[np.newaxis], rate, codec, options)


def live_webm() -> bytes:
    """As a browser writes it: segment and clusters of unknown size."""
    return made("webm", options={"live": "1", **CLUSTERS})


VORBIS = "libvorbis" if "libvorbis" in av.codecs_available else None
RECORDINGS = Made(
    {
        "webm": lambda: made("webm", options=CLUSTERS),
        "live webm": live_webm,
        "ogg opus": lambda: made("ogg", options=PAGES),
        "ogg vorbis": lambda: made("ogg", VORBIS, PAGES),
        "fragmented mp4": lambda: made("mp4", options=FRAGMENTED),
        "mp3": lambda: made("mp3"),
        "adts": lambda: made("aac"),
        "wav": lambda: made("wav"),
        "flac": lambda: made("flac"),
    }
)
LEFT = 4_000  # bytes of its beginning, with what tells its form
MOMENTS = [0.0, 0.3, 2.0, 5.5, 9.99, 11.5]


def samples(data: bytes) -> audio.Samples:
    blocks: list[bytes] = []
    decode(data, 60.0, blocks.append, blocks.clear)
    return np.frombuffer(b"".join(blocks), np.int16)


def place_in(data: bytes) -> Enterable:
    kind = container_of(data)
    assert kind is not None
    found = enterable(kind, data)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def wholes() -> dict[str, audio.Samples]:
    return {name: samples(data) for name, data in RECORDINGS.items()}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", RECORDINGS)
def test_from_an_entry_on_it_sounds_as_it_does_in_the_whole(
    wholes: dict[str, audio.Samples], name: str, moment: float
) -> None:
    data, whole = RECORDINGS[name], wholes[name]
    place = place_in(data)
    entry = place.before(moment)
    assert entry.seconds <= max(0.0, moment - BEFORE)
    assert moment - entry.seconds < 2.5
    heard = samples(from_entry(data, place, entry))
    first = round((moment - entry.seconds) * RATE)
    ours, theirs = heard[first : first + RATE // 2], whole[round(moment * RATE) :][: RATE // 2]
    assert _lag(ours, theirs) <= RATE // 200
    assert len(heard) == pytest.approx(len(whole) - entry.seconds * RATE, abs=RATE // 20)


def _lag(ours: audio.Samples, theirs: audio.Samples) -> int:
    """How many samples one is behind the other, where they fit best; they must fit well."""
    length = min(len(ours), len(theirs))
    one, other = (sound[:length].astype(float) for sound in (ours, theirs))
    fits = np.fft.irfft(np.fft.rfft(one, 2 * length) * np.fft.rfft(other, 2 * length).conj())
    best = int(np.abs(fits).argmax())
    assert fits[best] / np.sqrt((one**2).sum() * (other**2).sum()) > 0.9
    return min(best, 2 * length - best)


@pytest.mark.parametrize("name", RECORDINGS)
def test_who_knows_an_entry_finds_the_next_without_looking_at_what_is_before(name: str) -> None:
    data = RECORDINGS[name]
    place = place_in(data)
    known = place.before(4.0)
    blind = bytearray(data)
    blind[LEFT : known.offset] = bytes(known.offset - LEFT)
    found = place_in(bytes(blind)).before(9.0, known)
    assert found.offset == place.before(9.0).offset
    assert found.seconds == pytest.approx(place.before(9.0).seconds)


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_has_not_arrived_yet_is_no_entry(name: str) -> None:
    data = RECORDINGS[name]
    for length in range(len(data) // 3, len(data), max(1, len(data) // 40)):
        arrived = data[:length]
        place = enterable(container_of(arrived) or Container.AMR, arrived)
        assert place is not None
        entry = place.before(SECONDS)
        assert place.head <= entry.offset < length
        assert entry == place_in(data).before(entry.seconds + BEFORE + 1e-6)


def test_an_mp4_with_its_index_at_the_end_is_heard_from_its_beginning() -> None:
    assert enterable(Container.MP4, made("mp4")) is None


@pytest.mark.parametrize("kind", [Container.AMR, Container.WMA])
def test_what_is_not_known_here_is_heard_from_its_beginning(kind: Container) -> None:
    assert enterable(kind, b"anything") is None


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_head_alone_and_less_is_entered_nowhere_else(name: str) -> None:
    data = RECORDINGS[name]
    head = place_in(data).head
    for length in (5, 30, head // 2, head):
        begun = data[:length]
        found = enterable(container_of(data) or Container.AMR, begun)
        assert found is None or found.before(5.0) == found.first


def test_behind_a_hole_nobody_counts() -> None:
    data = RECORDINGS["mp3"]
    half = len(data) // 2
    place = place_in(data[:half] + bytes(3_000) + data[half + 3_000 :])
    assert place.before(SECONDS).offset < half


def test_an_entry_at_the_beginning_is_the_recording_as_it_is() -> None:
    data = RECORDINGS["ogg opus"]
    place = place_in(data)
    assert from_entry(data, place, Entry(place.head, 0.0)) == data


def test_the_streams_of_these_tests_are_what_they_are_called() -> None:
    with av.open(BytesIO(RECORDINGS["fragmented mp4"])) as file:
        assert isinstance(file.streams[0], AudioStream)
    assert RECORDINGS["fragmented mp4"].count(b"moof") > 5
    assert RECORDINGS["live webm"].count(b"\x1f\x43\xb6\x75") > 5


def test_bytes_that_only_look_like_a_frame_are_no_entry() -> None:
    data = RECORDINGS["flac"]
    place = place_in(data + b"\xff\xf8\xc9\x18\xff" + bytes(20))
    assert [entry.offset for entry in place.entries(place.first)][-1] < len(data)


def test_a_fragment_whose_time_stands_far_behind_its_beginning_is_not_entered() -> None:
    """Heads may lie in each other: if each were searched to its end, the recording would be gone through for each."""
    whole = RECORDINGS["fragmented mp4"]
    begins = [at.start() - 4 for at in re.finditer(b"moof", whole)]
    place, second = begins[1], begins[1] + 8 + 16  # behind the box that numbers it
    filled = (5_000).to_bytes(4) + b"free" + bytes(4_992)
    size = int.from_bytes(whole[place : place + 4]) + len(filled)
    longer = whole[:place] + size.to_bytes(4) + whole[place + 4 : second] + filled + whole[second:]
    found = place_in(longer)
    entered = [entry.offset for entry in found.entries(found.first)]
    assert entered == [at + len(filled) * (at > place) for at in begins if at != place]
