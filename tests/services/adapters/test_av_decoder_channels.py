"""What one channel is made of several: the spoken words, and as little else as can be."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.adapters.av_decoder.channels import Level, Measure, Mix, choose
from services.adapters.av_decoder.decode import decode
from tests import audio
from tests.at_length import long_but

DEMO = Path(__file__).parents[3] / "scripts/demo"
Sound = NDArray[np.float64]


def heard(data: bytes) -> tuple[Sound, int]:
    """The sound, and how often it was begun anew."""
    blocks: list[bytes] = []
    begins: list[None] = []

    def afresh() -> None:
        blocks.clear()
        begins.append(None)

    decode(data, 120.0, blocks.append, afresh)
    return np.frombuffer(b"".join(blocks), np.int16).astype(float), len(begins)


@cache
def spoken(number: int) -> Sound:
    return heard((DEMO / f"answer-{number}.webm").read_bytes())[0][: 15 * audio.RATE]


def noise(level: float, seed: int = 1) -> Sound:
    """White, at so many dB of full scale."""
    return np.random.default_rng(seed).normal(0, 32_768 * 10 ** (level / 20), len(spoken(1)))


def late(sound: Sound, seconds: float) -> Sound:
    return np.concatenate((np.zeros(round(seconds * audio.RATE)), sound))[: len(sound)]


def hum() -> Sound:
    return audio.tone(15.0, hertz=50.0, level=9_000)[: len(spoken(1))].astype(float)


def mixed(*channels: Sound) -> Sound:
    """What is made of them, 16 kHz WAV in."""
    samples = np.clip(np.stack(channels), -32_768, 32_767).astype(np.int16)
    sound, _ = heard(audio.spoken("wav", samples, audio.RATE, "pcm_s16le"))
    assert len(sound) == samples.shape[1]
    return sound


def likeness(sound: Sound, wanted: Sound) -> float:
    return float(sound @ wanted / np.sqrt((sound @ sound) * (wanted @ wanted)))


SAID = "what is said"
FAULTS: dict[str, list[str]] = {
    "doubled": [SAID, SAID],
    "opposite": [SAID, "opposite"],
    "one silent": [SAID, "silent"],
    "the other silent": ["silent", SAID],
    "one of noise": [SAID, "noise"],
    "the other of noise": ["loud noise", SAID],
    "one in noise": ["in noise", SAID],
    "one of hum": ["hum", SAID],
    "one late": [SAID, "late"],
    "one very late": ["very late", SAID],
    "one late and opposite": [SAID, "late and opposite"],
    "one quiet": [SAID, "quiet"],
    "three": [SAID, "opposite", "silent"],
    "four": [SAID, "opposite", SAID, "opposite"],
    "five": ["silent", "silent", SAID, "silent", "noise"],
    "six": ["silent", "silent", SAID, "silent", "silent", "silent"],
    "seven": ["noise", "silent", "noise", "silent", "hum", "silent", SAID],
    "eight": ["noise", "hum", "silent", "late", "opposite", SAID, "in noise", "quiet"],
}


def channel(name: str, seed: int) -> Sound:
    said = spoken(1)
    return {
        SAID: said,
        "opposite": -said,
        "silent": 0 * said,
        "noise": noise(-30, seed),
        "loud noise": noise(-10, seed),
        "in noise": said + noise(-25, seed),
        "hum": hum(),
        "late": late(said, 0.003),
        "very late": late(said, 0.1),
        "late and opposite": -late(said, 0.02),
        "quiet": 0.05 * said,
    }[name]


@pytest.mark.parametrize("fault", long_but("doubled", "opposite", "one late", "eight", of=FAULTS))
def test_the_words_are_heard_whatever_the_channels(fault: str) -> None:
    """Upright or inverted: of a channel and its opposite, neither says more."""
    sound = mixed(*(channel(name, seed) for seed, name in enumerate(FAULTS[fault])))
    assert abs(likeness(sound, spoken(1))) > 0.999
    assert np.abs(sound).max() > 0.8 * np.abs(spoken(1)).max()


def test_two_voices_are_both_heard() -> None:
    length = min(len(spoken(1)), len(spoken(2)))
    one, other = spoken(1)[:length], spoken(2)[:length]
    assert likeness(mixed(one, other), one + other) > 0.999


def test_who_speaks_seldom_on_a_channel_of_their_own_is_heard() -> None:
    other = noise(-70)
    other[: 2 * audio.RATE] += spoken(2)[: 2 * audio.RATE]
    sound = mixed(spoken(1), other)[: 2 * audio.RATE]
    assert likeness(sound, (spoken(1) + other)[: 2 * audio.RATE]) > 0.999


def test_two_recordings_of_one_voice_in_noise_are_better_than_each() -> None:
    both = mixed(spoken(1) + noise(-30, 1), late(spoken(1), 0.01) + noise(-30, 2))
    assert likeness(both, spoken(1)) > likeness(spoken(1) + noise(-30, 1), spoken(1))


PACKED = ("webm", "ogg", "mp3", "mp4", "aac", "wma", "caf", "flac")


@pytest.mark.parametrize("container", long_but("webm", "mp4", of=PACKED))
def test_opposite_channels_are_heard_from_any_container(container: str) -> None:
    channels = np.stack((spoken(1), -spoken(1))).astype(np.int16)
    sound, _ = heard(audio.spoken(container, channels, audio.RATE))
    assert np.sqrt(np.mean(sound**2)) > 0.7 * np.sqrt(np.mean(spoken(1) ** 2))


def test_ordinary_stereo_is_decoded_once() -> None:
    channels = np.stack((spoken(1) + noise(-60, 1), 0.8 * spoken(1) + noise(-60, 2))).astype(np.int16)
    assert heard(audio.spoken("wav", channels, audio.RATE, "pcm_s16le"))[1] == 0
    assert heard(audio.spoken("wav", np.stack((channels[0], -channels[1])), audio.RATE, "pcm_s16le"))[1] == 1


def test_measuring_takes_no_more_memory_for_longer_recordings() -> None:
    measure = Measure(2)
    block = np.random.default_rng(1).integers(-9_000, 9_000, (2, 3 * audio.RATE), np.int16)
    for _ in range(20):
        measure.take(block)
    assert measure.rest.shape[1] < 3 * audio.RATE
    assert measure.counts.sum() == pytest.approx(2 * 50 * 60, abs=200)


def test_nothing_at_all_is_a_mix_as_well() -> None:
    assert Measure(2).mix().weights
    silent = Level(-110.0, -110.0)
    assert choose([silent, silent], {(0, 1): (0.0, 0), (1, 0): (0.0, 0)}) == Mix((1.0, 0.0), (0, 0))
