"""Answers that are uploaded and waited for until all are transcribed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.calls import Client
from benchmarks.run import Run
from scripts.demo.interview import Interview, Spoken, the_demo
from services.recordings.formats import FORMATS

LANGUAGE = "en"
KINDS = {f".{ending}" for format in FORMATS.values() for ending in format.endings}
LOOK_SECONDS = 1.0
OF_A_SESSION = 5


class NotTranscribed(Exception):
    """An answer failed, so that the round says nothing."""


def the_answers(count: int, clips: Path | None = None) -> list[Spoken]:
    """The demo's answers again and again, and somebody's own clips, each a question of its own."""
    own = sorted(file for file in clips.iterdir() if file.suffix in KINDS) if clips else []
    said = [*islice(cycle(the_demo().answers), count), *(Spoken({"text": "What was said?"}, file) for file in own)]
    return [
        Spoken({**one.question, "id": f"q{number}", "language": LANGUAGE}, one.audio) for number, one in enumerate(said)
    ]


@dataclass(slots=True)
class Transcribing:
    """Uploads answers, a few to a session, and looks at one session after the other until it is done."""

    watch: Run
    client: Client
    uploading: float = 0.0
    sessions: list[str] = field(default_factory=list)

    def all_of(self, answers: list[Spoken], look: Callable[[], None]) -> float:
        """Seconds from the first upload to the last transcript, by the house's own times of the transcripts."""
        several = [answers[at : at + OF_A_SESSION] for at in range(0, len(answers), OF_A_SESSION)]
        sessions = [(self.client.create(Interview("Benchmark", some)), some) for some in several]
        self.sessions += [session for session, _ in sessions]
        start = time.time()
        for session, some in sessions:
            for spoken in some:
                self.client.upload(session, spoken)
                look()
        self.uploading += time.time() - start
        return max(self._ended(session, len(some), look) for session, some in sessions) - start

    def _ended(self, session: str, count: int, look: Callable[[], None]) -> float:
        """When the last of a session's answers was transcribed."""
        while True:
            found = list(self.client.answers(session).values())
            if failed := [answer for answer in found if answer["status"] == "failed"]:
                raise NotTranscribed(str(failed[0]["error"]))
            if len(found) == count and all(answer["status"] == "completed" for answer in found):
                return max(map(_moment, found))
            self._wait(look)

    def _wait(self, look: Callable[[], None]) -> None:
        end = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < end:
            self.watch.pause()
            look()


def _moment(answer: dict[str, Any]) -> float:
    return datetime.fromisoformat(answer["transcribed_at"]).timestamp()
