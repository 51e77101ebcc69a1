"""Play an interview: upload, wait, analyze."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from client import Analysis, VivaVoce
from client.models import NewQuestion
from scripts.demo.interview import Interview
from scripts.stack.signals import Signals

ENDED = ("completed", "failed")


class Play:
    """One interview, with what is seen of it on the way and how long each step took."""

    def __init__(self, client: VivaVoce, interview: Interview, signals: Signals, console: Console) -> None:
        self.seconds: dict[str, float] = {}
        self._client = client
        self._interview = interview
        self._signals = signals
        self._console = console

    def run(self) -> Analysis:
        """The analysis of the session."""
        questions = [cast(NewQuestion, answer.question) for answer in self._interview.answers]
        session = self._client.create_session(questions, title=self._interview.title)["session_id"]
        with self._progress() as progress:
            tasks = self._upload(session, progress)
            with self.timed("transcribe"):
                self._follow(session, progress, tasks)
        with self.timed("analyze"), self._console.status("Analyzing …"):
            return self._client.analysis(session)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[step] = time.monotonic() - start

    def _upload(self, session: str, progress: Progress) -> dict[str, TaskID]:
        tasks = {
            spoken.id: progress.add_task(spoken.audio.name, status="waiting") for spoken in self._interview.answers
        }
        with self.timed("upload"):
            for spoken in self._interview.answers:
                progress.update(tasks[spoken.id], status="uploading")
                self._client.upload(session, spoken.id, spoken.audio)
                progress.update(tasks[spoken.id], status="queued")
                self._signals.pause(0)
        return tasks

    def _follow(self, session: str, progress: Progress, tasks: dict[str, TaskID]) -> None:
        open_ones = set(tasks)
        while open_ones:
            answers = self._client.statuses(session)["answers"]
            for id in [id for id in open_ones if id in answers]:
                status = answers[id]["status"]
                progress.update(tasks[id], status=status)
                if status in ENDED:
                    progress.update(tasks[id], total=1, completed=1)
                    open_ones.discard(id)
            self._signals.pause()

    def _progress(self) -> Progress:
        columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
        return Progress(*columns, TextColumn("{task.fields[status]}"), console=self._console)
