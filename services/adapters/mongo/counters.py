"""Sums that outlive processes, in MongoDB: one document for each subject, added to by $inc."""

from collections.abc import Mapping

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import unhurried
from services.background import Kind
from services.interviews.model import PartState
from services.operations.readings import PROCESSING_BOUNDS, TURNAROUND_BOUNDS, bucket

ENDINGS = "ended"
WEBHOOKS = "webhooks"
BACKGROUND = "background"
RETENTION = "retention/"
RECEIPTS = "receipts"
CALLS = "calls"
TOLD = (
    "counted",
    "audio.left",
    "state",
    "failure.code",
    "deliveries",
    "processing_seconds",
    "accepted_at",
    "completed_at",
    "call_id",
    "side",
)


class MongoCounters:
    """The port Counters on the collection `counters`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._counters = unhurried(database["counters"])

    @confirmed()
    async def ended(self, part: Document, *, has_receipt: bool) -> None:
        """Count how a part ended, of whose record this is told: TOLD; and its receipt, in the same write."""
        amounts = {} if part.get("counted") else _amounts(part)
        if has_receipt:
            amounts[f"{RECEIPTS}.{part['state']}"] = 1
        if amounts:
            await self._add(ENDINGS, amounts)

    @confirmed()
    async def called(self, state: str, fates: Mapping[str, int], odd: Mapping[str, int]) -> None:
        """Count how a call ended, and what became of its packets."""
        packets = {f"packets.{fate}": number for fate, number in fates.items() if number}
        oddities = {f"odd.{reason}": number for reason, number in odd.items() if number}
        await self._add(CALLS, {state: 1, **packets, **oddities})

    @confirmed()
    async def talked(self, seconds: float) -> None:
        """Count the seconds from a side's last packet to its transcript."""
        await self._add(CALLS, _met("talked", seconds, TURNAROUND_BOUNDS))

    @confirmed()
    async def receipted(self, what: str, number: int) -> None:
        await self._add(RECEIPTS, {what: number})

    @confirmed()
    async def sent(self, outcome: str) -> None:
        await self._add(WEBHOOKS, {outcome: 1})

    @confirmed()
    async def restarted(self, kind: Kind) -> None:
        await self._add(BACKGROUND, {kind.value: 1})

    @confirmed()
    async def removed(self, kind: str, rule: str, number: int) -> None:
        named = {"$set": {"kind": kind, "rule": rule}, "$inc": {"removed": number}, "$currentDate": {"at": True}}
        await self._counters.update_one({"_id": f"{RETENTION}{kind}/{rule}"}, named, upsert=True)

    @confirmed()
    async def swept(self, subject: str, counts: Mapping[str, int]) -> None:
        done = {name: count for name, count in counts.items() if count}
        await self._add(subject, {"runs": 1, **done})

    async def _add(self, subject: str, amounts: Mapping[str, float]) -> None:
        sums = {"$inc": dict(amounts), "$currentDate": {"at": True}}
        await self._counters.update_one({"_id": subject}, sums, upsert=True)


def _amounts(part: Document) -> dict[str, float]:
    amounts: dict[str, float] = {part["state"]: 1, "deliveries": part["deliveries"]}
    if part["state"] == PartState.FAILED.value:
        amounts[f"failures.{part['failure']['code']}"] = 1
    if part["state"] == PartState.COMPLETED.value:
        amounts |= _met("processing", part["processing_seconds"], PROCESSING_BOUNDS)
        if accepted := part.get("accepted_at"):
            waited = (part["completed_at"] - accepted).total_seconds()
            amounts |= _met("turnaround", waited, TURNAROUND_BOUNDS)
    return amounts


def _met(name: str, seconds: float, bounds: tuple[float, ...]) -> dict[str, float]:
    return {f"{name}.sum": seconds, f"{name}.{bucket_name(bucket(seconds, bounds), bounds)}": 1}


def bucket_name(index: int, bounds: tuple[float, ...]) -> str:
    """What a bucket's count is kept under: its bound in milliseconds, so that bounds may be added later."""
    return f"{round(bounds[index] * 1000)}" if index < len(bounds) else "above"
