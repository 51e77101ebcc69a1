"""How things stand, read from MongoDB by its indexes and its clock."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.arrivals import waiting_bytes
from services.adapters.mongo.counters import BACKGROUND, CALLS, ENDINGS, RECEIPTS, RETENTION, WEBHOOKS, bucket_name
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.holds import HELD
from services.adapters.mongo.indexes import ARRIVALS, SEALED_UNDER
from services.adapters.mongo.listening import since_due
from services.adapters.mongo.parts import parts_of
from services.adapters.mongo.receipts import MongoReceipts
from services.adapters.mongo.room import disk_of
from services.adapters.mongo.rtp_receivers import MongoRtpReceivers
from services.adapters.mongo.server_time import NOW
from services.adapters.mongo.workers import MongoWorkers
from services.calls.model import CallState
from services.interviews.model import ENDED, PartState
from services.operations.ports.erasures import State, Waits
from services.operations.readings import (
    CALL_ENDS,
    OUTCOMES,
    PROCESSING_BOUNDS,
    TURNAROUND_BOUNDS,
    Arriving,
    Disk,
    EpochsStanding,
    Forgetting,
    Histogram,
    Line,
    Passes,
    Reading,
    ReceiptsStanding,
    Talking,
    Totals,
)
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.ports.keyring import THERE, EpochState
from services.recordings.receipts import CONFLICTS, WITHOUT_END

OTHERS = (*WITHOUT_END, CONFLICTS)
# An index is used only where its first field is asked for.
EVER = {"$gte": datetime(1970, 1, 1, tzinfo=UTC)}
KEPT = {"completed_at": EVER, "keep_audio": True}
UNSETTLED = {"completed_at": EVER, "settled": False}
UNFINISHED = {"state": State.RUNNING.value}
# In the order of words, nothing comes after this character.
LAST = "\uffff"
TO_SEND = {"due_at": EVER, "open": True}


class MongoGauges:
    """The port Gauges on the collections `parts`, `webhook_deliveries`, `fs.files`, `workers` and `counters`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._parts = parts_of(database)
        self._sending = database["webhook_deliveries"]
        self._files = database["fs.files"]
        self._counters = database["counters"]
        self._erasures = database["erasures"]
        self._sessions = database["interview_sessions"]
        self._slices = database["slices"]
        self._epochs = database["epochs"]
        self._chains = database["receipt_chains"]
        self._receipts = MongoReceipts(database)
        self._workers = MongoWorkers(database)
        self._calls, self._receivers = database["calls"], MongoRtpReceivers(database)

    @confirmed()
    async def read(self) -> Reading:
        (
            lines,
            webhooks,
            kept,
            stored,
            workers,
            (totals, disk, epochs, forgetting, receipts, (arriving, talking)),
        ) = await asyncio.gather(
            self._lines(),
            self._age(TO_SEND, "due_at", self._sending),
            self._parts.count_documents(KEPT),
            self._stored(),
            self._workers.alive(),
            asyncio.gather(
                self._totals(),
                self._disk(),
                self._epochs_standing(),
                self._forgetting(),
                self._receipts_standing(),
                asyncio.gather(self._arriving(), self._talking()),
            ),
        )
        uploading, queued, processing, unsettled, scoring = lines
        return Reading(
            lines={PartState.UPLOADING: uploading, PartState.QUEUED: queued, PartState.PROCESSING: processing},
            unsettled=unsettled,
            scoring=scoring,
            webhooks=Line(number=webhooks[0], oldest_seconds=webhooks[1]),
            kept=kept,
            files=stored[0],
            bytes=stored[1],
            workers=len(workers),
            slots=sum(worker.slots for worker in workers),
            totals=totals,
            epochs=epochs,
            disk=disk,
            forgetting=forgetting,
            receipts=receipts,
            arriving=arriving,
            talking=talking,
        )

    async def _talking(self) -> Talking:
        open: list[Document] = [
            {"$match": {"state": CallState.OPEN.value}},
            {"$group": {"_id": None, "number": {"$sum": 1}, "ports": {"$sum": {"$cond": ["$place", 1, 0]}},
                        "heard": {"$min": "$heard_at"}, "left": {"$max": "$lines.left.tally.jitter"},
                        "right": {"$max": "$lines.right.tally.jitter"}}},
            {"$set": {"silent": _seconds_since("$heard")}},
        ]  # fmt: skip
        rows = await (await self._calls.aggregate(open)).to_list()
        ending = await self._age({"state": CallState.ENDING.value}, "ending_at", self._calls)
        receivers = await self._receivers.alive()
        now = rows[0] if rows else {}
        return Talking(
            number=now.get("number", 0),
            with_ports=now.get("ports", 0),
            silent_seconds=max(0.0, now.get("silent") or 0.0),
            jitter_seconds=max(now.get("left") or 0.0, now.get("right") or 0.0),
            ending=ending[0],
            ending_seconds=ending[1],
            receivers=len(receivers),
            places=sum(len(receiver.places) for receiver in receivers),
        )

    async def _arriving(self) -> Arriving:
        """Answered by an index alone, so what is not folded yet counts as one chunk of each; and waiting slices."""
        may_expire = {"$cond": [{"$eq": ["$held", True]}, None, "$arrival.expires_at"]}
        all_of_them: list[Document] = [
            {"$match": ARRIVALS},
            {"$group": {"_id": None, "number": {"$sum": 1}, "folded": {"$sum": "$arrival.folded"},
                        "since": {"$min": "$created_at"}, "until": {"$min": may_expire}}},
            {"$set": {"age": _seconds_since("$since"), "overdue": _seconds_since("$until")}},
        ]  # fmt: skip
        rows = await (await self._parts.aggregate(all_of_them)).to_list()
        if not rows:
            return Arriving()
        waiting = await waiting_bytes(self._parts, self._slices, ARRIVALS)
        return Arriving(
            number=rows[0]["number"],
            bytes=rows[0]["folded"] + rows[0]["number"] * CHUNK_BYTES + waiting,
            oldest_seconds=max(0.0, rows[0]["age"]),
            overdue_seconds=max(0.0, rows[0]["overdue"] or 0.0),
            behind_seconds=await self._behind(),
        )

    async def _behind(self) -> float:
        look = [*since_due(), {"$set": {"behind": _seconds_since("$since")}}]
        rows = await (await self._parts.aggregate(look)).to_list()
        return max(0.0, rows[0]["behind"]) if rows else 0.0

    async def _lines(self) -> list[Line]:
        looks = [
            self._line({"state": PartState.UPLOADING.value}, "created_at", "heartbeat_at"),
            self._line({"state": PartState.QUEUED.value}, "created_at"),
            self._line({"state": PartState.PROCESSING.value}, "created_at", "heartbeat_at"),
            self._line(UNSETTLED, "completed_at"),
            self._line({"to_score": True}, "completed_at"),
        ]
        return await asyncio.gather(*looks)

    async def _line(self, where: Document, since: str, heard: str | None = None) -> Line:
        """Two looks, each answered by an index alone."""
        oldest, silent = await asyncio.gather(self._age(where, since), self._age(where, heard or since))
        return Line(number=oldest[0], oldest_seconds=oldest[1], silent_seconds=silent[1] if heard else 0.0)

    async def _age(
        self, where: Document, since: str, rows_of: AsyncCollection[Document] | None = None
    ) -> tuple[int, float]:
        all_of_it: list[Document] = [
            {"$match": where},
            {"$group": {"_id": None, "number": {"$sum": 1}, "since": {"$min": f"${since}"}}},
            {"$set": {"age": _seconds_since("$since")}},
        ]
        source = self._parts if rows_of is None else rows_of
        rows = await (await source.aggregate(all_of_it)).to_list()
        return (rows[0]["number"], max(0.0, rows[0]["age"] or 0.0)) if rows else (0, 0.0)

    async def _stored(self) -> tuple[int, int]:
        whole: list[Document] = [{"$group": {"_id": None, "files": {"$sum": 1}, "bytes": {"$sum": "$length"}}}]
        rows = await (await self._files.aggregate(whole, hint="_id_")).to_list()
        return (rows[0]["files"], rows[0]["bytes"]) if rows else (0, 0)

    async def _epochs_standing(self) -> EpochsStanding:
        by_state: list[Document] = [
            {"$match": {"state": {"$in": [state.value for state in EpochState]}}},
            {"$group": {"_id": "$state", "number": {"$sum": 1}, "first": {"$min": "$opened_at"},
                        "last": {"$max": "$opened_at"}}},
            {"$set": {"oldest": _seconds_since("$first"), "newest": _seconds_since("$last")}},
        ]  # fmt: skip
        rows = {EpochState(row["_id"]): row async for row in await self._epochs.aggregate(by_state)}
        there = [row for state, row in rows.items() if state in THERE]
        return EpochsStanding(
            states={state: rows[state]["number"] if state in rows else 0 for state in EpochState},
            oldest_seconds=max((row["oldest"] for row in there), default=0.0),
            newest_seconds=min((row["newest"] for row in there), default=0.0),
            recordings=await self._files.count_documents({SEALED_UNDER: {"$exists": True}}),
        )

    async def _forgetting(self) -> Forgetting:
        moving = {**UNFINISHED, "waits": {"$ne": Waits.HOLD.value}}
        number, oldest, holds, kept, removed = await asyncio.gather(
            self._erasures.count_documents(UNFINISHED),
            self._age(moving, "created_at", self._erasures),
            self._sessions.count_documents(HELD),
            self._age(KEPT, "completed_at"),
            self._counters.find({"_id": {"$gte": RETENTION, "$lt": RETENTION + LAST}}).to_list(),
        )
        return Forgetting(
            erasures=Line(number=number, oldest_seconds=oldest[1]),
            holds=holds,
            kept_seconds=kept[1],
            removed={(row["kind"], row["rule"]): row["removed"] for row in removed},
        )

    async def _receipts_standing(self) -> ReceiptsStanding:
        names = [ENDINGS, RECEIPTS]
        open_, chains, rows = await asyncio.gather(
            self._receipts.open_epochs(),
            self._chains.estimated_document_count(),
            self._counters.find({"_id": {"$in": names}}, {RECEIPTS: True, **dict.fromkeys(OTHERS, True)}).to_list(),
        )
        counts = {row["_id"]: row for row in rows}
        later = counts.get(RECEIPTS, {})
        _, overdue = await self._age(
            {"_id": {"$in": sorted(open_)}, "state": EpochState.DESTROYED.value}, "gone_at", self._epochs
        )
        return ReceiptsStanding(
            made={**counts.get(ENDINGS, {}).get(RECEIPTS, {}), **{name: later.get(name, 0) for name in WITHOUT_END}},
            conflicts=later.get(CONFLICTS, 0),
            chains=chains,
            overdue_seconds=overdue,
        )

    async def _disk(self) -> Disk | None:
        disk = await disk_of(self._parts.database)
        return disk and Disk(bytes=disk[0], free=disk[1])

    async def _totals(self) -> Totals:
        aged: list[Document] = [
            {"$match": {"_id": {"$in": [ENDINGS, WEBHOOKS, BACKGROUND, CALLS, "sweep", "audit"]}}},
            {"$set": {"age": _seconds_since("$at")}},
        ]
        rows = {row["_id"]: row async for row in await self._counters.aggregate(aged)}
        ended, called = rows.get(ENDINGS, {}), rows.get(CALLS, {})
        return Totals(
            ended={state: ended.get(state.value, 0) for state in ENDED},
            failures=ended.get("failures", {}),
            deliveries=ended.get("deliveries", 0),
            webhooks={name: count for name, count in rows.get(WEBHOOKS, {}).items() if name in OUTCOMES},
            restarts=_counts(rows.get(BACKGROUND, {})),
            processing=_histogram(ended.get("processing", {}), PROCESSING_BOUNDS),
            turnaround=_histogram(ended.get("turnaround", {}), TURNAROUND_BOUNDS),
            sweeps=_passes(rows.get("sweep", {})),
            audits=_passes(rows.get("audit", {})),
            calls={how: called.get(how, 0) for how in CALL_ENDS},
            packets=called.get("packets", {}),
            odd_packets=called.get("odd", {}),
            talked=_histogram(called.get("talked", {}), TURNAROUND_BOUNDS),
        )


def _seconds_since(moment: str) -> Document:
    return {"$divide": [{"$subtract": [NOW, moment]}, 1000]}


def _histogram(row: Document, bounds: tuple[float, ...]) -> Histogram:
    names = [bucket_name(index, bounds) for index in range(len(bounds) + 1)]
    return Histogram(buckets=tuple(row.get(name, 0) for name in names), sum=row.get("sum", 0.0))


def _passes(row: dict[str, Any]) -> Passes:
    counts = _counts(row)
    return Passes(number=counts.pop("runs", 0), age_seconds=row.get("age"), counts=counts)


def _counts(row: Document) -> dict[str, int]:
    return {name: value for name, value in row.items() if name not in ("_id", "at", "age")}
