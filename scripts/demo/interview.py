"""What is asked and what is answered."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ASKED = ("id", "text", "key_points", "reference_answer", "language")


class NoRecording(Exception):
    """The recording cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A question, and the file of its spoken answer."""

    question: dict[str, Any]
    audio: Path

    @property
    def id(self) -> str:
        return str(self.question["id"])


@dataclass(frozen=True, slots=True)
class Interview:
    title: str
    answers: list[Spoken]


def the_demo() -> Interview:
    """The three questions that lie beside this file."""
    content = json.loads((HERE / "interview.json").read_text())
    answers = [Spoken(_asked(question), HERE / question["audio"]) for question in content["questions"]]
    return Interview(content["title"], answers)


def of_one(audio: Path) -> Interview:
    """Somebody's own recording; NoRecording if it cannot be read."""
    if not audio.is_file():
        raise NoRecording(f"There is no file {audio}.")
    try:
        with audio.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise NoRecording(f"{audio} cannot be read: {error.strerror}.") from error
    if is_empty:
        raise NoRecording(f"{audio} is empty.")
    return Interview("Your recording", [Spoken({"id": "recording", "text": "What was said?"}, audio)])


def _asked(question: dict[str, Any]) -> dict[str, Any]:
    return {key: question[key] for key in ASKED if question.get(key) is not None}
