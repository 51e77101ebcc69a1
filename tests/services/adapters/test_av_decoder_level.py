"""Quiet recordings are brought to level, and nothing else is changed."""

import numpy as np
import pytest

from services.adapters.av_decoder import AvDecoder
from services.adapters.av_decoder.level import Loudness, louder
from services.adapters.silero_activity import SileroActivity
from tests import audio
from tests.system.speech import samples, sound_of

SECOND = 2 * audio.RATE


def blocks_of(sound: audio.Samples) -> list[bytes]:
    pcm = sound.astype("<i2").tobytes()
    return [pcm[start : start + SECOND] for start in range(0, len(pcm), SECOND)]


def levelled(blocks: list[bytes]) -> list[bytes]:
    loudness = Loudness()
    for block in blocks:
        loudness.take(block)
    return [louder(block, loudness.gain) for block in blocks]


def at(sound: audio.Samples, decibels: float) -> audio.Samples:
    """As loud as this where it is loudest for half a second."""
    frames = sound[: len(sound) // 320 * 320].reshape(-1, 320).astype(float)
    loudest = np.sort(np.sqrt(np.square(frames).mean(axis=1)))[-25]
    scaled: audio.Samples = np.rint(sound * (32_768 * 10 ** (decibels / 20) / loudest)).astype(np.int16)
    return scaled


def loudest(blocks: list[bytes]) -> float:
    sound = np.frombuffer(b"".join(blocks), np.int16)
    frames = sound[: len(sound) // 320 * 320].reshape(-1, 320).astype(float)
    return float(20 * np.log10(np.sort(np.sqrt(np.square(frames).mean(axis=1)))[-25] / 32_768))


@pytest.mark.parametrize("decibels", [-40.0, -50.0, -58.0])
def test_what_is_quiet_is_brought_to_level(decibels: float) -> None:
    spoken = at(sound_of(samples()[0].audio), decibels)
    raised = levelled(blocks_of(spoken))
    assert loudest(raised) == pytest.approx(-20.0, abs=0.5)
    assert [len(block) for block in raised] == [len(block) for block in blocks_of(spoken)]
    heard = np.frombuffer(b"".join(raised), np.int16).astype(float)
    assert np.corrcoef(heard, spoken)[0, 1] > 0.9999


@pytest.mark.parametrize("decibels", [-34.0, -20.0, -8.0])
def test_what_is_not_quiet_is_left_as_it_is(decibels: float) -> None:
    blocks = blocks_of(at(sound_of(samples()[0].audio), decibels))
    assert levelled(blocks) == blocks


def test_a_voice_among_long_silence_is_not_torn() -> None:
    spoken = sound_of(samples()[0].audio)[: 2 * audio.RATE]
    blocks = blocks_of(np.concatenate([audio.noise(120.0, level=3), spoken, audio.noise(120.0, level=3)]))
    assert levelled(blocks) == blocks


def test_a_knock_does_not_keep_a_voice_quiet() -> None:
    spoken = at(sound_of(samples()[0].audio), -50.0)
    spoken[100:2_000] = 20_000
    assert loudest(levelled(blocks_of(spoken))) == pytest.approx(-20.0, abs=1.0)


@pytest.mark.parametrize("sound", [audio.silence(3.0), audio.silence(0.0)])
def test_silence_stays_silence(sound: audio.Samples) -> None:
    assert levelled(blocks_of(sound)) == blocks_of(sound)


def test_a_short_voice_is_brought_to_level_too() -> None:
    short = (audio.tone(0.3) // 400).astype(np.int16)
    assert np.abs(np.frombuffer(b"".join(levelled(blocks_of(short))), np.int16)).max() > 1_500


async def test_a_decoded_recording_that_is_quiet_is_loud_enough_to_be_found() -> None:
    decoder = AvDecoder(60.0, 30 * 1024 * 1024)
    try:
        quiet = await decoder.decode(audio.arriving(audio.wav(at(sound_of(samples()[0].audio), -60.0))))
    finally:
        await decoder.close()
    assert loudest([quiet.pcm]) > -25.0
    assert (await SileroActivity().find(quiet)).spans


@pytest.mark.parametrize("level", [1, 5, 30, 200])
async def test_quiet_noise_is_made_no_voice(level: int) -> None:
    noise = audio.noise(20.0, level=level)
    pcm = b"".join(levelled(blocks_of(noise)))
    assert (await SileroActivity().find(audio.recording(np.frombuffer(pcm, np.int16)))).spans == []
