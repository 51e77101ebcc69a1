"""A cell from its first upload to its verdict."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import httpx2
from pymongo.errors import PyMongoError

from services.interviews.model import CallSide
from tests.chaos import epochs
from tests.chaos.calls import misplaced
from tests.chaos.cells import Cell
from tests.chaos.erased import judge_erased
from tests.chaos.holds import NotReached, held_operations
from tests.chaos.machine import BOUND, Machine
from tests.chaos.receipts import chain_of
from tests.chaos.recordings import Voice, in_call
from tests.chaos.scenes import Scene, await_analysis, play
from tests.chaos.uploads import Told
from tests.chaos.verdict import LIVE, Remains, Sent, Verdict, judge
from tests.scripts.running import until

T = TypeVar("T")
TRIES = 3
UNQUIET = {"$or": [{"state": {"$in": sorted(LIVE)}}, {"settled": False}, {"to_score": True}]}


def judged(machine: Machine, cell: Cell) -> Verdict:
    """Play a cell, let the machine recover, sweep once, and hold the promises against what remains."""
    for _ in range(TRIES - 1):
        with suppress(NotReached):
            return _judged(machine, cell)
        quiet(machine)
    try:
        return _judged(machine, cell)
    except NotReached as problem:
        quiet(machine)
        return Verdict(missed=[f"the step was not reached: {problem}"])


def _judged(machine: Machine, cell: Cell) -> Verdict:
    since = insist(machine.now)
    scene = play(machine, cell)
    if cell.step.stage == "erase":
        return insist(lambda: judge_erased(machine, scene))
    late = [] if await_analysis(machine, scene.session, _left(scene)) else [f"no result within {BOUND:.0f} s"]
    seconds = time.monotonic() - scene.struck
    late += [] if quiet(machine, _left(scene)) else [f"something still in work after {BOUND:.0f} s"]
    until(lambda: not insist(lambda: held_operations(machine.admin)), 30)
    insist(machine.clean)
    verdict = judge(insist(lambda: remains(machine, scene, since)))
    verdict.lost += late
    if scene.talk is not None:
        verdict.lost += scene.talk.faults()
        verdict.doubled += _heard_twice(machine, scene)
    if cell.step.stage in ("rotate", "destroy"):
        verdict.untrue += insist(lambda: list(epochs.faults(machine)))
    verdict.seconds = seconds
    return verdict


def _left(scene: Scene) -> float:
    return max(1.0, scene.struck + BOUND - time.monotonic())


def quiet(machine: Machine, seconds: float = BOUND) -> bool:
    """Whether no record is in work any more within so many seconds."""
    end = time.monotonic() + seconds
    while insist(lambda: machine.database["parts"].count_documents(UNQUIET)):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def remains(machine: Machine, scene: Scene, since: Any) -> Remains:
    """What a cell left; audio is looked for in the whole database, so that nothing hides in another session."""
    database, of_session = machine.database, {"session_id": scene.session}
    parts = list(database["parts"].find(of_session))
    document = database["interview_sessions"].find_one({"_id": scene.session})
    others = {"session_id": {"$ne": scene.session}, "keep_audio": True}
    kept = {part["_id"] for part in database["parts"].find(others)}
    ours = {part["_id"] for part in parts}
    return Remains(
        sent=[*(_sent(machine.voice, told) for told in scene.sent), *_of_call(scene, parts)],
        parts=parts,
        answers=document["answers"],
        files={str(row["_id"]) for row in database["fs.files"].find({}, {"_id": True})} - kept,
        chunks={str(id) for id in _with_bytes(database)} - kept,
        part_log=[e for e in machine.written(since, "parts") if _id(e) in ours],
        session_log=[e for e in machine.written(since, "interview_sessions") if _id(e) == scene.session],
        events=document["events"],
        chain=chain_of(machine, machine.user),
        heard=machine.engine.heard,
        is_right=machine.voice.is_right,
    )


def _with_bytes(database: Any) -> list[Any]:
    """The recordings of which there are chunks, or pieces of one that arrived."""
    return [*database["fs.chunks"].distinct("files_id"), *database["pieces"].distinct("recording")]


def _id(entry: dict[str, Any]) -> Any:
    return (entry.get("o2") or entry["o"])["_id"]


def _sent(voice: Voice, told: Told) -> Sent:
    sha256 = hashlib.sha256(told.audio(voice)).hexdigest()
    accepted = told.body["file_id"] if told.is_accepted else None
    return Sent(sha256, told.says(voice), told.question, accepted)


def _of_call(scene: Scene, parts: Sequence[Mapping[str, Any]]) -> Iterator[Sent]:
    """Its sides; their bytes are what was made here of the packets."""
    sums = {part["_id"]: part.get("sha256") or "" for part in parts}
    if (talk := scene.talk) is not None:
        for side in CallSide:
            id, says = talk.recording(side), talk.says(side)
            # A side that fell into the hole as a whole is empty, and given up.
            yield Sent(sums.get(id, ""), says, "q1", id if says != in_call([]) else None)


def _heard_twice(machine: Machine, scene: Scene) -> Iterator[str]:
    for part in insist(lambda: list(machine.database["parts"].find({"session_id": scene.session}))):
        if part["state"] == "completed" and (words := misplaced(part["transcript"]["text"])):
            yield f"{part['_id']}: heard again, or after what was said later: {' '.join(words)}"


def insist(look: Callable[[], T], seconds: float = 60.0) -> T:
    """The answer of a database, or of an API, that may just be down."""
    end = time.monotonic() + seconds
    while True:
        try:
            return look()
        except (PyMongoError, httpx2.HTTPError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
