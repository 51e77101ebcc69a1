"""The port VoiceActivity on the silero model that comes with faster-whisper."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from faster_whisper.vad import get_vad_model
from numpy.typing import NDArray

from services.ports.speech import Activity, Recording
from services.transcript import Span

RATE = 16_000
FRAME = 512
FRAME_SECONDS = FRAME / RATE
HYSTERESIS = 0.15

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

    async def find(self, recording: Recording) -> Activity:
        """Where somebody speaks, with a little air around it."""
        return await asyncio.to_thread(self._find, recording)

    def _find(self, recording: Recording) -> Activity:
        speech = _probabilities(recording)
        if not (speech >= self.certain).any():
            return Activity([], [])
        spoken = list(_stretches(speech, self.spoken, self.least_silence_seconds))
        pieces = [piece for stretch in self._aired(spoken, recording.duration) for piece in self._cut(speech, stretch)]
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


def _probabilities(recording: Recording) -> Probabilities:
    """How probable it is that somebody speaks, frame by frame."""
    sound = np.frombuffer(recording.pcm, np.int16).astype(np.float32) / np.float32(32_768)
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
