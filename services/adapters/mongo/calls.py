"""The records of calls, in MongoDB."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.counters import MongoCounters
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import MOST_AT_ONCE, create, unhurried
from services.adapters.mongo.server_time import NOW, literal, past
from services.adapters.mongo.tolerant import known, value_of
from services.calls.model import CONNECTED, Call, CallState, Line, Place, Tally
from services.calls.ports import Begun
from services.errors import StoreUnavailable
from services.interviews.model import CallId, CallSide

OPEN: Document = {"state": CallState.OPEN.value}
ENDING: Document = {"state": CallState.ENDING.value}
GOING_ON: Document = {"state": {"$in": [CallState.OPEN.value, CallState.ENDING.value]}}
FATES = {"kept": "packets", **{fate: fate for fate in ("recovered", "lost", "late", "doubled", "skipped", "foreign")}}


class MongoCalls:
    """The port CallRecords on the collection `calls`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._calls = database["calls"]
        self._passing = unhurried(self._calls)
        self._counters = MongoCounters(database)

    @confirmed()
    async def begin(self, call: Call) -> Call | None:
        slot = {"slot": slot_of(call.place.receiver, call.place.left)} if call.place else {}
        try:
            return call_of(await create(self._calls, call.id, call_document(call) | slot, {"heard_at": NOW}))
        except DuplicateKeyError as trouble:
            if (trouble.details or {}).get("keyPattern") == {"slot": 1}:
                return None
            raise StoreUnavailable from None

    @confirmed()
    async def get(self, id: CallId) -> Call | None:
        row = await self._calls.find_one({"_id": id})
        return None if row is None else call_of(row)

    @confirmed()
    async def at(self, receiver: str, left: int) -> Call | None:
        row = await self._calls.find_one({"slot": slot_of(receiver, left)})
        return None if row is None else call_of(row)

    @confirmed()
    async def start(self, id: CallId) -> Begun | None:
        runs = {"begun_at": {"$ifNull": ["$begun_at", NOW]}, "heard_at": NOW, "bridged_at": NOW}
        runs["silent_at"] = "$$REMOVE"
        call = await self._change({"_id": id, **OPEN}, runs)
        if call is None or call.begun_at is None or call.bridged_at is None:
            return None
        return Begun(call, (call.bridged_at - call.begun_at).total_seconds())

    @confirmed()
    async def latch(self, id: CallId, side: CallSide, source: str) -> Call | None:
        path = f"lines.{side.value}.source"
        noted = literal(source) if source == CONNECTED else {"$ifNull": [f"${path}", literal(source)]}
        return await self._change({"_id": id, **OPEN}, {path: noted})

    @confirmed()
    async def note(self, id: CallId, tallies: Mapping[CallSide, Tally], *, is_heard: bool) -> Call | None:
        kept = {f"lines.{side.value}.tally": literal(asdict(tally)) for side, tally in tallies.items()}
        # Repeated within a second, so that no majority is waited for.
        times = {"bridged_at": NOW, **({"heard_at": NOW, "silent_at": "$$REMOVE"} if is_heard else {})}
        row = await self._passing.find_one_and_update(
            {"_id": id}, [{"$set": {**kept, **times}}], return_document=ReturnDocument.AFTER
        )
        return None if row is None else call_of(row)

    @confirmed()
    async def side_over(self, id: CallId, side: CallSide) -> Call | None:
        over = {f"lines.{side.value}.is_over": True}
        sides = {"$objectToArray": "$lines"}
        is_last = {"$allElementsTrue": [{"$map": {"input": sides, "in": "$$this.v.is_over"}}]}
        ends = {
            "state": {"$cond": [is_last, CallState.ENDING.value, "$state"]},
            "ending_at": {"$cond": [is_last, {"$ifNull": ["$ending_at", NOW]}, "$ending_at"]},
        }
        where = {"_id": id, **GOING_ON, f"lines.{side.value}": {"$ne": None}}
        row = await self._calls.find_one_and_update(
            where,
            [{"$set": over}, {"$set": ends}],
            return_document=ReturnDocument.AFTER,
        )
        return None if row is None else call_of(row)

    @confirmed()
    async def end(self, id: CallId) -> Call | None:
        return await self._change({"_id": id, **OPEN}, {"state": CallState.ENDING.value, "ending_at": NOW})

    @confirmed()
    async def abort(self, id: CallId) -> Call | None:
        going_on = {f"lines.{side.value}.is_over": {"$ne": True} for side in CallSide}
        return await self._over({"_id": id, **GOING_ON, **going_on}, CallState.ABORTED, giving_up=True)

    @confirmed()
    async def given_up(self, id: CallId) -> None:
        await self._passing.update_one({"_id": id}, {"$unset": {"giving_up": ""}})

    @confirmed()
    async def ended(self, id: CallId) -> Call | None:
        return await self._over({"_id": id, **ENDING}, CallState.ENDED)

    async def _over(self, where: Document, state: CallState, **more: Any) -> Call | None:
        """Nothing of it comes any more: its ports are free for others."""
        call = await self._change(where, {"state": state.value, "ended_at": NOW, "slot": "$$REMOVE", **more})
        if call is not None:
            tallies = [line.tally for line in call.lines.values()]
            odd = sum((Counter(tally.odd) for tally in tallies), Counter[str]())
            fates = {fate: sum(getattr(tally, field) for tally in tallies) for fate, field in FATES.items()}
            await self._counters.called(state.value, {**fates, "odd": odd.total()}, odd)
        return call

    @confirmed()
    async def suspect(self, seconds: float) -> None:
        quiet = {**OPEN, "silent_at": None, "$expr": past("heard_at", seconds)}
        await self._calls.update_many(quiet, [{"$set": {"silent_at": NOW}}])

    @confirmed()
    async def silent(self, seconds: float) -> list[CallId]:
        return await self._ids({**OPEN, "silent_at": {"$ne": None}, "$expr": past("silent_at", seconds)}, "heard_at")

    @confirmed()
    async def left_ending(self, seconds: float) -> list[CallId]:
        both = {"$and": [past("ending_at", seconds), past("bridged_at", seconds)]}
        return await self._ids({**ENDING, "$expr": both}, "ending_at")

    @confirmed()
    async def left_aborted(self, seconds: float) -> list[CallId]:
        return await self._ids({"giving_up": True, "$expr": past("ended_at", seconds)}, "ended_at")

    async def _ids(self, where: Document, order: str) -> list[CallId]:
        found = self._calls.find(where, {"_id": True}, sort=[(order, 1)], limit=MOST_AT_ONCE)
        return [CallId(row["_id"]) async for row in found]

    async def _change(self, where: Document, what: Document) -> Call | None:
        row = await self._calls.find_one_and_update(where, [{"$set": what}], return_document=ReturnDocument.AFTER)
        return None if row is None else call_of(row)


def slot_of(receiver: str, left: int) -> str:
    """What stands in `slot` of a call that has these ports."""
    return f"{receiver}:{left}"


def call_document(call: Call) -> Document:
    """A call's document, but for its id and its times."""
    return {
        "session_id": call.session_id,
        "question_id": call.question_id,
        "user_id": call.user_id,
        "take": call.take,
        "state": call.state.value,
        "lines": {side.value: asdict(line) for side, line in call.lines.items()},
        "place": asdict(call.place) if call.place else None,
    }


def call_of(row: Mapping[str, Any]) -> Call:
    lines, place = row.get("lines", {}), row.get("place")
    return value_of(
        Call,
        row,
        id=CallId(row["_id"]),
        state=CallState(row["state"]),
        lines={side: _line_of(lines[side.value]) for side in known(CallSide, lines)},
        place=value_of(Place, place) if place else None,
    )


def _line_of(row: Mapping[str, Any]) -> Line:
    tally = value_of(Tally, row.get("tally", {}))
    odd = {reason: count for reason, count in tally.odd.items() if isinstance(count, int)}
    return value_of(Line, row, tally=replace(tally, odd=odd))
