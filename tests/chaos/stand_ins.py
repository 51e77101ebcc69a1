"""Another worker, which does what a broken one had in hand."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from app.worker import Process, WorkerServices
from services.interviews.model import PartId
from tests.chaos.machine import Machine
from tests.scripts.running import until

IsWaiting = Callable[[], bool]
UNSCORED = {"state": "completed", "to_score": True}


def stand_in(machine: Machine, session: str, *, scores: bool = False) -> None:
    """It transcribes what a stopped one holds, or scores it."""
    states = UNSCORED if scores else {"state": {"$in": ["uploading", "queued", "processing"]}}
    work = _score if scores else _transcribe
    with _another(machine) as other:
        for part in machine.database["parts"].find({"session_id": session, **states}):
            other.run(partial(work, part["_id"]))


def overtake(machine: Machine, session: str, is_waiting: IsWaiting, *, scores: bool = False) -> None:
    """It has taken the claim when the dead one's write lands, and gives it back after that; or has scored it."""
    states = UNSCORED if scores else {"state": {"$in": ["queued", "processing"]}}
    where = {"session_id": session, "question_id": "q1", **states}
    work = _score_meanwhile if scores else _hold_claim
    part = machine.database["parts"].find_one(where, sort=[("take", -1)])
    with _another(machine) as other:
        if part is not None:
            other.run(lambda house: work(house, part["_id"], is_waiting))
        until(lambda: not is_waiting(), 30)


@contextmanager
def _another(machine: Machine) -> Iterator[Process]:
    other = Process(machine.settings)
    other.call("other@chaos")
    try:
        yield other
    finally:
        other.close()


def _transcribe(id: str, house: WorkerServices) -> Coroutine[Any, Any, None]:
    return house.transcription.run(PartId(id))


def _score(id: str, house: WorkerServices) -> Coroutine[Any, Any, None]:
    return house.scoring.run(PartId(id))


async def _score_meanwhile(house: WorkerServices, id: str, is_waiting: IsWaiting) -> None:
    """Score it as soon as that may be."""
    while await asyncio.to_thread(is_waiting):
        await house.scoring.run(PartId(id))
        await asyncio.sleep(0.2)


async def _hold_claim(house: WorkerServices, id: str, is_waiting: IsWaiting) -> None:
    """Claim the record as soon as that may be, and keep it for as long as something waits."""
    claims, claimed = house.wiring.claims, None
    while await asyncio.to_thread(is_waiting):
        if claimed is None:
            claimed = await claims.claim(PartId(id), "another")
        else:
            await claims.beat(claimed.id, claimed.fence)
        await asyncio.sleep(0.2)
    if claimed is not None:
        await claims.release(claimed.id, claimed.fence)
