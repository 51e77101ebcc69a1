"""How long after a word was spoken a listener sees it, where workers read what is being said right now.

`python -m benchmarks.interim_text` speaks a minute to a stack with INTERIM_TEXT on, and prints it. When each word is
spoken is what the same engine finds in the whole recording.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Annotated, Any

import httpx2
import numpy as np
import typer
from rich.progress import Progress

from benchmarks import hearing, stack
from benchmarks.calls import connect
from benchmarks.feeding import Upload, new_session
from benchmarks.results import NO_GOAL, Result, summary, table
from benchmarks.run import Options, Run
from benchmarks.samples import MOST_FILE_SECONDS, write
from benchmarks.talks import Talk, spoken
from scripts.stack.signals import Signals
from services.adapters.av_decoder.decode import decode
from services.interviews.transcript import Word

GOAL = "<= 1.5"
ROUNDS, MINUTES = 3, 1.0
AROUND_SECONDS = 1.0
# The words of the last moments would be shown by the reading that never comes, or by the transcript.
LEFT_OUT_SECONDS = 3.0
SHOWS_SECONDS = 5.0
SHOWN = ("interim", "utterance")


@dataclass(frozen=True, slots=True)
class Shown:
    """A text that a listener was shown, of what was said between two seconds of the recording."""

    at: float
    start: float
    end: float
    text: str


@dataclass
class Listener:
    """Follows a session's events in a thread, until it is told to stop."""

    url: str
    token: str
    session: str
    shown: list[Shown] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._http = connect(self.url, self.token)
        self._opened = False
        Thread(target=self._listen, daemon=True).start()

    @property
    def is_open(self) -> bool:
        return self._opened

    def close(self) -> None:
        self._http.close()

    def _listen(self) -> None:
        events, asked = f"/api/sessions/{self.session}/events", {"Accept": "text/event-stream"}
        stream = self._http.stream("GET", events, headers=asked, timeout=None)
        with suppress(httpx2.HTTPError, RuntimeError), stream as answer:
            for line in answer.iter_lines():
                self._opened = True
                if line.startswith("data:"):
                    self._take(json.loads(line.removeprefix("data:")))

    def _take(self, told: dict[str, Any]) -> None:
        if told.get("type") in SHOWN:
            self.shown.append(Shown(time.monotonic(), told["start"], told["end"], told["text"]))


def measured(watch: Run, model: str = "tiny.en", minutes: float = MINUTES) -> Iterator[Result]:
    settings = {"SPEECH_MODEL": model, "INTERIM_TEXT": "true"}
    with ExitStack() as held:
        here = held.enter_context(stack.opened(watch, beside=stack.workers(1), ready_workers=1, settings=settings))
        http = held.enter_context(connect(here.url, here.token()))
        rounds: list[list[float | None]] = []
        for number in watch.rounds(ROUNDS, f"interim text, {minutes:g} min, {model}"):
            talk = spoken(minutes, number, watch.options.speech)
            words = words_spoken(talk, model)
            rounds.append(latencies(words, *_fed(watch, here, http, talk)))
    yield from _results(rounds, model)


def words_spoken(talk: Talk, model: str) -> list[Word]:
    """What the engine hears in the whole recording, with the times of each word."""
    blocks: list[bytes] = []
    decode(talk.data, MOST_FILE_SECONDS, blocks.append, blocks.clear)
    with TemporaryDirectory() as folder:
        clip = write(np.frombuffer(b"".join(blocks), np.int16), talk.text, Path(folder))
        heard = asyncio.run(_heard(model, clip.file))
    return [word for word in heard if word.end < talk.seconds - LEFT_OUT_SECONDS]


async def _heard(model: str, file: Path) -> list[Word]:
    hearing.hush()
    transcript = await (await hearing.opened(model)).listen_through(hearing.part(str(file)))
    return [word for segment in transcript.segments for word in segment.words]


def _fed(watch: Run, here: stack.Place, http: httpx2.Client, talk: Talk) -> tuple[list[Shown], float]:
    """What was shown while it was spoken, and the moment at which speaking began."""
    session = new_session(http)
    listener, upload = Listener(here.url, here.token(), session), Upload(http, session)
    while not listener.is_open:
        watch.pause()
    begun, each = time.monotonic(), talk.seconds / len(talk.pieces)
    for number, piece in enumerate(talk.pieces, 1):
        _until(watch, begun + number * each)
        upload.send(piece)
    _until(watch, time.monotonic() + SHOWS_SECONDS)
    listener.close()
    upload.give_up()
    return listener.shown, begun


def _until(watch: Run, moment: float) -> None:
    while time.monotonic() < moment:
        watch.pause()


def latencies(spoken: Sequence[Word], shown: Sequence[Shown], begun: float) -> list[float | None]:
    """How long after its end each word was shown first; None of what never was."""
    first: dict[int, float] = {}
    for one in shown:
        near = [
            number
            for number, word in enumerate(spoken)
            if one.start - AROUND_SECONDS <= word.start and word.end <= one.end + AROUND_SECONDS
        ]
        for number in _shared([" ".join(_words(spoken[number].text)) for number in near], _words(one.text)):
            first.setdefault(near[number], one.at - begun)
    return [first[number] - word.end if number in first else None for number, word in enumerate(spoken)]


def _shared(spoken: list[str], shown: list[str]) -> Iterator[int]:
    for block in SequenceMatcher(None, spoken, shown, autojunk=False).get_matching_blocks():
        yield from range(block.a, block.a + block.size)


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'’]+", text.casefold())


def _results(rounds: list[list[float | None]], model: str) -> Iterator[Result]:
    seen = [[late for late in words if late is not None] for words in rounds]
    every = sorted(late for words in seen for late in words)
    never = sum(late is None for words in rounds for late in words)
    note = (
        f"95 % within {every[int(0.95 * len(every))]:.2f} s; {len(every) + never} words, "
        f"{never} of which the first readings had otherwise"
    )
    yield summary(f"interim text, word to shown, {model}", GOAL, "s", [median(words) for words in seen], note)
    soon = [100 * sum(late is not None and late <= 1.5 for late in words) / len(words) for words in rounds]
    yield summary(f"interim text, shown within 1.5 s, {model}", NO_GOAL, "% of the words", soon, "of all words spoken")


def main(
    model: str = "tiny.en",
    minutes: float = MINUTES,
    rounds: int = ROUNDS,
    speech: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
) -> None:
    with Progress() as progress:
        found = list(measured(Run(Options(rounds=rounds, speech=speech), Signals(), progress), model, minutes))
    progress.console.print(table(found))


if __name__ == "__main__":
    typer.run(main)
