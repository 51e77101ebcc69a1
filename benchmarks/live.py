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
from services.transcription.stretches import LIVE

LAST_BYTE_GOALS, PROCESSOR_GOALS = {"tiny.en": "<= 0.5", "base": "<= 1.0"}, {"tiny.en": "<= 1.3", "base": "<= 1.25"}
WORDS_GOAL = "<= 0.5"
ROUNDS = 5
WAIT_SECONDS = 600.0
SHORT, LONGER = (1.0, 1.0), (10.0, 8.0)
# How much is unread at an end is chance: ends are spread over as much as a stretch may be long, evenly however many.
SPREAD_SECONDS, EVENLY = LIVE.most, 0.618


@dataclass(frozen=True, slots=True)
class Ended:
    """Seconds from the last byte to `completed`, what was heard, and the workers' processor time."""

    seconds: float
    text: str
    processor: float


def run(watch: Run) -> Iterator[Result]:
    """Of about a minute as it is spoken; where more is wanted with base too, of ten, and what goes on meanwhile."""
    yield from measured(watch, *SHORT)
    if watch.options.wide:
        yield from measured(watch, *SHORT, "base")
        yield from measured(watch, *LONGER)
        yield from interim_text.measured(watch)
        yield from live_speakers.run(watch)


def measured(watch: Run, minutes: float, speed: float, model: str = "tiny.en") -> Iterator[Result]:
    settings = {"SPEECH_MODEL": model}
    with ExitStack() as held:
        here = held.enter_context(stack.opened(watch, beside=stack.workers(1), ready_workers=1, settings=settings))
        http = held.enter_context(connect(here.url, here.token()))
        side = Side(watch, here, http, speed)
        rounds = []
        for number in watch.rounds(ROUNDS, f"{minutes:g} min, fed at {speed:g} ×, {model}"):
            talk, begun = spoken(_about(minutes, number), number, watch.options.speech), time.monotonic()
            live = side.live(talk)
            rounds.append((talk, live, side.at_once(talk, time.monotonic() - begun)))
        side.close()
    yield from _results(f"{minutes:g} min at {speed:g} ×", model, rounds)


def _about(minutes: float, number: int) -> float:
    return minutes + (number * EVENLY % 1 - 0.5) * SPREAD_SECONDS / 60


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

    def at_once(self, talk: Talk, seconds: float) -> Ended:
        """In one go; processor time is counted for so many seconds, as what a worker takes idle is in both."""
        session, spending = new_session(self._http), Spending(self._worker)
        spending.start()
        sent, begun = time.time(), time.monotonic()
        files = {"audio": ("answer.webm", talk.data)}
        self._http.post(f"/api/upload-answer/{session}/{QUESTION}", files=files).raise_for_status()
        return self._ended(session, sent, spending, until=begun + seconds)

    def _until(self, moment: float) -> None:
        while time.monotonic() < moment:
            self._watch.pause()

    def _ended(self, session: str, sent: float, spending: Spending, until: float = 0.0) -> Ended:
        end = time.monotonic() + WAIT_SECONDS
        while (session, QUESTION) not in self._shown.at and time.monotonic() < end:
            self._watch.pause()
        self._until(until)
        spending.stop()
        status = self._http.get(f"/api/transcription-status/{session}/{QUESTION}").json()
        took = self._shown.at[session, QUESTION] - sent
        return Ended(took, str(status["transcript"]), spending.spent["worker"])


def _results(length: str, model: str, rounds: list[tuple[Talk, Ended, Ended]]) -> Iterator[Result]:
    what, byte_goal = f"{length}, {model}", LAST_BYTE_GOALS.get(model, NO_GOAL)
    took = sorted(live.seconds for _, live, _ in rounds)
    at_once = median(whole.seconds for _, _, whole in rounds)
    note = f"longest {took[-1]:.2f} s; the same in one go {at_once:.2f} s"
    yield summary(f"live, last byte to completed, {what}", byte_goal, "s", took, note)
    sounds = [live.seconds + talk.after_sound for talk, live, _ in rounds]
    yield summary(f"live, last sound to completed, {what}", NO_GOAL, "s", sounds, "its last pause is part of it")
    ratios = [live.processor / whole.processor for _, live, whole in rounds]
    spent = median(live.processor for _, live, _ in rounds)
    note = f"the worker's processor time, {spent:.1f} s, both counted for as long as the talk lasts"
    yield summary(f"live, processor, {what}", PROCESSOR_GOALS.get(model, NO_GOAL), "of one go", ratios, note)
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
