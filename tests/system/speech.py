"""The repository's spoken answers, in any container, and how well they were heard."""

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import jiwer

from scripts.demo.interview import HERE
from tests.audio import ENCODERS

PLAIN = jiwer.Compose(
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
    return float(jiwer.wer(said, heard, reference_transform=PLAIN, hypothesis_transform=PLAIN))


def transcoded(audio: Path, container: str) -> bytes:
    """The same recording in another container, with the codec that is usual there."""
    codec, rate = ENCODERS[container]
    file = BytesIO()
    with av.open(str(audio)) as source, av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=rate, layout="mono")
        converter = av.AudioResampler(
            stream.codec_context.format, "mono", rate, stream.codec_context.frame_size or 1024
        )
        for frame in source.decode(audio=0):
            for piece in converter.resample(frame):
                output.mux(stream.encode(piece))
        for piece in converter.resample(None):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file.getvalue()
