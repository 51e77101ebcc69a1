"""Sixty sounds in which nobody speaks, the same ones in each run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.samples import RATE, Said, Sound

LOUDEST = 32_767
COLOURS = (("white", 0.0), ("pink", 1.0), ("brown", 2.0))
LEVELS = (-50, -40, -30, -20, -12)
RINGS = ((440, 480), (400, 450), (425, 425))
KEYS = (697, 770, 852, 941), (1209, 1336, 1477)
CHORD = (1.0, 1.26, 1.5, 2.0)
BABBLERS = 24
BABBLE_DECIBELS = -30.0

Wave = NDArray[np.float64]
Make = Callable[[int, np.random.Generator], Wave]


@dataclass(frozen=True, slots=True)
class Nobody:
    """A sound of some level, in decibels of full scale; silence has none."""

    name: str
    make: Make
    decibels: float | None

    def sound(self, seconds: float, seed: int, decibels: float | None = None) -> Sound:
        """So many seconds of it, at its own level or another."""
        wave = self.make(int(seconds * RATE), np.random.default_rng(seed))
        level = self.decibels if decibels is None or self.decibels is None else decibels
        return np.clip(LOUDEST * at_level(wave, level), -LOUDEST, LOUDEST).astype(np.int16)


def catalogue(voices: list[Said]) -> list[Nobody]:
    """The voices babble, many at once and backwards."""
    return [
        *(Nobody(f"{name} noise", _noise(tilt), level) for (name, tilt), level in product(COLOURS, LEVELS)),
        *(Nobody(f"hum of {hertz} Hz", _hum(hertz), level) for hertz, level in product((50, 60), (-40, -25, -12))),
        *(Nobody("typing", _typing(rate), level) for rate, level in product((3, 6, 9), (-40, -25))),
        *(Nobody("chords", _notes(root, together=True), -20) for root in (196, 220, 262, 330)),
        *(Nobody("arpeggios", _notes(root, together=False), -20) for root in (196, 220, 262, 330, 440)),
        *(Nobody("breath", _breath(rate), level) for rate, level in product((0.25, 0.4, 0.8), (-45, -30))),
        *(Nobody("babble", _babble(voices, number), BABBLE_DECIBELS) for number in range(6)),
        *(Nobody("ring tone", _ring(pair, on), -20) for pair, on in product(RINGS, (1, 2))),
        *(Nobody("keypad", _keypad(rate), -20) for rate in (2, 4, 6)),
        Nobody("silence", _silence, None),
        *(Nobody("almost silence", _noise(0.0), level) for level in (-90, -75)),
    ]  # fmt: skip


def at_level(wave: Wave, decibels: float | None) -> Wave:
    """With this mean power, if it has any."""
    power = np.sqrt(np.mean(wave**2))
    return wave if decibels is None or not power else np.asarray(wave * 10 ** (decibels / 20) / power)


def _silence(count: int, chance: np.random.Generator) -> Wave:
    return np.zeros(count)


def _noise(tilt: float) -> Make:
    """White, or louder in the lows."""

    def make(count: int, chance: np.random.Generator) -> Wave:
        spectrum = np.fft.rfft(chance.normal(size=count))
        return np.fft.irfft(spectrum / np.maximum(1, np.arange(len(spectrum))) ** (tilt / 2), count)

    return make


def _hum(hertz: float) -> Make:
    def make(count: int, chance: np.random.Generator) -> Wave:
        return sum((_tone(number * hertz, count) / number for number in range(1, 8)), np.zeros(count))

    return make


def _typing(rate: float) -> Make:
    """Clicks that come when they come."""

    def make(count: int, chance: np.random.Generator) -> Wave:
        wave, length = np.zeros(count), RATE // 20
        for at in _moments(rate, count, chance):
            click = chance.normal(size=length) * np.exp(-np.arange(length) / 120)
            wave[at : at + length] += click[: count - at]
        return wave

    return make


def _notes(root: float, *, together: bool) -> Make:
    """The notes of a chord that are struck at once or in turns, and die away."""

    def make(count: int, chance: np.random.Generator) -> Wave:
        wave, length = np.zeros(count), RATE // (1 if together else 4)
        for number, at in enumerate(range(0, count, length)):
            played = CHORD if together else (CHORD[number % len(CHORD)],)
            size = min(length, count - at)
            tone = sum((_tone(root * one, size) + _tone(2 * root * one, size) / 3 for one in played), np.zeros(size))
            wave[at : at + size] = tone * np.exp(-np.arange(size) / (length / 3))
        return wave

    return make


def _breath(rate: float) -> Make:
    def make(count: int, chance: np.random.Generator) -> Wave:
        return _noise(1.0)(count, chance) * np.clip(_tone(rate, count), 0, 1) ** 2

    return make


def _babble(voices: list[Said], number: int) -> Make:
    """Many voices backwards, each from somewhere on."""

    def make(count: int, chance: np.random.Generator) -> Wave:
        wave = np.zeros(count)
        for _ in range(BABBLERS + 4 * number):
            voice = voices[chance.integers(len(voices))].sound[::-1].astype(float)
            wave += np.roll(np.resize(at_level(voice, 0.0), count), chance.integers(count))
        return wave

    return make


def _ring(pair: tuple[float, float], on: float) -> Make:
    def make(count: int, chance: np.random.Generator) -> Wave:
        both = _tone(pair[0], count) + _tone(pair[1], count)
        return np.where(np.arange(count) / RATE % (3 * on) < on, both, 0.0)

    return make


def _keypad(rate: float) -> Make:
    def make(count: int, chance: np.random.Generator) -> Wave:
        wave, length = np.zeros(count), int(RATE / rate)
        for at in range(0, count, length):
            size = min(length // 2, count - at)
            wave[at : at + size] = sum((_tone(chance.choice(keys), size) for keys in KEYS), np.zeros(size))
        return wave

    return make


def _tone(hertz: float, count: int) -> Wave:
    return np.sin(2 * np.pi * hertz * np.arange(count) / RATE)


def _moments(rate: float, count: int, chance: np.random.Generator) -> Iterator[int]:
    at = 0.0
    while (at := at + chance.exponential(RATE / rate)) < count:
        yield int(at)
