"""Stopping a process exactly before one of its database commands, without a hook in the product."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tests.chaos.steps import Hold, command_of

BLOCK_SECONDS = 2.5
FIRST_BLOCK_SECONDS = 1.0
LONGEST_WAIT = 20.0
LOOK_SECONDS = 0.05


class NotReached(Exception):
    """The process never sent the command that it was to be stopped at."""


class Brake:
    """The database's own failpoint: it lets a command wait before it is carried out.

    `stands_since` is when the first one of its kind was held, also where that was another than the wanted one.
    """

    def __init__(self, admin: MongoClient[dict[str, Any]]) -> None:
        self._admin = admin
        self._entered = 0
        self._held: Hold | None = None
        self._seconds = BLOCK_SECONDS
        self.stands_since: float | None = None

    def arm(self, hold: Hold, seconds: float = BLOCK_SECONDS) -> None:
        """From now on; one that is to come after `complete` is armed while the answer is in the engine."""
        if hold.after_complete:
            self._set(Hold(hold.app, "findAndModify", "parts"), FIRST_BLOCK_SECONDS)
        else:
            self._set(hold, seconds)
        self._held, self._seconds = hold, seconds

    def wait(self) -> None:
        """Return once the process stands at its command; NotReached if it never does."""
        assert self._held is not None
        self._await(self._held)
        if self._held.after_complete:
            self._set(self._held, self._seconds)
            self._await(self._held)

    def held_operations(self) -> list[int]:
        """The operations that wait now."""
        assert self._held is not None
        return held_operations(self._admin, self._held)

    def end(self, operations: list[int]) -> None:
        """Have these operations never carried out."""
        for operation in operations:
            self._admin.admin.command("killOp", op=operation)

    def are_waiting(self, operations: list[int]) -> bool:
        """Whether any of these is still to be carried out."""
        running = self._admin["admin"].aggregate([{"$currentOp": {"allUsers": True}}])
        return any(row.get("opid") in operations for row in running)

    def off(self) -> None:
        with suppress(PyMongoError):
            self._admin.admin.command("configureFailPoint", "failCommand", mode="off")

    def _set(self, hold: Hold, seconds: float) -> None:
        data = {
            "failCommands": [hold.command],
            "namespace": f"viva_voce.{hold.collection}",
            "appName": hold.app,
            "blockConnection": True,
            "blockTimeMS": round(seconds * 1000),
        }
        mode: Any = {"skip": hold.skip} if hold.skip else "alwaysOn"
        was = self._admin.admin.command("configureFailPoint", "failCommand", mode=mode, data=data)
        self._entered = int(was["count"])

    def _await(self, hold: Hold) -> None:
        end = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < end:
            with suppress(OperationFailure):
                self._admin.admin.command(
                    "waitForFailPoint", "failCommand", timesEntered=self._entered + 1, maxTimeMS=1000
                )
                self.stands_since = self.stands_since or time.monotonic()
                # Another of its kind goes on once its time is over, and the next is looked at.
                if not hold.what or hold.what in held_titles(self._admin, hold):
                    return
                time.sleep(LOOK_SECONDS)
        raise NotReached(f"{hold.app} never came to {hold.command} {hold.collection} {hold.what}".rstrip())


def held_operations(admin: MongoClient[dict[str, Any]], hold: Hold | None = None) -> list[int]:
    """The product's commands that wait in the database; those of one kind, if it is said."""
    return [row["opid"] for row in _held(admin, hold)]


def held_titles(admin: MongoClient[dict[str, Any]], hold: Hold) -> set[str]:
    """What the commands of this kind that wait are called."""
    return {command_of({"op": "command", **row}).title for row in _held(admin, hold)}


def _held(admin: MongoClient[dict[str, Any]], hold: Hold | None) -> list[dict[str, Any]]:
    by = hold.app if hold else {"$regex": "^viva-voce-"}
    # The time of a command runs only from when it is let through: one that is held has none.
    is_held = {"$or": [{"microsecs_running": {"$gt": 20_000}}, {"microsecs_running": None}]}
    where = {"appName": by, "active": True, "ns": {"$regex": "^viva_voce"}, **is_held}
    rows = admin["admin"].aggregate([{"$currentOp": {"allUsers": True}}, {"$match": where}])
    return [row for row in rows if hold is None or _is_of(hold, row.get("command", {}))]


def _is_of(hold: Hold, command: Mapping[str, Any]) -> bool:
    return hold.command in command and hold.collection in (command[hold.command], command.get("collection"))


@contextmanager
def brake(admin: MongoClient[dict[str, Any]], hold: Hold, seconds: float = BLOCK_SECONDS) -> Iterator[Brake]:
    """An armed brake, which is off afterwards."""
    armed = Brake(admin)
    armed.arm(hold, seconds)
    try:
        yield armed
    finally:
        armed.off()
