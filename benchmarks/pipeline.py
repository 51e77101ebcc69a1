"""Answers a minute through the whole house, against the engine room alone on the same files and threads."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from statistics import median

from benchmarks import last_word, stack
from benchmarks.calls import Client, connect
from benchmarks.child import Child, Job, child
from benchmarks.processor import Spending
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.stack import Place
from benchmarks.transcribing import LANGUAGE, Transcribing, the_answers
from scripts.demo.interview import Spoken

GOAL, LAST_WORD_GOAL = ">= 0.95", "<= 50"
ROUNDS = 4
ANSWERS = 24
WRITES = 20
SETTINGS: dict[int, Mapping[str, str]] = {1: {}, 2: {"SPEECH_THREADS": "1"}}
BESIDES = ("api", "mongod", "valkey", "upkeep", "beat")


def run(watch: Run) -> Iterator[Result]:
    """For one worker process and for two: the throughput, and the time after the engine's last word."""
    answers = the_answers(ANSWERS, watch.options.clips)
    for workers, settings in SETTINGS.items():
        with ExitStack() as held:
            here = held.enter_context(
                stack.opened(watch, beside=stack.workers(workers), ready_workers=workers, settings=settings)
            )
            bare = [held.enter_context(child("bare_engine", settings)) for _ in range(workers)]
            writes = held.enter_context(child("bare_writes"))
            http = held.enter_context(connect(here.url, here.token()))
            yield from Measured(watch, here, workers, answers, Client(http), bare, writes).results()


class Measured:
    """One number of worker processes, and as many of the bare engine with the same threads each."""

    def __init__(
        self,
        watch: Run,
        here: Place,
        workers: int,
        answers: list[Spoken],
        client: Client,
        bare: list[Child],
        writes: Child,
    ) -> None:
        pids = here.layout.read_pids()
        self._watch = watch
        self._here = here
        self._name = "pipeline, 1 worker process" if workers == 1 else f"pipeline, {workers} worker processes"
        self._workers = [name for name in pids if name.startswith("worker")]
        self._answers = answers
        self._work = Transcribing(watch, client)
        self._bare = bare
        self._writes = writes
        self._ours = Spending({name: pids[name] for name in (*self._workers, *BESIDES)})
        self._theirs = Spending({f"engine {number}": one.pid for number, one in enumerate(bare, 1)})
        self._database: list[float] = []

    def results(self) -> Iterator[Result]:
        shown = last_word.Shown(self._here)
        what = f"{self._name}, {len(self._answers)} answers"
        pairs = self._watch.pairs(ROUNDS, what, self._house_seconds, self._engine_seconds)
        shown.close()
        yield self._throughput(pairs)
        yield self._last_word(shown)

    def _house_seconds(self) -> float:
        self._ours.start()
        taken = self._work.all_of(self._answers, lambda: None)
        self._ours.stop()
        return taken

    def _engine_seconds(self) -> float:
        """The files dealt out to the processes; the slowest counts. Then the bare writes, on an idle machine too."""
        files = [str(spoken.audio.resolve()) for spoken in self._answers]
        jobs = [{"files": files[first :: len(self._bare)], "language": LANGUAGE} for first in range(len(self._bare))]
        self._theirs.start()
        for one, job in zip(self._bare, jobs, strict=True):
            one.begin(job)
        taken = max(float(one.end(self._watch.pause)["seconds"]) for one in self._bare)
        self._theirs.stop()
        where = {"mongodb_url": self._here.mongodb_url, "redis_url": f"redis://127.0.0.1:{self._here.valkey}/1"}
        writing: Job = {**where, "database": "bare_writes", "count": WRITES}
        self._database.append(median(self._writes.ask(writing, self._watch.pause)["milliseconds"]))
        return taken

    def _throughput(self, pairs: list[tuple[float, float]]) -> Result:
        best = [60 * len(self._answers) / min(times) for times in zip(*pairs, strict=True)]
        count = len(self._answers) * (len(pairs) + 1)
        note = (
            f"best {best[0]:.0f} and {best[1]:.0f} answers a minute; processor ms per answer: "
            f"{self._ours.each(count)} against {self._theirs.each(count)}; "
            f"uploading took {1000 * self._work.uploading / count:.0f} ms each"
        )
        return summary(self._name, GOAL, "of the bare engine", [bare / house for house, bare in pairs], note)

    def _last_word(self, shown: last_word.Shown) -> Result:
        """One value a round: the median of its answers, less the median of the bare writes."""
        begun = [last_word.answered(self._here.layout.log(name)) for name in self._workers]
        waits = [
            1000 * (shown.at[name] - at)
            for name, at in sorted(_joined(begun).items(), key=lambda item: item[1])
            if name in shown.at
        ]
        size = len(self._answers)
        rounds = [median(waits[at : at + size]) for at in range(size, len(waits), size)]
        database = median(self._database)
        note = (
            f"median {median(waits):.0f} ms with the database, whose own writes take {database:.0f} ms when done bare"
        )
        name = f"from the engine's last word to completed, {self._name.partition(', ')[2]}"
        return summary(name, LAST_WORD_GOAL, "ms beyond the database", [wait - database for wait in rounds], note)


def _joined(several: list[dict[last_word.Name, float]]) -> dict[last_word.Name, float]:
    return {name: at for found in several for name, at in found.items()}
