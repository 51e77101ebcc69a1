"""The port VoiceActivity on the silero model that comes with faster-whisper."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np
from faster_whisper.vad import get_vad_model
from numpy.typing import NDArray

from services.interviews.transcript import Span
from services.transcription.ports import Activity, Recording

RATE = 16_000
FRAME = 512
FRAME_SECONDS = FRAME / RATE
HYSTERESIS = 0.15
QUIET_SAMPLES = RATE * 60 // 1000

Sound = NDArray[np.float32]
Probabilities = NDArray[np.float32]
Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SileroActivity:
    """Finds speech; hum, noise and silence are none. Longer stretches than `most_seconds` are cut at pauses.

    A recording in which no moment is speech for certain has none; where there is some, fainter speech counts too.
    """

    certain: float = 0.5
    spoken: float = 0.35
    heard: float = 0.3
    most_seconds: float = 18.0
    pause_seconds: float = 0.16
    least_silence_seconds: float = 2.0
    padding_seconds: float = 0.4
    least_heard_seconds: float = 0.25
    leeway_seconds: float = 1.0

    async def find(self, recording: Recording) -> Activity:
        """Where somebody speaks, with a little air around it."""
        return await asyncio.to_thread(self._find, recording)

    def _find(self, recording: Recording) -> Activity:
        sound = np.frombuffer(recording.pcm, np.int16).astype(np.float32) / np.float32(32_768)
        speech = _probabilities(sound)
        if not (speech >= self.certain).any():
            return Activity([], [])
        spoken = list(_stretches(speech, self.spoken, self.least_silence_seconds))
        whole = list(self._aired(spoken, recording.duration))
        pieces = [short for one in whole for piece in self._cut(speech, one) for short in self._short(sound, piece)]
        heard = [
            one for one in _stretches(speech, self.heard, self.pause_seconds) if _long(one, self.least_heard_seconds)
        ]
        return Activity([Span(*piece) for piece in pieces], [Span(*stretch) for stretch in heard])

    def _aired(self, stretches: list[Stretch], duration: float) -> Iterator[Stretch]:
        """The stretches with air around them, and no two that overlap."""
        ends = [0.0, *(end for _, end in stretches)]
        starts = [*(start for start, _ in stretches), duration]
        for number, (start, end) in enumerate(stretches):
            before = start - ends[number] if number == 0 else (start - ends[number]) / 2
            after = starts[number + 1] - end if number == len(stretches) - 1 else (starts[number + 1] - end) / 2
            yield start - min(self.padding_seconds, max(before, 0.0)), end + min(self.padding_seconds, max(after, 0.0))

    def _cut(self, speech: Probabilities, stretch: Stretch) -> Iterator[Stretch]:
        """A long stretch in pieces without gaps between them, cut in the middle of pauses."""
        start, end = stretch
        if end - start <= self.most_seconds:
            return pairwise([start, end])
        inside = [
            one for one in _stretches(speech, self.spoken, self.pause_seconds) if start <= one[0] and one[1] <= end
        ]
        pauses = [(before + after) / 2 for (_, before), (after, _) in pairwise(inside)]
        return pairwise([start, *pauses, end])

    def _short(self, sound: Sound, piece: Stretch) -> Iterator[Stretch]:
        """A piece without a pause for long is cut all the same, at the quietest moments near where it has to be."""
        start, end = piece
        if end - start <= self.most_seconds:
            return pairwise([start, end])
        count = ceil((end - start) / (self.most_seconds - 2 * self.leeway_seconds))
        even = (start + (end - start) * number / count for number in range(1, count))
        cuts = [_quietest(sound, cut - self.leeway_seconds, cut + self.leeway_seconds) for cut in even]
        return pairwise([start, *cuts, end])


def _quietest(sound: Sound, first: float, last: float) -> float:
    """The quietest moment between two, which is likelier between words than in one."""
    frames = sound[int(first * RATE) : int(last * RATE)]
    energy = np.convolve(frames**2, np.ones(QUIET_SAMPLES), "valid")
    return first + (int(energy.argmin()) + QUIET_SAMPLES // 2) / RATE


def _probabilities(sound: Sound) -> Probabilities:
    """How probable it is that somebody speaks, frame by frame."""
    if not sound.size:
        return np.zeros(0, np.float32)
    return np.asarray(get_vad_model()(np.pad(sound, (0, -len(sound) % FRAME)))).reshape(-1)


def _stretches(speech: Probabilities, threshold: float, least_silence: float) -> Iterator[Stretch]:
    """From where speech begins to where it has clearly ended, in seconds; shorter silences are bridged."""
    start = end = None
    for frame, probability in enumerate(speech.tolist()):
        moment = frame * FRAME_SECONDS
        if probability >= threshold:
            start, end = moment if start is None else start, None
        elif start is not None and probability < threshold - HYSTERESIS:
            end = moment if end is None else end
            if moment - end >= least_silence:
                yield start, end
                start = end = None
    if start is not None:
        yield start, end if end is not None else len(speech) * FRAME_SECONDS


def _long(stretch: Stretch, least: float) -> bool:
    return stretch[1] - stretch[0] >= least
