"""Each cell played on a machine: uploads in flight, one fault at its step."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import httpx2
from bson import ObjectId

from tests.chaos import calls, epochs
from tests.chaos.cells import Cell, Fault
from tests.chaos.holds import BLOCK_SECONDS, Brake, NotReached, brake
from tests.chaos.machine import BOUND, Machine, send
from tests.chaos.recordings import POINT
from tests.chaos.stand_ins import overtake, stand_in
from tests.chaos.steps import SCORING
from tests.chaos.uploads import Told, start
from tests.scripts.running import until
from tests.system.live import create

LATE_SECONDS = 6.0
# Where another worker takes over from one that is stopped.
STOOD_IN = ("work", "finish", "live", *SCORING)


@dataclass
class Scene:
    """One cell while it is played."""

    machine: Machine
    cell: Cell
    session: str
    sent: list[Told] = field(default_factory=list)
    talk: calls.Talk | None = None
    struck: float = 0.0

    def upload(
        self,
        question: str,
        *,
        at_half: bool = False,
        wait: bool = False,
        small: bool = False,
        pieces: bool = False,
        live: bool = False,
    ) -> Told:
        told = start(self.machine, self.session, question, at_half=at_half, small=small, pieces=pieces, live=live)
        self.sent.append(told)
        if wait:
            told.wait()
        return told

    def upload_half(self, question: str) -> None:
        """Begin an upload and return once some of its body is stored."""
        self.upload(question, at_half=True)
        arriving = {"session_id": self.session, "state": "uploading"}
        database = self.machine.database
        until(lambda: any(self._has_chunks(part["_id"]) for part in database["parts"].find(arriving)), 30)

    def _has_chunks(self, id: str) -> bool:
        return self.machine.database["fs.chunks"].find_one({"files_id": ObjectId(id)}, {"_id": True}) is not None

    def strike(self, held: Brake | None = None) -> None:
        """The fault; a command that waits in the database is ended with its client, or lands late."""
        operations = held.held_operations() if held else []
        hold, cell = self.cell.step.hold, self.cell
        ends = hold is not None and cell.fault is Fault.KILL and hold.app == f"viva-voce-{cell.process}"
        self.struck = time.monotonic()
        then = (lambda: held.end(operations)) if held and ends else (lambda: None)
        if cell.fault is Fault.STOP and cell.process == "worker" and cell.step.stage in STOOD_IN:
            then = partial(stand_in, self.machine, self.session, scores=cell.needs_scorer)
        if held and cell.fault is Fault.KILL_LATE and cell.process == "worker":
            are_waiting = partial(held.are_waiting, operations)
            then = partial(overtake, self.machine, self.session, are_waiting, scores=cell.needs_scorer)
        self.machine.break_(cell.process, cell.fault, then)


def open_session(machine: Machine) -> str:
    """A session with three questions, of a user who has none yet, as soon as the API takes it."""
    machine.user = f"user-{machine.number()}"
    end = time.monotonic() + BOUND
    while True:
        try:
            with machine.client() as client:
                return create(client, *(_question(f"q{number}") for number in (1, 2, 3)))
        except (httpx2.HTTPError, AssertionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _block(cell: Cell) -> float:
    """How long a held command waits: where it is to land late, until others have gone on."""
    is_stopped = cell.fault is Fault.STOP and cell.step.stage in STOOD_IN and cell.process == "worker"
    return LATE_SECONDS if is_stopped or cell.fault is Fault.KILL_LATE else BLOCK_SECONDS


def _question(id: str) -> dict[str, object]:
    return {"id": id, "text": "?", "key_points": [POINT]}


def play(machine: Machine, cell: Cell) -> Scene:
    """Play a cell until its fault has passed and every client has heard or given up."""
    scene = Scene(machine, cell, open_session(machine))
    machine.engine.counts, machine.engine.reads = cell.step.stage == "live", calls.is_call(cell)
    try:
        SCENES[cell.step.stage](scene)
    finally:
        machine.engine.release()
        for told in scene.sent:
            told.wait()
    return scene


def _upload(scene: Scene) -> None:
    """Two answers are in the worker's hands when a second take of the first one meets its fault."""
    scene.machine.engine.hearing.hold()
    for question in ("q2", "q1"):
        scene.upload(question, wait=True)
    hold = scene.cell.step.hold
    if hold is None:
        scene.upload_half("q1")
        scene.strike()
        return
    with brake(scene.machine.admin, hold, _block(scene.cell)) as held:
        stage = scene.cell.step.stage
        scene.upload("q1", small=stage == "small upload", pieces=stage == "pieces")
        held.wait()
        scene.strike(held)


def _wait(scene: Scene) -> None:
    """Answers that were accepted wait: no ring is heard, or nobody has the time."""
    still = "valkey" if "ring" in scene.cell.step.name else "worker"
    with frozen(scene.machine, still):
        for question in ("q1", "q2", "q1"):
            scene.upload(question, wait=True)
        scene.strike()


def _work(scene: Scene) -> None:
    scene.machine.engine.hearing.hold()
    scene.upload("q1", wait=True)
    scene.machine.engine.hearing.reached.wait(30)
    for question in ("q2", "q3"):
        scene.upload(question)
    scene.strike()


def _finish(scene: Scene) -> None:
    hold, engine = scene.cell.step.hold, scene.machine.engine
    assert hold is not None
    if hold.after_complete:
        engine.hearing.hold()
        scene.upload("q1", wait=True)
        engine.hearing.reached.wait(30)
    with brake(scene.machine.admin, hold, _block(scene.cell)) as held:
        engine.release()
        if not hold.after_complete:
            scene.upload("q1")
        held.wait()
        for question in ("q2", "q3"):
            scene.upload(question)
        scene.strike(held)


def hand_to_scorer(scene: Scene) -> None:
    """An answer shows, and the scorer has been asked for its score."""
    scoring = scene.machine.engine.scoring
    scoring.hold()
    scene.upload("q1", wait=True)
    if not scoring.reached.wait(30):
        raise NotReached("the scorer was never asked")


def leave_unscored(scene: Scene) -> None:
    """The worker dies while the scorer has the answer."""
    hand_to_scorer(scene)
    send(scene.machine.pid("worker"), signal.SIGKILL)
    scene.machine.engine.scoring.release()


def _score(scene: Scene) -> None:
    hand_to_scorer(scene)
    _strike_who_scores(scene)


def _score_again(scene: Scene) -> None:
    leave_unscored(scene)
    _strike_who_scores(scene)


def _strike_who_scores(scene: Scene) -> None:
    """At its step, or while the scorer has the answer."""
    hold = scene.cell.step.hold
    with ExitStack() as armed:
        held = None
        if hold is not None:
            held = armed.enter_context(brake(scene.machine.admin, hold, _block(scene.cell)))
            scene.machine.engine.scoring.release()
            held.wait()
        for question in ("q2", "q3"):
            scene.upload(question)
        scene.strike(held)


def _live(scene: Scene) -> None:
    """A recording is listened to while it arrives; the rest of it comes after the fault."""
    hold, engine = scene.cell.step.hold, scene.machine.engine
    if hold is None:
        engine.hearing.hold()
        told = scene.upload("q1", live=True)
        engine.hearing.reached.wait(30)
        scene.strike()
    else:
        with brake(scene.machine.admin, hold, _block(scene.cell)) as held:
            told = scene.upload("q1", live=True)
            held.wait()
            scene.strike(held)
    engine.release()
    told.gate.set()


def begin_talk(scene: Scene) -> calls.Talk:
    scene.talk = calls.talk(scene.machine, scene.cell, scene.session)
    return scene.talk


def _call(scene: Scene) -> None:
    """Two talk; the blow falls in the midst of that, or at what is kept of it first."""
    talk, hold = begin_talk(scene), scene.cell.step.hold
    if hold is None:
        talk.begin()
        time.sleep(calls.BLOW_SECONDS)
        talk.strike_and_await_ears(scene.strike)
    else:
        with brake(scene.machine.admin, hold, _block(scene.cell)) as held:
            talk.begin()
            held.wait()
            talk.strike_and_await_ears(partial(scene.strike, held), held.stands_since)
    talk.wait()
    talk.end()


def _end_of_call(scene: Scene) -> None:
    """Both have talked; the blow falls while their call ends."""
    talk, hold = begin_talk(scene), scene.cell.step.hold
    assert hold is not None
    talk.begin()
    talk.wait()
    ending = threading.Thread(target=talk.end, daemon=True)
    with brake(scene.machine.admin, hold, _block(scene.cell)) as held:
        ending.start()
        held.wait()
        talk.strike_and_await_ears(partial(scene.strike, held), held.stands_since)
    ending.join(2 * BOUND)


def _spoken(scene: Scene) -> None:
    """A worker that really listens meets its fault while it decodes, or half-way through an answer."""
    hold = scene.cell.step.hold
    if hold is not None:
        with brake(scene.machine.admin, hold, _block(scene.cell)) as held:
            scene.upload("q1")
            held.wait()
            scene.upload("q2")
            scene.strike(held)
        return
    told = scene.upload("q1", wait=True)
    _await_half(scene, told)
    scene.upload("q2")
    scene.strike()


def _await_half(scene: Scene, told: Told) -> None:
    """Until the worker is half-way, going by how long it took for the answer before."""
    parts = scene.machine.database["parts"]
    before = parts.find_one({"state": "completed"}, sort=[("completed_at", -1)])
    assert before is not None, "one answer must have been transcribed in peace"
    until(lambda: parts.count_documents({"_id": told.body["file_id"], "state": {"$ne": "queued"}}) > 0, 30)
    time.sleep(before["processing_seconds"] / 2)
    if not parts.count_documents({"_id": told.body["file_id"], "state": "processing"}):
        raise NotReached("the answer was transcribed before its time")


def leave_work_for_the_sweep(scene: Scene) -> None:
    """A worker dies with an answer in the engine, and the API with half an upload."""
    scene.machine.engine.hearing.hold()
    scene.upload("q1", wait=True)
    scene.machine.engine.hearing.reached.wait(30)
    scene.upload_half("q2")
    for process in ("worker", "api"):
        send(scene.machine.pid(process), signal.SIGKILL)
    scene.machine.engine.release()


def _sweep(scene: Scene) -> None:
    hold = scene.cell.step.hold
    assert hold is not None
    with brake(scene.machine.admin, hold, _block(scene.cell)) as held:
        leave_work_for_the_sweep(scene)
        held.wait()
        scene.strike(held)


def _analyze(scene: Scene) -> None:
    hold = scene.cell.step.hold
    assert hold is not None
    for question in ("q1", "q2"):
        scene.upload(question, wait=True)
    await_analysis(scene.machine, scene.session, BOUND)
    with brake(scene.machine.admin, hold, _block(scene.cell)) as held:
        asking = threading.Thread(target=ask_for_analysis, args=(scene.machine, scene.session))
        asking.start()
        held.wait()
        scene.strike(held)
        asking.join(60)


def _rotate(scene: Scene) -> None:
    """A new epoch begins while an answer waits that was sealed in the one before, and others come."""
    hold, machine = scene.cell.step.hold, scene.machine
    assert hold is not None
    epochs.settled(machine)
    with frozen(machine, "worker"):
        scene.upload("q1", wait=True)
        with brake(machine.admin, hold, _block(scene.cell)) as held:
            epochs.age(machine)
            held.wait()
            scene.upload("q2")
            scene.strike(held)
    scene.upload("q3", wait=True)


def end_an_epoch(scene: Scene) -> None:
    """All that was sealed in an epoch has ended, and a newer one is there, which everybody knows."""
    epochs.settled(scene.machine)
    scene.upload("q1", wait=True)
    await_end(scene.machine, scene.sent[0])
    epochs.turn(scene.machine)


def _destroy(scene: Scene) -> None:
    """The key of an ended answer goes, while one that was sealed in the epoch after it waits."""
    hold, machine = scene.cell.step.hold, scene.machine
    assert hold is not None
    end_an_epoch(scene)
    with frozen(machine, "worker"):
        scene.upload("q2", wait=True)
        with brake(machine.admin, hold, _block(scene.cell)) as held:
            epochs.age(machine, "closed")
            held.wait()
            scene.upload("q3")
            scene.strike(held)


def ready_to_erase(scene: Scene) -> None:
    """One answer has ended, one is in the engine, one waits."""
    scene.upload("q1", wait=True)
    await_end(scene.machine, scene.sent[0])
    scene.machine.engine.hearing.hold()
    scene.upload("q2", wait=True)
    scene.machine.engine.hearing.reached.wait(30)
    scene.upload("q3", wait=True)


def _erase(scene: Scene) -> None:
    hold, machine = scene.cell.step.hold, scene.machine
    ready_to_erase(scene)
    asking = threading.Thread(target=ask_to_erase, args=(machine, scene.session))
    if hold is None:
        scene.upload_half("q1")
        asking.start()
        asking.join(60)
        scene.strike()
        return
    with brake(machine.admin, hold, _block(scene.cell)) as held:
        asking.start()
        held.wait()
        scene.strike(held)
    asking.join(60)


def ask_to_erase(machine: Machine, session: str) -> None:
    """Until there is an answer."""
    end = time.monotonic() + BOUND
    while time.monotonic() < end:
        with suppress(httpx2.HTTPError), machine.client() as client:
            if client.delete(f"/api/sessions/{session}", timeout=15).status_code in (200, 202):
                return
        time.sleep(0.2)


def await_end(machine: Machine, told: Told) -> None:
    """Until the answer has ended and nothing of it remains to be done."""
    where = {"_id": told.body["file_id"], "state": {"$in": ["completed", "failed"]}, "settled": True}
    until(lambda: machine.database["parts"].count_documents(where) > 0, BOUND)


def ask_for_analysis(machine: Machine, session: str) -> int:
    """The status of one call; 0 where there was no answer."""
    try:
        with machine.client() as client:
            return client.post(f"/api/analyze/{session}", timeout=30).status_code
    except httpx2.HTTPError:
        return 0


def await_analysis(machine: Machine, session: str, seconds: float) -> bool:
    """Whether the scores come within so many seconds."""
    end = time.monotonic() + seconds
    while ask_for_analysis(machine, session) != 200:
        if time.monotonic() > end:
            return False
        time.sleep(0.25)
    return True


@contextmanager
def frozen(machine: Machine, process: str) -> Iterator[None]:
    """The process stands still meanwhile."""
    pid = machine.pid(process)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pid, signal.SIGCONT)


SCENES = {
    "upload": _upload,
    "small upload": _upload,
    "pieces": _upload,
    "wait": _wait,
    "work": _work,
    "finish": _finish,
    "score": _score,
    "score again": _score_again,
    "sweep": _sweep,
    "analyze": _analyze,
    "rotate": _rotate,
    "destroy": _destroy,
    "erase": _erase,
    "live": _live,
    "spoken": _spoken,
    "call by UDP": _call,
    "call by socket": _call,
    "end of call by UDP": _end_of_call,
    "end of call by socket": _end_of_call,
}
