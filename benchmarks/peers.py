"""The whole house through HTTP, beside faster-whisper called directly in two processes and beside a peer's server."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from app.config import Settings
from app.weights import find_weights
from benchmarks import peer_server, samples, stack
from benchmarks.accuracy import word_errors
from benchmarks.child import Child, child
from benchmarks.peer_server import NAME, NotThere
from benchmarks.peer_sides import Direct, Ours, Server
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.samples import Clip, Samples

MODEL = "tiny.en"
CORES = 2
ROUNDS = 3
KILLED = 6
LEASE_SECONDS = 15
SETTINGS = {"SPEECH_MODEL": MODEL, "LEASE_SECONDS": str(LEASE_SECONDS), "OPENAI_TIMEOUT_SECONDS": "10"}


def run(watch: Run) -> Iterator[Result]:
    """Short and long answers in turns; then what is lost when everything that transcribes is killed."""
    with (
        tempfile.TemporaryDirectory(prefix="viva-voce-bench-", ignore_cleanup_errors=True) as name,
        ExitStack() as held,
    ):
        folder = Path(name)
        (folder / "clips").mkdir()
        clips = asyncio.run(samples.made(folder / "clips", watch.options.speech))
        server, why_not = _server(watch, folder, held)
        here = held.enter_context(stack.opened(watch, beside=stack.workers(1), ready_workers=1, settings=SETTINGS))
        processes: list[Child] = [held.enter_context(child("engine.side")) for _ in range(CORES)]
        house, direct = Ours(watch, here), Direct(watch, processes, MODEL)
        yield from _Compared(watch, clips, house, direct, server, why_not).results()


def _server(watch: Run, folder: Path, held: ExitStack) -> tuple[Server | None, str]:
    """The peer's server; or none, and why."""
    try:
        with watch.waiting(f"Installing {NAME}"):
            weights = find_weights(MODEL, Settings().cache_dir)
            peer = held.enter_context(peer_server.opened(folder, weights, CORES, watch.pause))
            return Server(watch, peer, CORES), ""
    except NotThere as error:
        return None, str(error)


class _Compared:
    def __init__(
        self, watch: Run, clips: Samples, house: Ours, direct: Direct, server: Server | None, why_not: str
    ) -> None:
        self._watch = watch
        self._clips = clips
        self._house = house
        self._direct = direct
        self._server = server
        self._why_not = why_not

    def results(self) -> Iterator[Result]:
        short, long = self._clips.short, self._clips.long
        rounds = self._turns(f"peers, {len(short)} short answers", short, ROUNDS, warm_up=1)
        yield from self._speeds(short, rounds)
        yield from self._waits(short)
        yield self._memory()
        yield self._long(long, self._turns(f"peers, {len(long)} long answers", long, ROUNDS, warm_up=0))
        yield self._errors([*short, *long])
        yield self._lost(short[:KILLED])

    def _turns(self, what: str, clips: list[Clip], rounds: int, warm_up: int) -> list[tuple[float, ...]]:
        sides = (self._house, self._direct, *([self._server] if self._server else []))
        turns: list[Callable[[], float]] = [lambda side=side: side.seconds(clips) for side in sides]  # type: ignore[misc]
        return self._watch.turns(rounds, what, *turns, warm_up=warm_up)

    def _speeds(self, clips: list[Clip], rounds: list[tuple[float, ...]]) -> Iterator[Result]:
        rates = [[len(clips) / seconds for seconds in one] for one in rounds]
        names = ["ours", "the library in two processes", *([NAME] if self._server else [])]
        each = zip(names, zip(*rates, strict=True), strict=True)
        note = "; ".join(f"{name} {60 * median(rate):.0f} answers a minute" for name, rate in each)
        note += f"; {self._why_not}" if self._why_not else ""
        yield summary("peers, short answers through HTTP", ">= 3.5", "clips/s", [rate[0] for rate in rates], note)
        against = [rate[0] / rate[1] for rate in rates]
        yield summary("peers, against the library in two processes", ">= 1.7", "times as many clips", against, note)
        if self._server:
            beside = [rate[0] / rate[2] for rate in rates]
            yield summary(f"peers, against {NAME}", ">= 2.0", "times as many clips", beside, note)

    def _waits(self, clips: list[Clip]) -> Iterator[Result]:
        """Two clients, each of which sends the next answer when it has the transcript of the last."""
        if not self._server:
            return
        pairs = [(self._house.waits(clips), self._server.waits(clips)) for _ in self._watch.rounds(2, "peers, waiting")]
        ours, theirs = ([wait for side in sides for wait in side] for sides in zip(*pairs, strict=True))
        note = f"median and 95th percentile, two clients: {_spread(ours)}; {NAME} {_spread(theirs)}"
        ratios = [median(first) / median(second) for first, second in pairs]
        yield summary("peers, time to the transcript", "<= 1.0", "of the peer's", ratios, note)

    def _memory(self) -> Result:
        ours, direct = self._house.peak, self._direct.peak
        note = f"all processes at the peak: ours with MongoDB and Valkey {ours:.0f} MB ({self._house.peaks()}), "
        note += f"the library in two processes {direct:.0f} MB"
        note += f", {NAME} {self._server.peak:.0f} MB" if self._server else ""
        return summary("peers, memory", "<= 2.5", "times the library's", [ours / direct], note)

    def _long(self, clips: list[Clip], rounds: list[tuple[float, ...]]) -> Result:
        spoken = sum(clip.seconds for clip in clips)
        factors = [[seconds / spoken for seconds in one] for one in rounds]
        others = ", ".join(f"{median(factor):.3f}" for factor in list(zip(*factors, strict=True))[1:])
        note = f"{len(clips)} clips, {spoken:.0f} s of speech; the others, in the same order as above: {others}"
        name = "peers, real-time factor of long answers"
        return summary(name, "<= 0.028", "s for each s", [factor[0] for factor in factors], note)

    def _errors(self, clips: list[Clip]) -> Result:
        sides = (self._house, self._direct, *([self._server] if self._server else []))
        errors = [word_errors(clips, side.heard(clips)) for side in sides]
        note = f"in the same order as above: {', '.join(f'{one:.2f} %' for one in errors)}"
        return summary("peers, word errors", "<= 0.5", "points more than the library", [errors[0] - errors[1]], note)

    def _lost(self, clips: list[Clip]) -> Result:
        ours, seconds = self._house.lost(clips)
        note = f"API and worker killed with {len(clips)} answers accepted; all ended {seconds:.0f} s later"
        if self._server:
            note += f"; {NAME}, killed in the same way: {self._server.lost(clips)} of {len(clips)} lost"
        return summary("peers, answers lost when killed", "<= 0", "answers", [float(ours)], note)


def _spread(waits: list[float]) -> str:
    return f"{median(waits):.2f} and {quantiles(waits, n=20)[-1]:.2f} s"
