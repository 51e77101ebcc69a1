"""Answers a minute through the whole house, against the engine room alone on the same files."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.config import StackSettings
from benchmarks.child import Child, child
from benchmarks.processor import Spending
from benchmarks.results import Result, summary
from benchmarks.watch import Watch
from scripts.demo.client import Client, connect
from scripts.demo.interview import Interview, Spoken, the_demo
from scripts.stack import ports, stack
from scripts.stack.stack import Stack
from services.adapters.jwt_tokens import mint

NAME = "pipeline"
GOAL = ">= 0.95"
ROUNDS = 5
REPEATS = 8
LOOK_SECONDS = 1.0
LANGUAGE = "en"
KINDS = (".webm", ".flac", ".wav", ".ogg", ".mp3", ".m4a")


class NotTranscribed(Exception):
    """An answer failed, so that the round says nothing."""


def run(watch: Watch) -> Iterator[Result]:
    """One result, of all the clips together."""
    answers = the_answers(watch.options.clips)
    with _stack(watch) as house, child("bare_engine") as bare, connect(house.url, _token(house)) as http:
        ours = Ours(watch, Client(http), answers, house)
        theirs = Theirs(watch, bare, answers)
        pairs = watch.pairs(ROUNDS, f"{NAME}, {len(answers)} answers", ours.seconds, theirs.seconds)
        yield _result(len(answers), pairs, ours, theirs)


def the_answers(clips: Path | None) -> list[Spoken]:
    """The demo's answers again and again, and somebody's own clips, each a question of its own."""
    demo = the_demo().answers * REPEATS
    own = sorted(file for file in clips.iterdir() if file.suffix in KINDS) if clips else []
    said = [*demo, *(Spoken({"text": "What was said?"}, file) for file in own)]
    return [
        Spoken({**one.question, "id": f"q{number}", "language": LANGUAGE}, one.audio) for number, one in enumerate(said)
    ]


@dataclass
class Ours:
    """Uploads, then looks now and then until all are transcribed."""

    watch: Watch
    client: Client
    answers: list[Spoken]
    house: Stack

    def __post_init__(self) -> None:
        pids = self.house.layout.read_pids()
        self.spending = Spending({name: pids[name] for name in ("worker", "api", "mongod", "valkey", "upkeep", "beat")})
        self.uploading = 0.0

    def seconds(self) -> float:
        """From the first upload until the last transcript, by the house's own times of the transcripts."""
        session = self.client.create(Interview("Benchmark", self.answers))
        self.spending.start()
        start = time.time()
        for spoken in self.answers:
            self.client.upload(session, spoken)
        self.uploading += time.time() - start
        ended = max(self._times(session))
        self.spending.stop()
        return ended - start

    def _times(self, session: str) -> list[float]:
        while True:
            self.watch.signals.pause(LOOK_SECONDS)
            found = list(self.client.answers(session).values())
            if failed := [answer for answer in found if answer["status"] == "failed"]:
                raise NotTranscribed(str(failed[0]["error"]))
            if len(found) == len(self.answers) and all(answer["status"] == "completed" for answer in found):
                return [_moment(answer) for answer in found]


@dataclass
class Theirs:
    """Hands the same files to the engine room."""

    watch: Watch
    bare: Child
    answers: list[Spoken]

    def __post_init__(self) -> None:
        self.spending = Spending({"engine": self.bare.pid})

    def seconds(self) -> float:
        job = {"files": [str(spoken.audio.resolve()) for spoken in self.answers], "language": LANGUAGE}
        self.spending.start()
        taken = float(self.bare.ask(job, self.watch.pause)["seconds"])
        self.spending.stop()
        return taken


def _result(count: int, pairs: list[tuple[float, float]], ours: Ours, theirs: Theirs) -> Result:
    best = [60 * count / min(times) for times in zip(*pairs, strict=True)]
    answers = count * (len(pairs) + 1)
    note = (
        f"best {best[0]:.0f} and {best[1]:.0f} answers a minute; processor ms per answer: "
        f"{ours.spending.each(answers)} against {theirs.spending.each(answers)}; "
        f"uploading took {1000 * ours.uploading / answers:.0f} ms each"
    )
    return summary(NAME, GOAL, "of the bare engine", [bare / house for house, bare in pairs], note)


@contextmanager
def _stack(watch: Watch) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-", ignore_cleanup_errors=True) as folder:
        chosen = {"state_dir": Path(folder), "port": ports.choose(), "mongodb_url": None, "redis_url": None}
        with stack.opened(StackSettings().model_copy(update=chosen)) as house:
            with watch.waiting("Starting MongoDB, Valkey, worker, beat and API"):
                house.wait(watch.signals.pause, lambda _: None)
            yield house


def _token(house: Stack) -> str:
    return mint(house.environment["JWT_SECRET"], "bench", admin=False, seconds=24 * 3600)


def _moment(answer: dict[str, Any]) -> float:
    return datetime.fromisoformat(answer["transcribed_at"]).timestamp()
