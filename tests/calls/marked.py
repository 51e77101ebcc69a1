"""A side of a call that tells at each place which it is: speech, and above it tones of which no two are alike.

Whoever hears the sound can say what of it is there, as words: what is missing, twice, or on the other side.
"""

from functools import cache
from itertools import groupby

import numpy as np

from services.calls.packets.opus import RATE
from services.interviews.model import CallSide
from tests.audio import RATE as HEARD_RATE
from tests.calls.sound import Samples, coded
from tests.system.speech import samples, sound_of

PLACE_SECONDS = 0.25
MOST_PLACES = 48
SPACING = 36.0
LOWEST = {CallSide.LEFT: 3900.0, CallSide.RIGHT: 5700.0}
LOUDNESS = 0.1
WINDOW, HOP = HEARD_RATE // 10, HEARD_RATE // 40
CLEAR, LOUD = 100.0, 8.0


def words_of(side: CallSide, seconds: float) -> list[str]:
    """What is heard of so many seconds of a side, where all of them are there."""
    return [f"{side.value}{place}" for place in range(round(seconds / PLACE_SECONDS))]


@cache
def packets_of(side: CallSide, seconds: float) -> tuple[bytes, ...]:
    """The same as Opus packets of 20 ms."""
    return tuple(coded(_sound(side, seconds), application="audio", bit_rate=64_000))


def _sound(side: CallSide, seconds: float) -> Samples:
    count = round(seconds * RATE)
    times = np.arange(count) / RATE
    places = (times / PLACE_SECONDS).astype(np.int64)
    assert places.max() < MOST_PLACES
    tones = LOUDNESS * np.sin(2 * np.pi * (LOWEST[side] + SPACING * places) * times)
    return (_speech(count) + tones).astype(np.float32)


def _speech(count: int) -> Samples:
    """One of the demo's answers without what is above a telephone's voice, as often as is needed."""
    heard = sound_of(samples()[0].audio).astype(np.float32) / 32_768
    spectrum = np.fft.rfft(heard)
    spectrum[np.fft.rfftfreq(len(heard), 1 / HEARD_RATE) > 3400] = 0
    sound = 3 * np.fft.irfft(spectrum, 3 * len(heard))
    return np.resize(0.5 * sound, count).astype(np.float32)


def heard_in(sound: Samples) -> list[str]:
    """The words that are in what was recorded, at the rate of speech, in their order."""
    told = [_told(sound[at : at + WINDOW]) for at in range(0, len(sound) - WINDOW + 1, HOP)]
    return [word for word, group in groupby(told) if word and len(list(group)) > 2]


def _told(window: Samples) -> str:
    """The word of the loudest tone, where one is clear of all else up there, and of what a decoder makes up."""
    spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window)), 4 * len(window)))
    frequencies = np.fft.rfftfreq(4 * len(window), 1 / HEARD_RATE)
    above = (frequencies > LOWEST[CallSide.LEFT] - SPACING) & (frequencies < HEARD_RATE / 2 - 500)
    spectrum, frequencies = spectrum[above], frequencies[above]
    if spectrum.max() < max(LOUD, CLEAR * np.median(spectrum)):
        return ""
    peak = frequencies[int(np.argmax(spectrum))]
    side = CallSide.LEFT if peak < LOWEST[CallSide.RIGHT] - SPACING / 2 else CallSide.RIGHT
    return f"{side.value}{round((peak - LOWEST[side]) / SPACING)}"
