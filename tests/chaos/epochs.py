"""Time that passes for the epochs of keys, and what must hold of them once it has."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx2
from pymongo.errors import PyMongoError

from tests.chaos.cells import Fault
from tests.scripts.running import until

if TYPE_CHECKING:
    from tests.chaos.machine import Machine

LONG_AGO = timedelta(days=2)
MOMENTS = {"open": ("opened_at",), "closed": ("closed_at", "unused_since")}
SECONDS = 60.0


def age(machine: "Machine", *states: str) -> None:
    """Let two days pass for those that stand so."""
    for state in states or ("open",):
        past = dict.fromkeys(MOMENTS[state], datetime.now(UTC) - LONG_AGO)
        machine.database["epochs"].update_many({"state": state}, {"$set": past})


def settled(machine: "Machine", seconds: float = SECONDS) -> bool:
    """Whether all epochs but the newest come to their end, when time passes.

    Time that is only said to have passed has not passed for who seals, and keeps a key for a minute: he begins anew.
    """
    if machine.database["epochs"].count_documents({"state": {"$in": ["closed", "doomed"]}}):
        _begin_anew(machine)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            age(machine, "closed")
            if not machine.database["epochs"].count_documents({"state": {"$in": ["closed", "doomed"]}}):
                return True
        except PyMongoError:
            pass
        time.sleep(0.5)
    return False


def await_turn(machine: "Machine") -> None:
    """Until a newer epoch has begun, and the one before it is closed."""
    until(lambda: machine.database["epochs"].count_documents({"state": "closed"}) > 0, SECONDS)


def turn(machine: "Machine") -> None:
    """Have a newer epoch begin, and everybody who seals know it."""
    age(machine)
    await_turn(machine)
    _begin_anew(machine)


def _begin_anew(machine: "Machine") -> None:
    machine.break_("api", Fault.RESTART)
    until(lambda: _is_ready(machine), SECONDS)


def _is_ready(machine: "Machine") -> bool:
    try:
        with machine.client() as client:
            return client.get("/readyz").status_code == 200
    except httpx2.HTTPError:
        return False


def faults(machine: "Machine") -> Iterator[str]:
    """Keys that outlive their bound, and recordings that have none."""
    if not settled(machine):
        yield "the key of an epoch whose recordings have ended is still there"
    there = {name.partition(".")[0] for name in os.listdir(machine.keyring) if name.endswith((".key", ".doomed"))}
    noted = {row["_id"] for row in machine.database["epochs"].find({"state": "open"}, {"_id": True})}
    yield from (f"{id}: a key of an epoch that is over" for id in sorted(there - noted))
    yield from (f"{id}: an open epoch without its key" for id in sorted(noted - there))
    for file in machine.database["fs.files"].find({"metadata.sealed": {"$exists": True}}):
        if file["metadata"]["sealed"]["epoch"] not in there:
            yield f"{file['_id']}: its key was destroyed before its end"
