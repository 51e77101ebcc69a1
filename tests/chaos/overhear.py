"""Which commands an upload, a transcription, a sweep and an analysis are made of, as the database sees them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos import epochs
from tests.chaos.cells import MOMENTS, Cell, Fault
from tests.chaos.erased import erased
from tests.chaos.judged import TRIES, quiet
from tests.chaos.machine import BOUND, Machine
from tests.chaos.scenes import (
    Scene,
    ask_for_analysis,
    ask_to_erase,
    await_analysis,
    begin_talk,
    end_an_epoch,
    hand_to_scorer,
    leave_unscored,
    leave_work_for_the_sweep,
    open_session,
    ready_to_erase,
)
from tests.chaos.steps import WRITES, Command, Step, command_of, steps_of
from tests.scripts.running import until

LARGE = 64 * 1024 * 1024


def overhear(machine: Machine) -> list[Step]:
    """Every step of an answer's way, from one that is left in peace."""
    return [
        MOMENTS[0],
        *steps_of("upload", _of_upload(machine)),
        *steps_of("small upload", _of_upload(machine, small=True)),
        *steps_of("pieces", _of_upload(machine, pieces=True)),
        *MOMENTS[1:4],
        *steps_of("finish", _of_finish(machine)),
        *steps_of("sweep", _of_sweep(machine)),
        *steps_of("analyze", _of_analyze(machine)),
        *steps_of("rotate", _of_rotate(machine)),
        *steps_of("destroy", _of_destroy(machine)),
        MOMENTS[4],
        *steps_of("erase", _of_erase(machine)),
        MOMENTS[5],
        *steps_of("live", _of_live(machine)),
        *_of_call(machine, "UDP", MOMENTS[6]),
        *_of_call(machine, "socket", MOMENTS[7]),
    ]


def overhear_scoring(machine: Machine) -> list[Step]:
    """The steps of an answer that is scored afterwards, and of one whose worker dies while the scorer has it."""
    return [
        MOMENTS[8],
        *steps_of("score", _of_scoring(machine)),
        *steps_of("score again", _of_second_scoring(machine)),
    ]


def _of_scoring(machine: Machine) -> list[Command]:
    """What follows once the scorer has been asked."""
    scene = _scene(machine)
    with _profile(machine):
        hand_to_scorer(scene)
        before = len(_heard(machine, scene, "viva-voce-worker", is_quiet=False))
        machine.engine.release()
        await_analysis(machine, scene.session, BOUND)
        quiet(machine)
    return _heard(machine, scene, "viva-voce-worker")[before:]


def _of_second_scoring(machine: Machine) -> list[Command]:
    scene = _scene(machine)
    leave_unscored(scene)
    with _profile(machine):
        await_analysis(machine, scene.session, BOUND)
        quiet(machine)
    return _heard(machine, scene, "viva-voce-worker")


def _of_upload(machine: Machine, *, small: bool = False, pieces: bool = False) -> list[Command]:
    """A second take, while the first is in the engine."""
    scene = _scene(machine)
    machine.engine.hearing.hold()
    scene.upload("q1", wait=True)
    machine.engine.hearing.reached.wait(30)
    with _profile(machine):
        scene.upload("q1", wait=True, small=small, pieces=pieces)
        time.sleep(0.2)
    machine.engine.release()
    return _heard(machine, scene, "viva-voce-api")


def _of_finish(machine: Machine) -> list[Command]:
    scene = _scene(machine)
    with _profile(machine):
        scene.upload("q1", wait=True)
        await_analysis(machine, scene.session, BOUND)
        quiet(machine)
    return _heard(machine, scene, "viva-voce-worker")


def _of_live(machine: Machine) -> list[Command]:
    """While a recording arrives, until its listener has let go of it."""
    scene = _scene(machine)
    machine.engine.counts = True
    with _profile(machine):
        told = scene.upload("q1", live=True)
        where = {"session_id": scene.session, "checkpoint": {"$ne": None}, "listener": None}
        until(lambda: machine.database["parts"].count_documents(where) > 0, BOUND)
    told.wait()
    await_analysis(machine, scene.session, BOUND)
    commands = _heard(machine, scene, "viva-voce-worker")
    machine.engine.counts = False
    return [command for command in commands if command.name in WRITES]


def _of_sweep(machine: Machine) -> list[Command]:
    scene = _scene(machine)
    with _profile(machine):
        leave_work_for_the_sweep(scene)
        scene.sent[-1].wait()
        await_analysis(machine, scene.session, BOUND)
        quiet(machine)
    return [command for command in _heard(machine, scene, "viva-voce-upkeep") if command.name in WRITES]


def _of_analyze(machine: Machine) -> list[Command]:
    scene = _scene(machine)
    scene.upload("q1", wait=True)
    await_analysis(machine, scene.session, BOUND)
    with _profile(machine):
        ask_for_analysis(machine, scene.session)
        time.sleep(0.2)
    return _heard(machine, scene, "viva-voce-api")


def _of_rotate(machine: Machine) -> list[Command]:
    scene = _scene(machine)
    epochs.settled(machine)
    with _profile(machine):
        epochs.age(machine)
        epochs.await_turn(machine)
    return _of_epochs(_heard(machine, scene, "viva-voce-upkeep"))


def _of_destroy(machine: Machine) -> list[Command]:
    scene = _scene(machine)
    end_an_epoch(scene)
    with _profile(machine):
        epochs.age(machine, "closed")
        epochs.settled(machine)
    return _of_epochs(_heard(machine, scene, "viva-voce-upkeep"))


def _of_epochs(commands: list[Command]) -> list[Command]:
    return [command for command in commands if command.collection == "epochs" and command.name in WRITES]


def _of_erase(machine: Machine) -> list[Command]:
    """What the API does of it, where it does it to the end: on a busy machine the sweep may go on with it."""
    commands: list[Command] = []
    for _ in range(TRIES):
        commands = _of_one_erasure(machine)
        if any(command.title == "note that it is done" for command in commands):
            break
    return commands


def _of_one_erasure(machine: Machine) -> list[Command]:
    scene = _scene(machine)
    ready_to_erase(scene)
    with _profile(machine):
        ask_to_erase(machine, scene.session)
        for told in scene.sent:
            told.wait()
        erased(machine, scene.session, BOUND)
    machine.engine.release()
    return [command for command in _heard(machine, scene, "viva-voce-api") if _erases(command)]


def _erases(command: Command) -> bool:
    """Not what an upload in flight still stores, nor that the chain of erasures is named, which is done once."""
    if command.collection == "receipt_chains":
        return False
    return command.name in WRITES and (command.name != "insert" or command.collection == "receipts")


def _of_call(machine: Machine, door: str, moment: Step) -> list[Step]:
    """While two talk, and then while their call ends."""
    scene = _scene(machine, moment)
    machine.engine.reads = True
    talk = begin_talk(scene)
    with _profile(machine):
        talk.begin()
        talk.wait()
    takes_in = "viva-voce-rtp" if talk.by_udp else "viva-voce-api"
    heard = _heard(machine, scene, takes_in, is_quiet=False)
    bringing = _of_records(heard, {"latch", "begin the clock", "tally", "piece"})
    with _profile(machine):
        talk.end()
    await_analysis(machine, scene.session, BOUND)
    apps = dict.fromkeys((takes_in, "viva-voce-api"))
    ending = [each for app in apps for each in _heard(machine, scene, app)]
    machine.engine.reads = False
    return [
        moment,
        *steps_of(f"call by {door}", bringing),
        *steps_of(f"end of call by {door}", _of_records(ending, {"piece", "end of side", "close", "ended"})),
    ]


def _of_records(commands: list[Command], titles: set[str]) -> list[Command]:
    """The records of calls and their pages; what else their sides need is any recording's."""
    ours = [each for each in commands if each.name in WRITES and each.collection in ("calls", "pieces")]
    return [each for each in ours if each.title in titles]


def _scene(machine: Machine, moment: Step = MOMENTS[0]) -> Scene:
    return Scene(machine, Cell(moment, Fault.STOP, "nobody"), open_session(machine))


@contextmanager
def _profile(machine: Machine) -> Iterator[None]:
    database = machine.database
    database.command("profile", 0)
    database["system.profile"].drop()
    database.create_collection("system.profile", capped=True, size=LARGE)
    database.command("profile", 2)
    try:
        yield
    finally:
        database.command("profile", 0)


def _heard(machine: Machine, scene: Scene, app: str, *, is_quiet: bool = True) -> list[Command]:
    if is_quiet:
        quiet(machine)
    rows = machine.database["system.profile"].find({"appName": app}).sort("$natural", 1)
    return [command_of(row) for row in rows]
