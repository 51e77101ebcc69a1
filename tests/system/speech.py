"""The repository's spoken answers, in any container, and how well they were heard."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jiwer
import numpy as np

from scripts.demo.interview import HERE
from services.adapters.av_decoder.decode import decode
from tests.audio import RATE, Samples, spoken


@cache
def plain() -> jiwer.Compose:
    """To look through all letters for what is punctuation takes half a second."""
    return jiwer.Compose(
        [
            jiwer.ToLowerCase(),
            jiwer.RemovePunctuation(),  # type: ignore[no-untyped-call]
            jiwer.RemoveMultipleSpaces(),
            jiwer.Strip(),
            jiwer.ReduceToListOfListOfWords(),
        ]
    )


@dataclass(frozen=True)
class Sample:
    """One spoken answer: its question, what was said, and the recording."""

    question: dict[str, object]
    said: str
    audio: Path

    @property
    def id(self) -> str:
        return str(self.question["id"])


def samples() -> list[Sample]:
    found = json.loads((HERE / "interview.json").read_text())["questions"]
    asked = ("id", "text", "key_points", "reference_answer", "language")
    return [Sample({key: q[key] for key in asked}, q["said"], HERE / q["audio"]) for q in found]


def word_error_rate(said: str, heard: str) -> float:
    return float(jiwer.wer(said, heard, reference_transform=plain(), hypothesis_transform=plain()))


def transcoded(audio: Path, container: str) -> bytes:
    """The same recording in another container, with the codec that is usual there."""
    return spoken(container, sound_of(audio)[np.newaxis], RATE)


def sound_of(audio: Path) -> Samples:
    blocks: list[bytes] = []
    decode(audio.read_bytes(), 600.0, blocks.append, blocks.clear)
    return np.frombuffer(b"".join(blocks), np.int16)
