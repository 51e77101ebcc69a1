"""Cells that need a stack of their own: a broker that was never there, and a speech model that really listens."""

import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
from pymongo import MongoClient

from scripts.stack import ports
from scripts.stack.programs import find_valkey
from tests.chaos.cells import Cell, Fault
from tests.chaos.judged import insist, judged, quiet, remains
from tests.chaos.machine import BOUND, ENVIRONMENT, Machine
from tests.chaos.recordings import Engine, Voice
from tests.chaos.scenes import Scene, await_analysis, open_session
from tests.chaos.steps import Hold, Step
from tests.chaos.verdict import Verdict, judge
from tests.scripts.running import Running, until
from tests.system import live
from tests.system.live import Stack
from tests.system.speech import samples, transcoded, word_error_rate

NEVER_THERE = Cell(Step("start", "broker down from the start"), Fault.DOWN, "valkey")
DECODE = Step("spoken", "decode", Hold("viva-voce-worker", "find", "fs.chunks"))
HALF_WAY = Step("spoken", "mid-transcription")
SPOKEN = (
    Cell(DECODE, Fault.KILL, "worker"),
    Cell(DECODE, Fault.STOP, "worker"),
    Cell(HALF_WAY, Fault.KILL, "worker"),
    Cell(HALF_WAY, Fault.STOP, "worker"),
    Cell(HALF_WAY, Fault.RESTART, "worker"),
    Cell(HALF_WAY, Fault.KILL, "mongod"),
)
CELLS = (NEVER_THERE, *SPOKEN)
SPOKEN_ENVIRONMENT = {
    **{name: value for name, value in ENVIRONMENT.items() if not name.startswith("OPENAI_")},
    "OPENAI_TIMEOUT_SECONDS": "1.5",
    "SPEECH_MODEL": "tiny.en",
    "LEASE_SECONDS": "4",
}
MOST_WRONG_WORDS = 0.2


def played(folder: Path, cells: Collection[Cell]) -> Iterator[tuple[Cell, Verdict]]:
    """These of such cells."""
    if NEVER_THERE in cells:
        yield NEVER_THERE, broker_never_there(folder / "never")
    spoken = [cell for cell in SPOKEN if cell in cells]
    if spoken:
        with listening(folder / "listening") as one:
            for cell in spoken:
                yield cell, judged(one, cell)


class Speakers(Voice):
    """The demo's spoken answers, each a WAV file of some chunks."""

    def __init__(self) -> None:
        self._samples = samples()
        self._files = [transcoded(sample.audio, "wav") for sample in self._samples]

    def recording(self, number: int, *, small: bool = False) -> bytes:
        return self._files[number % len(self._files)]

    def said(self, number: int) -> str:
        return self._samples[number % len(self._samples)].said

    def is_right(self, said: str, heard: str) -> bool:
        return word_error_rate(said, heard) < MOST_WRONG_WORDS


@contextmanager
def listening(folder: Path) -> Iterator[Machine]:
    """A machine on the local engine, which has transcribed one answer in peace."""
    with Engine() as unused, live.stack(folder, **SPOKEN_ENVIRONMENT) as stack:
        url = stack.environment["MONGODB_URL"]
        with MongoClient[dict[str, Any]](url, tz_aware=True, appname="chaos", serverSelectionTimeoutMS=60_000) as admin:
            one = Machine(stack, unused, admin, Speakers(), SPOKEN_ENVIRONMENT)
            scene = Scene(one, SPOKEN[0], open_session(one))
            scene.upload("q1", wait=True)
            assert await_analysis(one, scene.session, BOUND)
            yield one


def broker_never_there(folder: Path) -> Verdict:
    """Answers are taken without a broker, and transcribed once there is one."""
    port = ports.choose()
    with _without_broker(folder, port) as one:
        scene = Scene(one, NEVER_THERE, open_session(one))
        since = insist(one.now)
        for question in ("q1", "q2", "q3"):
            scene.upload(question, wait=True)
        with _valkey(folder, port):
            scene.struck = time.monotonic()
            late = [] if await_analysis(one, scene.session, BOUND) else [f"no result within {BOUND:.0f} s"]
            seconds = time.monotonic() - scene.struck
            quiet(one)
            insist(one.clean)
            verdict = judge(remains(one, scene, since))
        refused = [f"{told.question}: not accepted without a broker" for told in scene.sent if not told.is_accepted]
        return replace(verdict, lost=[*verdict.lost, *late, *refused], seconds=seconds)


@contextmanager
def _without_broker(folder: Path, port: int) -> Iterator[Machine]:
    environment = {**ENVIRONMENT, "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    with ExitStack() as cleanup:
        engine = cleanup.enter_context(Engine())
        environment["OPENAI_BASE_URL"] = engine.url
        running = Running.start(folder, ports.choose(), *(f"{key}={value}" for key, value in environment.items()))
        cleanup.callback(running.kill_all)
        cleanup.callback(running.stop)
        until(lambda: _takes_answers(running.port), 90)
        url = running.layout.read_env()["MONGODB_URL"]
        admin = cleanup.enter_context(MongoClient[dict[str, Any]](url, tz_aware=True))
        yield Machine(Stack(running, admin["viva_voce"]), engine, admin)


def _takes_answers(port: int) -> bool:
    try:
        answer = httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5, trust_env=False)
    except httpx2.HTTPError:
        return False
    return bool(answer.status_code == 200 and answer.json()["status"] == "degraded")


@contextmanager
def _valkey(folder: Path, port: int) -> Iterator[None]:
    command = [str(find_valkey()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "valkey.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield
        finally:
            process.terminate()
