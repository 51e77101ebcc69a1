"""Two channels that are not to be mixed: each alone, and what is said where there are not two."""

from collections.abc import AsyncIterator
from functools import cache

import numpy as np
import pytest

from services.adapters.av_decoder import AvDecoder
from services.adapters.av_decoder.decode import ONE_CHANNEL, Handing, hand_over
from services.adapters.av_decoder.planning import Found
from services.transcription.ports import Place, Source
from tests import audio
from tests.at_length import long_but
from tests.services.adapters.test_av_decoder_channels import Sound, likeness, spoken

HELD = 330 * audio.RATE


def handed(data: bytes, channel: int, held: int = HELD) -> tuple[Sound, Found]:
    blocks: list[bytes] = []
    told: list[Found] = []
    hand_over(data, 600.0, Handing(blocks.append, told.append, held_samples=held, channel=channel))
    return np.frombuffer(b"".join(blocks), np.int16).astype(float), told[0]


@cache
def two() -> tuple[Sound, Sound]:
    return spoken(1)[: 4 * audio.RATE], spoken(2)[: 4 * audio.RATE]


CONTAINERS = ["webm", "ogg", "wav", "mp3", "mp4", "aac", "flac", "wma", "caf"]


def file(container: str, *channels: Sound) -> bytes:
    codec = "pcm_s16le" if container == "wav" else None
    return audio.spoken(container, np.stack(channels).astype(np.int16), audio.RATE, codec)


@pytest.mark.parametrize("container", CONTAINERS)
def test_each_channel_is_heard_alone(container: str) -> None:
    apart(container, HELD)


@pytest.mark.parametrize("container", long_but("webm", "mp4", of=CONTAINERS))
def test_each_channel_is_heard_alone_where_nothing_is_held(container: str) -> None:
    apart(container, 0)


def apart(container: str, held: int) -> None:
    data = file(container, *two())
    for channel in (0, 1):
        sound, found = handed(data, channel, held)
        assert best_likeness(sound, two()[channel]) > 0.95
        assert best_likeness(sound, two()[1 - channel]) < 0.2
        assert not found.flaws


def best_likeness(sound: Sound, wanted: Sound) -> float:
    """However late it is: codecs add some milliseconds at the beginning."""
    size = len(sound) + len(wanted)
    crossed = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(wanted, size).conj(), size)
    return float(np.abs(crossed).max() / np.sqrt((sound @ sound) * (wanted @ wanted)))


@pytest.mark.parametrize("held", [HELD, 0])
def test_one_channel_sent_as_two_is_the_left_and_a_warning(held: int) -> None:
    data = file("webm", spoken(1))
    left, found = handed(data, 0, held)
    right, other = handed(data, 1, held)
    assert likeness(left[: len(spoken(1))], spoken(1)[: len(left)]) > 0.95
    assert not right.any()
    assert len(right) == len(left)
    assert [flaw.code for flaw in found.flaws] == [flaw.code for flaw in other.flaws] == [ONE_CHANNEL]


@pytest.mark.parametrize("container", ["webm", "mp3", "mp4", "wav"])
def test_the_same_on_both_channels_counts_as_one(container: str) -> None:
    data = file(container, spoken(1), spoken(1))
    (left, found), (right, other) = handed(data, 0), handed(data, 1)
    assert left.any()
    assert not right.any()
    assert found.flaws[0].code == other.flaws[0].code == ONE_CHANNEL


def test_a_silent_side_and_opposite_sides_are_two() -> None:
    for one, other in ((spoken(1), 0 * spoken(1)), (0 * spoken(1), spoken(1)), (spoken(1), -spoken(1))):
        data = file("wav", one, other)
        (left, found), (right, _) = handed(data, 0), handed(data, 1)
        assert left.any() == one.any()
        assert right.any() == other.any()
        assert not found.flaws


def test_of_a_joined_recording_the_warning_says_where_one_channel_begins() -> None:
    data = file("wav", *two()) + file("wav", spoken(1))
    right, found = handed(data, 1)
    seconds = len(two()[0]) / audio.RATE
    (flaw,) = [flaw for flaw in found.flaws if flaw.code == ONE_CHANNEL]
    assert flaw.at == pytest.approx(seconds, abs=0.01)
    assert not right[len(two()[0]) + 160 :].any()
    assert right[: len(two()[0])].any()


def test_each_side_has_its_own_level() -> None:
    quiet = 0.01 * spoken(1)
    data = file("flac", quiet, spoken(1))
    (left, found), (_, other) = handed(data, 0), handed(data, 1)
    assert found.gain is not None
    assert other.gain is None
    assert np.abs(left).max() > 10 * np.abs(quiet).max()


@pytest.fixture
async def decoder() -> AsyncIterator[AvDecoder]:
    decoder = AvDecoder(600.0, 100 * 1024 * 1024)
    yield decoder
    await decoder.close()


async def test_the_confined_process_hands_over_the_channel_that_is_asked_for(decoder: AvDecoder) -> None:
    data = file("wav", *two())
    source = Source(len(data), lambda at: audio.arriving(data[at:]))
    for channel in (0, 1):
        async with decoder.listen(source, Place(channel=channel)) as sound:
            pcm, plan = b"".join([block async for block in sound.blocks()]), sound.plan
        assert pcm == two()[channel].astype(np.int16).tobytes()
        async with decoder.listen(source, Place(audio.RATE, plan, channel)) as sound:
            assert b"".join([block async for block in sound.blocks()]) == pcm[2 * audio.RATE :]
