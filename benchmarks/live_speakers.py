"""How many speak at once before a machine falls behind them.

`python -m benchmarks.live_speakers --model base` measures one model within some minutes, and prints it; with `--peer`
also whisper-streaming on the same talks and cores.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Any

import httpx2
import typer
from pymongo import AsyncMongoClient
from rich.progress import Progress

from benchmarks import stack, streaming_peer
from benchmarks.calls import connect
from benchmarks.feeding import AsyncUpload, new_session
from benchmarks.peer_server import NotThere
from benchmarks.results import NO_GOAL, Result, summary, table
from benchmarks.run import Options, Run
from benchmarks.stack import DATABASE, Place
from benchmarks.talks import Talk, spoken
from benchmarks.transcribing import NotTranscribed
from scripts.stack.signals import Signals
from services.transcription.stretches import LIVE

LIMIT_SECONDS = 180.0
# A stretch is due once so much waits; what waits longer is late.
WAITS_SECONDS = LIVE.most + LIVE.more
MOST_LATE = 6.0
BOUND = WAITS_SECONDS + MOST_LATE
TALKS, TALK_MINUTES = 4, 3.0
TRIAL_SECONDS, JUDGED_SECONDS = 75.0, 25.0
SPREAD = 20.0
FIRST_RECORDINGS, FIRST_SECONDS, MOST_FIRST_SECONDS = 16, 62, 60.0
NEAR = 1.05


@dataclass(frozen=True, slots=True)
class Trial:
    """So many speakers, and the lag that 95 % of the looks at one of them did not exceed, in seconds."""

    speakers: int
    lag: float

    @property
    def is_bounded(self) -> bool:
        return self.lag <= BOUND


def run(watch: Run) -> Iterator[Result]:
    """Of the two models that are in packages, and of a peer."""
    for model in ("tiny.en", "base"):
        yield from measured(watch, model)
    yield from beside(watch, "tiny.en")


def measured(watch: Run, model: str, limit: float = LIMIT_SECONDS) -> Iterator[Result]:
    talks = [spoken(TALK_MINUTES, number, watch.options.speech) for number in range(TALKS)]
    settings = {"SPEECH_MODEL": model}
    with ExitStack() as held:
        here = held.enter_context(stack.opened(watch, beside=stack.workers(1), ready_workers=1, settings=settings))
        with watch.waiting(f"speakers at once, {model}"):
            speed, trials = asyncio.run(_searched(here, talks, limit))
    note = f"{trials_of(trials)}; what waits is read at {speed:.1f} × the speed of speech"
    yield summary(f"live, speakers at once, {model}", NO_GOAL, "speakers", [float(most(trials))], note)


def beside(watch: Run, model: str, limit: float = LIMIT_SECONDS) -> Iterator[Result]:
    """The peer in a process for each core, fed by the clock alone."""
    talks = [spoken(TALK_MINUTES, number, watch.options.speech) for number in range(TALKS)]
    name = f"live, speakers at once, {streaming_peer.PACKAGE}, {model}"
    try:
        with watch.waiting(name), streaming_peer.opened(talks, model, watch.pause) as peer:
            trials = search(
                4, limit, lambda speakers: Trial(speakers, peer.lag(speakers, TRIAL_SECONDS, JUDGED_SECONDS))
            )
    except NotThere as why:
        yield summary(name, NO_GOAL, "speakers", [0.0], f"not measured: {why}")
        return
    yield summary(name, NO_GOAL, "speakers", [float(most(trials))], f"{trials_of(trials)}; settled is what it commits")


def search(first: int, limit: float, tried: Callable[[int], Trial]) -> list[Trial]:
    """Twice as many until they are too many, half as many until they are not, then between."""
    end, trials = time.monotonic() + limit, list[Trial]()
    speakers: int | None = first
    while speakers is not None and goes_on(trials, end):
        trials.append(tried(speakers))
        speakers = following(trials)
    return trials


def goes_on(trials: Sequence[Trial], end: float) -> bool:
    """Whether there is time for another one; until some are borne there always is."""
    return not most(trials) or time.monotonic() + TRIAL_SECONDS <= end


def following(trials: Sequence[Trial]) -> int | None:
    """How many to try next; None once it is known closely enough."""
    bounded = max((one.speakers for one in trials if one.is_bounded), default=0)
    over = min((one.speakers for one in trials if not one.is_bounded and one.speakers > bounded), default=None)
    if over is None:
        return max(bounded + 1, round(bounded * (2.0 if len(trials) == 1 and bounded < 8 else 1.25)))
    if over - bounded <= 1 or over <= NEAR * bounded:
        return None
    return (bounded + over) // 2 if bounded else max(1, over // 2)


def most(trials: Sequence[Trial]) -> int:
    return max((one.speakers for one in trials if one.is_bounded), default=0)


def trials_of(trials: Sequence[Trial]) -> str:
    each = ", ".join(f"{one.lag:.0f} s with {one.speakers}" for one in sorted(trials, key=lambda one: one.speakers))
    return f"95 % of the looks found no more behind than {each}; {BOUND:g} s is bounded"


async def _searched(here: Place, talks: list[Talk], limit: float) -> tuple[float, list[Trial]]:
    """How fast what waits is read, and the trials that begin a little below it."""
    end = time.monotonic() + limit
    async with AsyncMongoClient[dict[str, Any]](here.mongodb_url) as client, _http(here) as http:
        stage = Stage(here, http, client[DATABASE]["parts"], talks)
        speed = await stage.speed()
        trials = list[Trial]()
        speakers: int | None = max(1, round(0.9 * speed))
        while speakers is not None and goes_on(trials, end):
            trials.append(await stage.trial(speakers))
            speakers = following(trials)
    return speed, trials


def _http(here: Place) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {here.token()}"}
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx2.AsyncClient(base_url=here.url, headers=headers, timeout=60.0, trust_env=False, limits=limits)


@dataclass(slots=True)
class Speaker:
    """Who sends a piece each second; `sent` are the seconds that have been."""

    session: str
    sent: float = 0.0


@dataclass(slots=True)
class Stage:
    here: Place
    http: httpx2.AsyncClient
    parts: Any
    talks: list[Talk]
    _random: random.Random = field(default_factory=lambda: random.Random(5))

    async def speed(self) -> float:
        """How many seconds of sound are settled in a second, while more than enough wait."""
        uploads = [await self._begun() for _ in range(FIRST_RECORDINGS)]
        sending = [asyncio.create_task(self._at_once(number, upload)) for number, upload in enumerate(uploads)]
        looks, end = list[tuple[float, float]](), time.monotonic() + MOST_FIRST_SECONDS
        at_most = FIRST_RECORDINGS * (FIRST_SECONDS - WAITS_SECONDS)
        while time.monotonic() < end and not (looks and looks[-1][1] >= at_most):
            await asyncio.sleep(0.5)
            settled = sum((await self._settled([one.session for one in uploads])).values())
            looks += [(time.monotonic(), settled)] if settled else []
        await asyncio.gather(*sending)
        await asyncio.gather(*(one.give_up() for one in uploads))
        if len(looks) < 2:
            raise NotTranscribed(f"Nothing was settled within {MOST_FIRST_SECONDS:g} s.")
        (first, some), (last, all_of_it) = looks[0], looks[-1]
        return (all_of_it - some) / (last - first)

    async def trial(self, speakers: int) -> Trial:
        """So many begin within a moment, and speak; the last seconds count."""
        end = time.monotonic() + TRIAL_SECONDS
        everybody, lags = list[Speaker](), list[float]()
        speaking = [asyncio.create_task(self._speak(number, everybody, end)) for number in range(speakers)]
        try:
            while (now := time.monotonic()) < end:
                await asyncio.sleep(1.0)
                if now > end - JUDGED_SECONDS:
                    settled = await self._settled([one.session for one in everybody])
                    lags += [one.sent - settled.get(one.session, 0.0) for one in everybody]
            await asyncio.gather(*speaking)
        finally:
            for one in speaking:
                one.cancel()
        return Trial(speakers, quantiles(lags, n=20)[-1])

    async def _speak(self, number: int, everybody: list[Speaker], end: float) -> None:
        await asyncio.sleep(self._random.uniform(0.0, SPREAD))
        talk = self.talks[number % len(self.talks)]
        upload = await self._begun()
        speaker, begun = Speaker(upload.session), time.monotonic()
        everybody.append(speaker)
        each = talk.seconds / len(talk.pieces)
        for place, piece in enumerate(talk.pieces, 1):
            await asyncio.sleep(max(0.0, begun + place * each - time.monotonic()))
            if time.monotonic() > end:
                break
            await upload.send(piece)
            speaker.sent = place * each
        await upload.give_up()

    async def _at_once(self, number: int, upload: AsyncUpload) -> None:
        for piece in self.talks[number % len(self.talks)].pieces[:FIRST_SECONDS]:
            await upload.send(piece)

    async def _begun(self) -> AsyncUpload:
        with connect(self.here.url, self.here.token()) as http:
            session = await asyncio.to_thread(new_session, http)
        return await AsyncUpload.begun(self.http, session)

    async def _settled(self, sessions: list[str]) -> dict[str, float]:
        """Of each session the seconds of its recording that are settled."""
        found = self.parts.find({"session_id": {"$in": sessions}}, {"session_id": True, "checkpoint.seconds": True})
        return {row["session_id"]: (row.get("checkpoint") or {}).get("seconds", 0.0) async for row in found}


def main(
    model: str = "tiny.en",
    seconds: Annotated[float, typer.Option(help="No trial begins that would end later.")] = LIMIT_SECONDS,
    *,
    peer: Annotated[bool, typer.Option(help="whisper-streaming as well.")] = False,
    speech: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
) -> None:
    with Progress() as progress:
        watch = Run(Options(speech=speech), Signals(), progress)
        found = list(measured(watch, model, seconds))
        found += beside(watch, model, seconds) if peer else ()
    progress.console.print(table(found))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        typer.run(main)
