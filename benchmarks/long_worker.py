"""A worker on hours of sound: whether what it holds grows with them, and what is done again after it was killed.

`python -m benchmarks.long_worker memory|killed` measures one of both on a stack, and prints it. In the place of the
engine stands a speech API that answers at once, with `--model` a real one.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx2
import numpy as np
import psutil
import typer
from pymongo import MongoClient
from rich.progress import Progress

from benchmarks import processor, stack
from benchmarks.calls import connect
from benchmarks.feeding import QUESTION, new_session
from benchmarks.hours import hours_of_opus
from benchmarks.processes import MB, family
from benchmarks.results import NO_GOAL, Result, summary, table
from benchmarks.run import Options, Run
from benchmarks.stack import DATABASE, Place
from benchmarks.transcribing import NotTranscribed
from scripts.stack import ports, processes
from scripts.stack.processes import Process
from scripts.stack.signals import Signals

GROWTH_GOAL, AGAIN_GOAL = "<= 2", "<= 5"
HOURS, KILLED_HOURS, KILL_AT = 4.0, 2.0, 0.9
LEASE_SECONDS, CALL_SECONDS = "10", "5"
LOOK_SECONDS = 0.5
MOST_SECONDS = "20000"
COMPLETED, FAILED = "completed", "failed"

program = typer.Typer(add_completion=False)


def run(watch: Run) -> Iterator[Result]:
    """Both, without a model."""
    yield from grown(watch, HOURS * watch.options.scale)
    yield from killed(watch, KILLED_HOURS * watch.options.scale)


@dataclass(slots=True)
class Look:
    """What a worker holds, in MB, at how many settled seconds; and the processor time that it has taken."""

    seconds: float
    held: float
    processor: float


@dataclass(slots=True)
class House:
    """One worker, to which a long recording is uploaded in one go."""

    watch: Run
    here: Place
    http: httpx2.Client
    speech: int | None
    looks: list[Look] = field(default_factory=list)
    _parts: Any = field(init=False)

    def __post_init__(self) -> None:
        self._parts = MongoClient(self.here.mongodb_url)[DATABASE]["parts"]

    @property
    def pid(self) -> int:
        return self.here.layout.read_pids()["worker"]

    def upload(self, data: bytes) -> str:
        session = new_session(self.http)
        files = {"audio": ("answer.webm", data)}
        self.http.post(f"/api/upload-answer/{session}/{QUESTION}", files=files, timeout=120).raise_for_status()
        return session

    def follow(self, session: str, until: Callable[[Look], bool] = lambda look: False) -> None:
        """Look again and again until it is completed, or earlier."""
        while self.look(session) != COMPLETED and not until(self.looks[-1]):
            self.pause(LOOK_SECONDS)

    def look(self, session: str) -> str:
        """The state of the recording; what the worker holds is noted."""
        part, pid = self._parts.find_one({"session_id": session}, {"state": True, "checkpoint": True}), self.pid
        if part["state"] == FAILED:
            raise NotTranscribed(f"The long recording failed: {part}")
        settled = (part.get("checkpoint") or {}).get("seconds", 0.0)
        self.looks.append(Look(settled, held(pid), processor.seconds(pid)))
        return str(part["state"])

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.watch.pause()

    def given(self) -> float:
        """How many seconds of sound the engine was given so far, where that can be told."""
        return 0.0 if self.speech is None else float(self._ask("GET", "seconds").json())

    @contextmanager
    def in_a_call(self, seconds: float) -> Iterator[None]:
        """While the engine has sound and has not answered; of a model that cannot be told, so after some seconds."""
        if self.speech is None:
            self.pause(seconds)
            yield
            return
        before = self.given()
        self._ask("POST", "hold")
        while self.given() == before:
            self.watch.pause()
        yield
        self._ask("POST", "go")

    def _ask(self, method: str, what: str) -> httpx2.Response:
        answer = httpx2.request(method, f"http://127.0.0.1:{self.speech}/{what}", trust_env=False)
        return answer.raise_for_status()


@contextmanager
def opened(watch: Run, model: str | None) -> Iterator[House]:
    """A stack with one worker, and either a model or what answers at once."""
    port = None if model else ports.choose()
    named = {"SPEECH_ENGINE": "local", "SPEECH_MODEL": model} if model else hosted(port or 0)
    limits = {"MAX_AUDIO_SECONDS": MOST_SECONDS, "LEASE_SECONDS": LEASE_SECONDS, "OPENAI_TIMEOUT_SECONDS": CALL_SECONDS}
    settings = {**named, **limits}

    def beside(here: Place) -> Iterator[Process]:
        if port is not None:
            yield quick_speech(port)
        yield from stack.workers(1)(here)

    with ExitStack() as held_open:
        here = held_open.enter_context(stack.opened(watch, beside=beside, ready_workers=1, settings=settings))
        http = held_open.enter_context(connect(here.url, here.token()))
        yield House(watch, here, http, port)


def hosted(port: int) -> dict[str, str]:
    return {"SPEECH_ENGINE": "openai", "OPENAI_API_KEY": "any", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}


def quick_speech(port: int) -> Process:
    server = ("-m", "uvicorn", "--factory", "benchmarks.quick_speech:create_app", "--host", "127.0.0.1")
    return Process("speech", (processes.api(port, ()).command[0], *server, "--port", str(port), "--no-access-log"))


def held(pid: int) -> float:
    """Of a process and all that it has started; what they share is counted once."""
    found = 0.0
    for process in family(pid):
        try:
            found += process.memory_full_info().pss / MB
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def grown(watch: Run, hours: float, model: str | None = None) -> Iterator[Result]:
    with TemporaryDirectory() as folder:
        data, minute = hours_of_opus(hours, Path(folder)), hours_of_opus(1 / 60, Path(folder))
    with opened(watch, model) as house, watch.waiting(f"a worker on {hours:g} h of sound"):
        house.follow(house.upload(minute))
        idle = held(house.pid)
        house.looks.clear()
        house.follow(house.upload(data))
        looks = house.looks
    slope, noise = growth(looks)
    note = (
        f"± {2 * noise:.1f} (two standard errors), by {len(looks)} looks; {hours:g} h, {len(data) / MB:.0f} MB of Opus"
    )
    yield summary(f"long, growth of a worker{_of(model)}", GROWTH_GOAL, "MB an hour of sound", [slope], note)
    more = max(look.held for look in looks) - idle
    note = f"idle {idle:.0f} MB; its decoder's processes and the file in one of them counted"
    yield summary(f"long, a worker's memory{_of(model)}", NO_GOAL, "MB over idle", [more], note)


def growth(looks: list[Look]) -> tuple[float, float]:
    """The slope of what is held, in MB for each settled hour, and its standard error.

    Looks follow each other too closely to count as independent: those at one settled second count as their mean.
    """
    settled = sorted({look.seconds for look in looks if look.seconds > 0})
    means = [np.mean([look.held for look in looks if look.seconds == at]) for at in settled]
    hours, held_then = np.array(settled) / 3600, np.array(means)
    if len(hours) < 3:
        raise ValueError("Too few stretches for a slope: take a longer recording.")
    (slope, offset), spread = np.polyfit(hours, held_then, 1), np.sum((hours - hours.mean()) ** 2)
    left = held_then - (slope * hours + offset)
    return float(slope), float(np.sqrt(np.sum(left**2) / (len(hours) - 2) / spread))


def killed(watch: Run, hours: float, model: str | None = None) -> Iterator[Result]:
    """The same recording undisturbed, and with its worker killed within the stretch behind nine tenths of it."""
    with TemporaryDirectory() as folder:
        data = hours_of_opus(hours, Path(folder))
    with opened(watch, model) as house:
        with watch.waiting(f"{hours:g} h of sound, undisturbed"):
            undisturbed = _work(house, lambda: house.follow(house.upload(data)))
        with watch.waiting(f"{hours:g} h of sound, with its worker killed"):
            disturbed = _work(house, lambda: _with_a_kill(house, data, 3600 * hours))
    yield from _again(undisturbed, disturbed, hours, model)


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds of sound that the engine was given, and of processor time."""

    given: float
    processor: float


def _work(house: House, act: Callable[[], object]) -> Work:
    house.looks.clear()
    given, before = house.given(), processor.seconds(house.pid)
    act()
    steps = [0.0, *(later.processor - one.processor for one, later in zip(house.looks, house.looks[1:], strict=False))]
    # A worker that begins anew has taken what it has since it began; its imports and its model are part of that.
    spent = sum(step if step >= 0 else look.processor for step, look in zip(steps, house.looks, strict=True))
    return Work(house.given() - given, spent + house.looks[0].processor - before)


def _with_a_kill(house: House, data: bytes, seconds: float) -> None:
    """While the engine has the stretch behind nine tenths."""
    begun = time.monotonic()
    session = house.upload(data)
    house.follow(session, until=lambda look: look.seconds >= KILL_AT * seconds)
    stretches = len({look.seconds for look in house.looks}) or 1
    with house.in_a_call((time.monotonic() - begun) / stretches / 2):
        house.look(session)
        pid = house.pid
        psutil.Process(pid).kill()
        while house.pid == pid or not psutil.pid_exists(house.pid):
            house.watch.pause()
    house.follow(session)


def _again(undisturbed: Work, disturbed: Work, hours: float, model: str | None) -> Iterator[Result]:
    more = disturbed.processor - undisturbed.processor
    spent = f"{undisturbed.processor:.0f} s of processor time undisturbed, {more:.1f} s more"
    note = f"{hours:g} h, killed at {KILL_AT:.0%}; {spent}"
    if model:
        share = [100 * more / undisturbed.processor]
        yield summary(f"long, work done again after a kill{_of(model)}", AGAIN_GOAL, "% of it", share, note)
    else:
        share = [100 * (disturbed.given / undisturbed.given - 1)]
        yield summary("long, sound given to the engine again after a kill", AGAIN_GOAL, "% of it", share, note)


def _of(model: str | None) -> str:
    return f", {model}" if model else ""


@program.command()
def memory(hours: Annotated[float, typer.Option(min=0.5, max=4.0)] = HOURS, model: str | None = None) -> None:
    """What a worker holds while hours of Opus are transcribed."""
    _print(lambda watch: grown(watch, hours, model))


@program.command("killed")
def after_a_kill(
    hours: Annotated[float, typer.Option(min=0.5, max=4.0)] = KILLED_HOURS, model: str | None = None
) -> None:
    """What is done again after a worker was killed at nine tenths."""
    _print(lambda watch: killed(watch, hours, model))


def _print(measured: Callable[[Run], Iterator[Result]]) -> None:
    with Progress() as progress:
        found = list(measured(Run(Options(), Signals(), progress)))
    progress.console.print(table(found))


if __name__ == "__main__":
    program()
