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
FRAME, ENDING = 512, 64
FRAME_SECONDS = FRAME / RATE
FRAME_BYTES = 2 * FRAME
LOT_BYTES = 64 * FRAME_BYTES
CELLS = 128
HYSTERESIS = 0.15
QUIET_SAMPLES = RATE * 60 // 1000

Sound = NDArray[np.float32]
Samples = NDArray[np.int16]
Probabilities = NDArray[np.float32]
Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _State:
    """What the model remembers, and the end of what it heard last; whether anybody spoke for certain so far."""

    hidden: NDArray[np.float32]
    cell: NDArray[np.float32]
    ending: Sound
    is_certain: bool = False

    def to_bytes(self) -> bytes:
        numbers = np.concatenate([self.hidden.reshape(-1), self.cell.reshape(-1), self.ending])
        return bytes([self.is_certain]) + numbers.astype("<f4").tobytes()

    @classmethod
    def of(cls, data: bytes) -> "_State":
        """Of nothing heard, where it is not one."""
        if len(data) != 1 + 4 * (2 * CELLS + ENDING):
            return NOTHING_HEARD
        hidden, cell, ending = np.split(np.frombuffer(data[1:], "<f4"), [CELLS, 2 * CELLS])
        return cls(hidden.reshape(1, 1, CELLS), cell.reshape(1, 1, CELLS), ending, bool(data[0]))


NOTHING_HEARD = _State(np.zeros((1, 1, CELLS), "f4"), np.zeros((1, 1, CELLS), "f4"), np.zeros(ENDING, "f4"))


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
        following = self.follow()
        await following.take(recording.pcm)
        return await following.close(recording.pcm)

    def follow(self, state: bytes = b"") -> "Following":
        """The same of a recording that comes block by block; its state of before makes another go on with it."""
        return Following(self, _State.of(state))

    def activity(self, speech: Probabilities, sound: Samples, *, is_certain: bool) -> Activity:
        """By how probable it is, frame by frame; `is_certain` where somebody spoke before this."""
        if not (is_certain or (speech >= self.certain).any()):
            return Activity([], [])
        duration = len(sound) / RATE
        spoken = list(_stretches(speech, self.spoken, self.least_silence_seconds))
        whole = list(self._aired(spoken, duration))
        pieces = [short for one in whole for piece in self._cut(speech, one) for short in self._short(sound, piece)]
        heard = [
            one for one in _stretches(speech, self.heard, self.pause_seconds) if _long(one, self.least_heard_seconds)
        ]
        return Activity([Span(*piece) for piece in pieces], [Span(*stretch) for stretch in heard])

    def pause(self, speech: Probabilities, sound: Samples, first: float, last: float) -> float:
        """The middle of the longest pause between two moments; without one, the quietest moment towards their end."""
        spoken = [(0.0, 0.0), *_stretches(speech, self.spoken, self.pause_seconds), (last, last)]
        pauses = [(max(first, end), min(last, start)) for (_, end), (start, _) in pairwise(spoken)]
        start, end = max(pauses, key=lambda pause: pause[1] - pause[0])
        if end - start >= self.pause_seconds:
            return (start + end) / 2
        return _quietest(sound, max(first, last - self.most_seconds), last)

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

    def _short(self, sound: Samples, piece: Stretch) -> Iterator[Stretch]:
        """A piece without a pause for long is cut all the same, at the quietest moments near where it has to be."""
        start, end = piece
        if end - start <= self.most_seconds:
            return pairwise([start, end])
        count = ceil((end - start) / (self.most_seconds - 2 * self.leeway_seconds))
        even = (start + (end - start) * number / count for number in range(1, count))
        cuts = [_quietest(sound, cut - self.leeway_seconds, cut + self.leeway_seconds) for cut in even]
        return pairwise([start, *cuts, end])


@dataclass(slots=True)
class _Lot:
    """Frames that were heard at once, and what the model remembers after them."""

    speech: Probabilities
    after: _State


class Following:
    """Hears a recording as it comes; what was closed is forgotten, but for what the model remembers."""

    def __init__(self, activity: SileroActivity, before: _State) -> None:
        self._activity = activity
        self._before = before
        self._lots: list[_Lot] = []
        self._rest = b""

    @property
    def state(self) -> bytes:
        """What whoever goes on behind what was closed needs to know."""
        return self._before.to_bytes()

    async def take(self, block: bytes) -> None:
        """Hear what comes next."""
        await asyncio.to_thread(self._take, block)

    async def pause(self, pcm: bytes, first: float, last: float) -> float:
        """The best moment between two to end what is open, whose samples these are; a frame begins there."""
        moment = await asyncio.to_thread(self._pause, pcm, first, last)
        return int(moment / FRAME_SECONDS) * FRAME_SECONDS

    async def close(self, pcm: bytes) -> Activity:
        """Where somebody speaks in what is open, as far as these samples go; the rest stays open."""
        return await asyncio.to_thread(self._close, pcm)

    def _take(self, block: bytes) -> None:
        data = self._rest + block
        whole = len(data) - len(data) % LOT_BYTES
        for start in range(0, whole, LOT_BYTES):
            before = self._lots[-1].after if self._lots else self._before
            self._lots.append(_heard(before, data[start : start + LOT_BYTES], self._activity.certain))
        self._rest = data[whole:]

    def _pause(self, pcm: bytes, first: float, last: float) -> float:
        return self._activity.pause(self._speech(), _samples(pcm), first, last)

    def _close(self, pcm: bytes) -> Activity:
        frames = ceil(len(pcm) / FRAME_BYTES)
        speech, was_certain = self._speech()[:frames], self._before.is_certain
        self._forget(pcm, frames)
        return self._activity.activity(speech, _samples(pcm), is_certain=was_certain)

    def _speech(self) -> Probabilities:
        """Of all that is open, with the last of it, of which there is not enough for a lot yet."""
        before = self._lots[-1].after if self._lots else self._before
        return np.concatenate([*(lot.speech for lot in self._lots), _heard(before, self._rest, 1.0).speech])

    def _forget(self, pcm: bytes, frames: int) -> None:
        """So many frames; a lot that is cut in two is heard once more up to there, for what is remembered then."""
        at = 0
        while self._lots and at + len(self._lots[0].speech) <= frames:
            lot = self._lots.pop(0)
            self._before, at = lot.after, at + len(lot.speech)
        if at == frames:
            return
        self._before = _heard(self._before, pcm[at * FRAME_BYTES :], self._activity.certain).after
        if self._lots:
            self._lots[0].speech = self._lots[0].speech[frames - at :]
        else:
            self._rest = self._rest[(frames - at) * FRAME_BYTES :]


def _heard(before: _State, pcm: bytes, certain: float) -> _Lot:
    """How probable it is that somebody speaks, frame by frame, the last one padded; and what is remembered then."""
    if not pcm:
        return _Lot(np.zeros(0, np.float32), before)
    sound = _as_sound(_samples(pcm))
    frames = np.pad(sound, (0, -len(sound) % FRAME)).reshape(-1, FRAME)
    ends = np.concatenate([before.ending[None], frames[:, -ENDING:]])
    heard = np.concatenate([ends[:-1], frames], axis=1)
    given = {"input": heard, "h": before.hidden, "c": before.cell}
    said, hidden, cell = get_vad_model().session.run(None, given)
    speech = np.asarray(said, np.float32).reshape(-1)
    is_certain = before.is_certain or bool((speech >= certain).any())
    return _Lot(speech, _State(hidden, cell, ends[-1], is_certain))


def _quietest(sound: Samples, first: float, last: float) -> float:
    """The quietest moment between two, which is likelier between words than in one."""
    samples = sound[int(first * RATE) : int(last * RATE)].astype(np.int64)
    so_far = np.concatenate([[0], np.cumsum(samples**2)])
    energy = so_far[QUIET_SAMPLES:] - so_far[:-QUIET_SAMPLES]
    return first + (int(energy.argmin()) + QUIET_SAMPLES // 2) / RATE


def _samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, np.int16)


def _as_sound(samples: Samples) -> Sound:
    return samples.astype(np.float32) / np.float32(32_768)


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
