"""Which channels make the one that is listened to: measured over the whole recording, and chosen.

A downmix of opposite channels is silence, a late one is an echo, and a channel of noise spoils a good one.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
FRAME = RATE // 50
WINDOW = 2 * RATE
LATEST = RATE // 2
QUIETEST, LOUDEST = -110, 0
FLOOR, TOP = 0.1, 0.999
SILENT = -75.0
STEADY, WORSE = 6.0, 6.0
ALIKE, AKIN = 0.5, 0.15
SAME = 1e-4  # of the power: 40 dB below it, which no two microphones do and every codec does
LOWEST, HIGHEST = 150, 3_000

PITCHES = np.fft.rfftfreq(2 * WINDOW, 1 / RATE)
SPOKEN = ((PITCHES > LOWEST) & (PITCHES < HIGHEST)).astype(np.float32)  # where voices differ, and hum does not count

Samples: TypeAlias = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Mix:
    """How much of each channel, and how many samples late it is."""

    weights: tuple[float, ...]
    delays: tuple[int, ...]

    @property
    def is_mean(self) -> bool:
        mean = 1 / len(self.weights)
        return all(abs(weight - mean) < 0.3 * mean for weight in self.weights) and max(self.delays) <= 1


@dataclass(frozen=True, slots=True)
class Level:
    """How loud a channel is where it is quiet and where it is loud, in dB of full scale; speech is far from steady."""

    floor: float
    top: float

    @property
    def spread(self) -> float:
        return self.top - self.floor


def only(channel: int, channels: int) -> Mix:
    """One channel alone; silence where there are too few."""
    return Mix(tuple(float(number == channel) for number in range(channels)), (0,) * channels)


class Copies:
    """Whether all channels are the same one: nowhere is there a difference that could be heard."""

    def __init__(self) -> None:
        self.sound = self.difference = 0.0

    def take(self, block: Samples) -> None:
        sound = block.astype(np.float64)
        self.sound += float(np.square(sound[0]).sum())
        self.difference += float(np.square(sound - sound[0]).sum(axis=1).max())

    @property
    def are_all(self) -> bool:
        return self.sound > 0 and self.difference < SAME * self.sound


class Measure:
    """Levels of each channel, and how alike each two are, at which delay; in memory that does not grow."""

    def __init__(self, channels: int) -> None:
        self.counts = np.zeros((channels, LOUDEST - QUIETEST + 1), np.int64)
        self.energy = np.zeros(channels)
        self.pairs = list(combinations(range(channels), 2))
        self.crossed = np.zeros((len(self.pairs), WINDOW + 1), np.complex64)
        self.rest = np.zeros((channels, 0), np.int16)

    def take(self, block: Samples) -> None:
        self.rest = np.concatenate((self.rest, block), axis=1)
        while self.rest.shape[1] >= WINDOW:
            self._window(self.rest[:, :WINDOW])
            self.rest = self.rest[:, WINDOW:]

    def mix(self) -> Mix:
        """What is best made of these channels."""
        if self.rest.shape[1] >= FRAME:
            self._window(self.rest)
            self.rest = self.rest[:, :0]
        return choose([_level(counts) for counts in self.counts], self._likeness())

    def _window(self, samples: Samples) -> None:
        sound = samples.astype(np.float32) / 32_768
        self._count(np.diff(sound, axis=1, prepend=0))
        spectra = (np.fft.rfft(sound, 2 * WINDOW) * SPOKEN).astype(np.complex64)
        self.energy += np.square(np.abs(spectra)).sum(axis=1)
        for number, (one, other) in enumerate(self.pairs):
            self.crossed[number] += spectra[one].conj() * spectra[other]

    def _count(self, sharp: NDArray[np.floating[Any]]) -> None:
        whole = sharp[:, : sharp.shape[1] // FRAME * FRAME].reshape(len(sharp), -1, FRAME)
        levels = 10 * np.log10(np.square(whole).mean(axis=2) + 1e-11)
        places = np.clip(np.rint(levels) - QUIETEST, 0, LOUDEST - QUIETEST).astype(int)
        for counts, place in zip(self.counts, places, strict=True):
            counts += np.bincount(place, minlength=len(counts))

    def _likeness(self) -> dict[tuple[int, int], tuple[float, int]]:
        """Of each two: their correlation, negative where one is upside down, and how late the second is."""
        alike = {}
        for (one, other), crossed in zip(self.pairs, self.crossed, strict=True):
            fits = np.fft.irfft(crossed)
            fits = np.concatenate((fits[-LATEST:], fits[: LATEST + 1]))
            best = int(np.abs(fits).argmax())
            scale = float(np.sqrt(self.energy[one] * self.energy[other])) / WINDOW or 1.0
            correlation, delay = float(fits[best]) / scale, best - LATEST
            alike[one, other], alike[other, one] = (correlation, delay), (correlation, -delay)
        return alike


def choose(levels: list[Level], alike: dict[tuple[int, int], tuple[float, int]]) -> Mix:
    """The best channel and those that say the same as well; beside it what says something else. All in step with it."""
    channels = range(len(levels))
    best = max(channels, key=lambda channel: (levels[channel].top > SILENT, levels[channel].spread))
    weights, delays = [0.0] * len(levels), [0] * len(levels)
    same = [best, *(channel for channel in channels if channel != best and _is_same(alike[best, channel]))]
    heard = [channel for channel in same if levels[channel].spread > levels[best].spread - WORSE]
    others = [channel for channel in channels if channel not in same and _may_speak(levels[channel])]
    loudness = {channel: 10 ** (levels[channel].top / 20) for channel in heard}
    for channel in heard:
        correlation, delays[channel] = alike[best, channel] if channel != best else (1.0, 0)
        weights[channel] = float(np.copysign(loudness[channel], correlation)) / sum(loudness.values())
    for channel in others:
        correlation, delay = alike[best, channel]
        is_akin = abs(correlation) > AKIN
        weights[channel] = float(np.copysign(1.0, correlation)) if is_akin else 1.0
        delays[channel] = delay if is_akin else 0
    signals = 1 + len(others)
    earliest = min(delays)
    return Mix(tuple(weight / signals for weight in weights), tuple(delay - earliest for delay in delays))


def _is_same(likeness: tuple[float, int]) -> bool:
    return abs(likeness[0]) >= ALIKE


def _may_speak(level: Level) -> bool:
    return level.top > SILENT and level.spread > STEADY


def _level(counts: NDArray[np.int64]) -> Level:
    shares = counts.cumsum() / max(1, counts.sum())
    floor, top = (float(np.searchsorted(shares, share)) + QUIETEST for share in (FLOOR, TOP))
    return Level(floor, top)
