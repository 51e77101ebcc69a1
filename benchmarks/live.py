"""Recordings that are listened to while they arrive, beside the same ones uploaded in one go.

`python -m benchmarks.live --minutes 10 --speed 8` measures one length at one speed, and prints it.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import httpx2
import typer
from rich.progress import Progress

from benchmarks import interim_text, last_word, live_speakers, stack
from benchmarks.accuracy import word_errors
from benchmarks.calls import connect
from benchmarks.feeding import QUESTION, Upload, new_session
from benchmarks.processor import Spending
from benchmarks.results import NO_GOAL, Result, summary, table
from benchmarks.run import Options, Run
from benchmarks.samples import Clip
from benchmarks.stack import Place
from benchmarks.talks import Talk, spoken
from scripts.stack.signals import Signals

LAST_BYTE_GOAL, PROCESSOR_GOAL, WORDS_GOAL = "<= 0.5", "<= 1.3", "<= 0.5"
ROUNDS = 5
WAIT_SECONDS = 600.0
SHORT, LONGER = (1.0, 1.0), (10.0, 8.0)


@dataclass(frozen=True, slots=True)
class Ended:
    """Seconds from the last byte to `completed`, what was heard, and the workers' processor time."""

    seconds: float
    text: str
    processor: float


def run(watch: Run) -> Iterator[Result]:
    """Of a minute as it is spoken; of ten, eight times as fast, and what goes on meanwhile, where more is wanted."""
    for minutes, speed in (SHORT, LONGER) if watch.options.wide else (SHORT,):
        yield from measured(watch, minutes, speed)
    if watch.options.wide:
        yield from interim_text.measured(watch)
        yield from live_speakers.run(watch)


def measured(watch: Run, minutes: float, speed: float, model: str = "tiny.en") -> Iterator[Result]:
    settings = {"SPEECH_MODEL": model}
    with ExitStack() as held:
        here = held.enter_context(stack.opened(watch, beside=stack.workers(1), ready_workers=1, settings=settings))
        http = held.enter_context(connect(here.url, here.token()))
        side = Side(watch, here, http, speed)
        rounds = [
            (talk, side.live(talk), side.at_once(talk))
            for number in watch.rounds(ROUNDS, f"{minutes:g} min, fed at {speed:g} ×, {model}")
            for talk in [spoken(minutes, number, watch.options.speech)]
        ]
        side.close()
    yield from _results(f"{minutes:g} min at {speed:g} ×, {model}", rounds)


class Side:
    """One stack, to which recordings are sent as they are spoken, or in one go."""

    def __init__(self, watch: Run, here: Place, http: httpx2.Client, speed: float) -> None:
        self._watch, self._here, self._http, self._speed = watch, here, http, speed
        self._shown = last_word.Shown(here)
        pids = here.layout.read_pids()
        self._worker = {"worker": pids["worker"]}

    def close(self) -> None:
        self._shown.close()

    def live(self, talk: Talk) -> Ended:
        session, spending = new_session(self._http), Spending(self._worker)
        upload = Upload(self._http, session)
        spending.start()
        begun = time.monotonic()
        for number, piece in enumerate(talk.pieces, 1):
            self._until(begun + number / self._speed)
            sent = time.time()
            upload.send(piece, is_last=number == len(talk.pieces))
        return self._ended(session, sent, spending)

    def at_once(self, talk: Talk) -> Ended:
        session, spending = new_session(self._http), Spending(self._worker)
        spending.start()
        sent = time.time()
        files = {"audio": ("answer.webm", talk.data)}
        self._http.post(f"/api/upload-answer/{session}/{QUESTION}", files=files).raise_for_status()
        return self._ended(session, sent, spending)

    def _until(self, moment: float) -> None:
        while time.monotonic() < moment:
            self._watch.pause()

    def _ended(self, session: str, sent: float, spending: Spending) -> Ended:
        end = time.monotonic() + WAIT_SECONDS
        while (session, QUESTION) not in self._shown.at and time.monotonic() < end:
            self._watch.pause()
        spending.stop()
        status = self._http.get(f"/api/transcription-status/{session}/{QUESTION}").json()
        took = self._shown.at[session, QUESTION] - sent
        return Ended(took, str(status["transcript"]), spending.spent["worker"])


def _results(what: str, rounds: list[tuple[Talk, Ended, Ended]]) -> Iterator[Result]:
    took = sorted(live.seconds for _, live, _ in rounds)
    at_once = median(whole.seconds for _, _, whole in rounds)
    note = f"longest {took[-1]:.2f} s; the same in one go {at_once:.2f} s"
    yield summary(f"live, last byte to completed, {what}", LAST_BYTE_GOAL, "s", took, note)
    sounds = [live.seconds + talk.after_sound for talk, live, _ in rounds]
    yield summary(f"live, last sound to completed, {what}", NO_GOAL, "s", sounds, "its last pause is part of it")
    ratios = [live.processor / whole.processor for _, live, whole in rounds]
    spent = median(live.processor for _, live, _ in rounds)
    note = f"the worker's processor time, {spent:.1f} s, its decoding processes counted while they live"
    yield summary(f"live, processor, {what}", PROCESSOR_GOAL, "of one go", ratios, note)
    live_errors, go_errors = (
        [word_errors([_clip(talk)], [ended[number].text]) for talk, *ended in rounds] for number in (0, 1)
    )
    more = [ours - theirs for ours, theirs in zip(live_errors, go_errors, strict=True)]
    note = f"word errors of {median(live_errors):.1f} % and of {median(go_errors):.1f} % in one go"
    yield summary(f"live, word errors, {what}", WORDS_GOAL, "points more than one go", more, note)


def _clip(talk: Talk) -> Clip:
    return Clip(Path(), 0.0, talk.text)


def main(
    minutes: float = 1.0,
    speed: float = 1.0,
    model: str = "tiny.en",
    rounds: int = ROUNDS,
    speech: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
) -> None:
    with Progress() as progress:
        watch = Run(Options(rounds=rounds, speech=speech), Signals(), progress)
        found = list(measured(watch, minutes, speed, model))
    progress.console.print(table(found))


if __name__ == "__main__":
    typer.run(main)
