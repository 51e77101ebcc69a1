"""The port VoiceActivity on the silero model that comes with faster-whisper."""

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps
from numpy.typing import NDArray

from services.ports.speech import Activity, Recording
from services.transcript import Span

RATE = 16_000

Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SileroActivity:
    """Finds speech; hum, noise and silence are none. Longer stretches than `most_seconds` are cut at pauses."""

    most_seconds: float = 20.0
    pause_ms: int = 160
    least_silence_ms: int = 2_000
    padding_ms: int = 400

    async def find(self, recording: Recording) -> Activity:
        """Where somebody speaks, with a little air around it."""
        spans = await asyncio.to_thread(self._spans, recording)
        return Activity(spans, spans)

    def _spans(self, recording: Recording) -> list[Span]:
        sound = np.frombuffer(recording.pcm, np.int16).astype(np.float32) / np.float32(32_768)
        found = self._stretches(sound, self.least_silence_ms, math.inf)
        return [Span(start / RATE, end / RATE) for stretch in found for start, end in self._cut(sound, *stretch)]

    def _stretches(self, sound: Sound, least_silence_ms: int, most_seconds: float) -> list[tuple[int, int]]:
        options = VadOptions(
            max_speech_duration_s=most_seconds, min_silence_duration_ms=least_silence_ms, speech_pad_ms=self.padding_ms
        )
        return [(stretch["start"], stretch["end"]) for stretch in get_speech_timestamps(sound, options)]

    def _cut(self, sound: Sound, start: int, end: int) -> Iterator[tuple[int, int]]:
        """A long stretch in pieces without gaps between them, cut in the middle of pauses."""
        if end - start <= self.most_seconds * RATE:
            return pairwise([start, end])
        spoken = self._stretches(sound[start:end], self.pause_ms, self.most_seconds)
        pauses = [start + (before + after) // 2 for (_, before), (after, _) in pairwise(spoken)]
        return pairwise([start, *pauses, end])
