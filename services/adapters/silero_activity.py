"""The port VoiceActivity on the silero model that comes with faster-whisper."""

import asyncio
from dataclasses import dataclass

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps

from services.ports.speech import Recording, Span

RATE = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SileroActivity:
    """Finds speech; hum, noise and silence are none. Longer stretches than `most_seconds` are cut at pauses."""

    most_seconds: float = 120.0
    least_silence_ms: int = 2_000
    padding_ms: int = 400

    async def spans(self, recording: Recording) -> list[Span]:
        """Where somebody speaks, with a little air around it."""
        return await asyncio.to_thread(self._spans, recording)

    def _spans(self, recording: Recording) -> list[Span]:
        sound = np.frombuffer(recording.pcm, np.int16).astype(np.float32) / 32_768
        options = VadOptions(
            max_speech_duration_s=self.most_seconds,
            min_silence_duration_ms=self.least_silence_ms,
            speech_pad_ms=self.padding_ms,
        )
        found = get_speech_timestamps(sound, options)
        return [Span(stretch["start"] / RATE, stretch["end"] / RATE) for stretch in found]
