"""One process of whisper-streaming, with the speakers that fall to it; it runs in that package's environment.

Each talk is heard as far as the clock is. Whose new second has waited longest is read next, with all that has come
meanwhile. On standard output stands at the end how far behind each was at each look of the last seconds.
"""

import json
import sys
import time
from queue import Queue
from typing import Any

import numpy as np
from whisper_streaming.backend import (  # type: ignore[import-not-found]
    FasterWhisperASR,
    FasterWhisperFeatureExtractorConfig,
    FasterWhisperModelConfig,
    FasterWhisperTranscribeConfig,
)
from whisper_streaming.base import Backend  # type: ignore[import-not-found]
from whisper_streaming.processor import ASRProcessor, TimeTrimming  # type: ignore[import-not-found]

RATE = 16_000
LEAST_SECONDS, KEPT_SECONDS = 1.0, 15.0
SPREAD = 20.0
LOOK_SECONDS = 1.0


class Speaker:
    """A talk that is spoken from a moment on; `settled` is the end of the last word that will not change."""

    def __init__(self, talk: Any, begins: float, processor: ASRProcessor) -> None:
        self.talk, self.begins, self.processor = talk, begins, processor
        self.read = 0
        self.settled = 0.0

    def here(self, now: float) -> int:
        return max(0, min(len(self.talk), int((now - self.begins) * RATE)))

    def waits(self, now: float) -> float:
        return (self.here(now) - self.read) / RATE

    def listen(self) -> None:
        here = self.here(time.monotonic())
        word = self.processor._process(self.talk[self.read : here].astype(np.float32) / 32_768)
        self.read = here
        if word is not None:
            self.settled = word.end

    def behind(self, now: float) -> float:
        return self.here(now) / RATE - self.settled


class Nobody:
    queue: Queue[Any] = Queue()


def processor(weights: str, shared: list[Any]) -> ASRProcessor:
    """All speakers of a process share its model."""
    model = FasterWhisperModelConfig(weights, device="cpu", compute_type="int8", cpu_threads=1)
    if shared:
        FasterWhisperASR._load_model = lambda self, config: shared[0]
    config = ASRProcessor.ProcessorConfig(RATE, 200, 1.0, audio_trimming=TimeTrimming(KEPT_SECONDS), language="en")
    reading, features = FasterWhisperTranscribeConfig(), FasterWhisperFeatureExtractorConfig()
    made = ASRProcessor(config, Nobody(), [], Backend.FASTER_WHISPER, model, reading, features)
    shared.append(made.backend.model)
    return made


def main(weights: str, count: int, seconds: float, judged: float, talks: list[str]) -> None:
    sounds, shared = [np.load(file) for file in talks], list[Any]()
    processors = [processor(weights, shared) for _ in range(count)]
    begun, lags, look = time.monotonic(), list[float](), 0.0
    speakers = [
        Speaker(sounds[number % len(sounds)], begun + SPREAD * number / count, one)
        for number, one in enumerate(processors)
    ]
    while (now := time.monotonic()) < begun + seconds:
        while look <= now - begun:
            look += LOOK_SECONDS
            if look > seconds - judged:
                lags += [one.behind(now) for one in speakers]
        next_one = max(speakers, key=lambda one: one.waits(now))
        if next_one.waits(now) >= LEAST_SECONDS:
            next_one.listen()
        else:
            time.sleep(0.01)
    print(json.dumps(lags))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), sys.argv[5:])
