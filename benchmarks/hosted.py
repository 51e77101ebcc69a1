"""Many transcriptions in flight in one worker process, against a speech API that takes seconds for each."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import psutil

from benchmarks import stack
from benchmarks.calls import Client, connect
from benchmarks.processor import Spending
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.slow_speech import SECONDS
from benchmarks.stack import Place
from benchmarks.transcribing import Transcribing, the_answers
from scripts.demo.interview import Spoken
from scripts.stack import ports, processes
from scripts.stack.processes import Process

RATE_GOAL, MEMORY_GOAL = ">= 0.9", "<= 5"
ROUNDS = 3
AT_ONCE = 64
ANSWERS = 320
MB = 1_000_000


def run(watch: Run) -> Iterator[Result]:
    """Two results of the same rounds: the throughput and the memory."""
    port = ports.choose()
    settings = {
        "SPEECH_ENGINE": "openai",
        "OPENAI_API_KEY": "any",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "OPENAI_CONCURRENCY": str(AT_ONCE),
    }

    def beside(here: Place) -> Iterator[Process]:
        yield slow_speech(port)
        yield from stack.workers(1)(here)

    with stack.opened(watch, beside=beside, ready_workers=1, settings=settings) as here:
        with connect(here.url, here.token()) as http:
            house = House(watch, here, Client(http), the_answers(ANSWERS), port)
            house.warm_up()
            rounds = [house.measured() for _ in watch.rounds(ROUNDS, f"hosted, {ANSWERS} answers, {AT_ONCE} at once")]
        yield _throughput(rounds, house.spending.each(ANSWERS * len(rounds)))
        yield _memory(rounds)


def slow_speech(port: int) -> Process:
    server = ("-m", "uvicorn", "--factory", "benchmarks.slow_speech:create_app", "--host", "127.0.0.1")
    return Process("speech", (processes.api(port, ()).command[0], *server, "--port", str(port), "--no-access-log"))


@dataclass(frozen=True, slots=True)
class Round:
    """The share of the ideal throughput, and what the worker and what its decoders took more than idle, in MB."""

    share: float
    rate: float
    most_at_once: int
    worker: float
    decoders: float
    idle: float


class House:
    """One worker process, and the times that the speech API has noted."""

    def __init__(self, watch: Run, here: Place, client: Client, answers: list[Spoken], port: int) -> None:
        self._watch = watch
        self._work = Transcribing(watch, client)
        self._answers = answers
        self._calls_at = f"http://127.0.0.1:{port}/calls"
        self._worker = psutil.Process(here.layout.read_pids()["worker"])
        self._peak = self._own = 0.0
        pids = here.layout.read_pids()
        self.spending = Spending({name: pids[name] for name in ("worker", "api", "mongod", "speech")})

    def warm_up(self) -> None:
        """Let everything be loaded that will be needed, so that it counts as idle."""
        self._work.all_of(self._answers[:4], lambda: None)

    def measured(self) -> Round:
        idle, before = self._memory(), len(self._calls())
        self._peak = self._own = 0.0
        self.spending.start()
        self._work.all_of(self._answers, self._look)
        self.spending.stop()
        calls = sorted(self._calls()[before:])
        share, rate = throughput(calls)
        own = self._own - idle[0]
        return Round(share, rate, most_at_once(calls), own, self._peak - sum(idle) - own, sum(idle))

    def _look(self) -> None:
        own, decoders = self._memory()
        if own + decoders > self._peak:
            self._peak, self._own = own + decoders, own

    def _memory(self) -> tuple[float, float]:
        """The worker's own, and that of all its children."""
        children = 0.0
        for child in self._worker.children(recursive=True):
            try:
                children += child.memory_info().rss / MB
            except psutil.NoSuchProcess:
                continue
        return self._worker.memory_info().rss / MB, children

    def _calls(self) -> list[tuple[float, float]]:
        return [(begin, end) for begin, end in httpx2.get(self._calls_at, trust_env=False).json()]


def throughput(calls: list[tuple[float, float]]) -> tuple[float, float]:
    """The share of the ideal, and the calls a second, between the first full house and the last call that began.

    By the calls that are in flight on average: to count those that end would depend on where the window's edges fall.
    """
    start, end = calls[0][0] + SECONDS, calls[-1][0]
    busy = sum(max(0.0, min(end, ended) - max(start, begun)) for begun, ended in calls)
    in_flight = busy / (end - start)
    return in_flight / AT_ONCE, in_flight / SECONDS


def most_at_once(calls: list[tuple[float, float]]) -> int:
    steps = sorted([(begin, 1) for begin, _ in calls] + [(end, -1) for _, end in calls])
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


def _throughput(rounds: list[Round], spent: str) -> Result:
    note = (
        f"{max(r.rate for r in rounds):.1f} answers a second at best, {AT_ONCE / SECONDS:.1f} is ideal; "
        f"{min(r.most_at_once for r in rounds)} calls of {SECONDS:g} s in flight; processor ms per answer: {spent}"
    )
    return summary("hosted engine, throughput", RATE_GOAL, "of the ideal", [r.share for r in rounds], note)


def _memory(rounds: list[Round]) -> Result:
    each = [(r.worker + r.decoders) / r.most_at_once for r in rounds]
    worst = max(rounds, key=lambda r: r.worker + r.decoders)
    note = (
        f"idle {worst.idle:.0f} MB; at the peak the worker took {worst.worker:.0f} MB more and its decoding "
        f"children {worst.decoders:.0f} MB more; resident, so pages that they share count in each"
    )
    return summary("hosted engine, memory of a transcription in flight", MEMORY_GOAL, "MB", each, note)
