"""Two recordings as the two channels of one, in step, made where the strangers' bytes are decoded."""

import io
import itertools
from collections.abc import AsyncIterator, Callable

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from services.adapters.av_decoder import AvDecoder, fork_client
from services.adapters.av_decoder import protocol as said
from services.errors import AudioTooLong, AudioUnreadable
from services.transcription.ports import Source
from tests import audio
from tests.at_length import long_but
from tests.services.adapters.test_av_decoder_channels import likeness, spoken

WIDE = 48_000
HOLDS_LITTLE = (
    "import services.adapters.av_decoder.protocol as p; p.HELD_BYTES = 1_000;"
    "import services.adapters.av_decoder.fork_server as t; t.serve()"
)
SECONDS = 4
FILES: dict[str, Callable[[audio.Samples], bytes]] = {
    "ogg": lambda sound: audio.spoken("ogg", sound[np.newaxis], audio.RATE),
    "webm": lambda sound: audio.spoken("webm", sound[np.newaxis], audio.RATE),
    "wav": lambda sound: audio.wav(sound),
    "flac": lambda sound: audio.spoken("flac", sound[np.newaxis], audio.RATE),
}


def voice(number: int, seconds: float = SECONDS) -> audio.Samples:
    return spoken(number)[: int(seconds * audio.RATE)].astype(np.int16)


@pytest.fixture(scope="module")
async def decoder() -> AsyncIterator[AvDecoder]:
    decoder = AvDecoder(60.0, 100 * 1024 * 1024)
    yield decoder
    await decoder.close()


def source(data: bytes) -> Source:
    return Source(len(data), lambda at: audio.arriving(data[at:]))


async def merged(decoder: AvDecoder, left: bytes, right: bytes) -> bytes:
    return b"".join([page async for page in decoder.merged(source(left), source(right))])


def channels(data: bytes) -> NDArray[np.float64]:
    """Both channels, as any player hears them."""
    with av.open(io.BytesIO(data)) as container:
        assert not isinstance(container, av.container.OutputContainer)
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.layout.name) == ("opus", WIDE, "stereo")
        frames = [frame.to_ndarray() for frame in container.decode(stream)]
    return np.concatenate(frames, axis=1).astype(float)


def at_16k(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a third of the samples, each the mean of three: enough to compare voices."""
    whole = sound[: len(sound) // 3 * 3]
    mean: NDArray[np.float64] = whole.reshape(-1, 3).mean(axis=1)
    return mean


@pytest.mark.parametrize(
    ("left", "right"), long_but(("webm", "ogg"), ("flac", "wav"), of=itertools.product(FILES, ["ogg", "wav"]))
)
async def test_each_side_is_its_channel_and_nothing_of_the_other(decoder: AvDecoder, left: str, right: str) -> None:
    found = channels(await merged(decoder, FILES[left](voice(1)), FILES[right](voice(2))))
    assert abs(found.shape[1] - SECONDS * WIDE) <= 960
    for channel, own, other in ((0, 1, 2), (1, 2, 1)):
        sound = at_16k(found[channel])
        length = min(len(sound), len(voice(own)))
        assert likeness(sound[:length], voice(own)[:length].astype(float)) > 0.95
        assert abs(likeness(sound[:length], voice(other)[:length].astype(float))) < 0.05


async def test_both_are_in_step(decoder: AvDecoder) -> None:
    """A click on each side every second, half a second apart: to a millisecond where they belong."""
    clicks = np.zeros((2, 5 * WIDE), np.int16)
    for second in range(5):
        clicks[0, second * WIDE + 12_000] = clicks[1, second * WIDE + 36_000] = 30_000
    files = [audio.spoken("ogg", row[np.newaxis], WIDE) for row in clicks]
    found = np.abs(channels(await merged(decoder, files[0], files[1])))
    for channel, first in ((0, 12_000), (1, 36_000)):
        for second in range(5):
            at = second * WIDE + first
            near = found[channel, at - 2_400 : at + 2_400]
            assert abs(int(near.argmax()) - 2_400) <= 48


async def test_the_shorter_one_ends_in_silence_and_an_empty_one_is_silence(decoder: AvDecoder) -> None:
    found = channels(await merged(decoder, FILES["ogg"](voice(1, 1.0)), FILES["ogg"](voice(2, 3.0))))
    assert abs(found.shape[1] - 3 * WIDE) <= 960
    assert np.abs(found[0, int(1.1 * WIDE) :]).max() < 0.001
    alone = channels(await merged(decoder, FILES["ogg"](voice(1)), b""))
    assert np.abs(alone[0]).max() > 0.1
    assert np.abs(alone[1]).max() < 0.001


async def test_what_is_merged_twice_is_the_same_file(decoder: AvDecoder) -> None:
    left, right = FILES["ogg"](voice(1)), FILES["ogg"](voice(2))
    assert await merged(decoder, left, right) == await merged(decoder, left, right)


async def test_more_than_a_process_holds_is_asked_for_as_it_is_needed(
    decoder: AvDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = FILES["wav"](voice(1)), FILES["wav"](voice(2))
    whole = await merged(decoder, left, right)
    monkeypatch.setattr(said, "HELD_BYTES", 1_000)
    monkeypatch.setattr(fork_client, "START", HOLDS_LITTLE)
    again = AvDecoder(60.0, 100 * 1024 * 1024)
    assert said.Order(60.0, len(left) + len(right), left=len(left)).is_held is False
    try:
        assert await merged(again, left, right) == whole
    finally:
        await again.close()


async def test_what_is_no_sound_or_too_long_is_told(decoder: AvDecoder) -> None:
    for left, right in ((b"", b""), (b"RIFF nothing", FILES["ogg"](voice(1))), (FILES["ogg"](voice(1)), b"text")):
        with pytest.raises(AudioUnreadable):
            await merged(decoder, left, right)
    with pytest.raises(AudioTooLong):
        await merged(decoder, audio.hours_of_silence(0.1), FILES["ogg"](voice(1)))
