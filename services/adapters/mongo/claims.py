"""The records as a worker sees them, in MongoDB: a claim is one write, and every later write is fenced."""

from dataclasses import asdict

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.closings import claimed_for_scoring
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.listening import ATTENDED, free_of_listener, heard, is_due, left, taken_up
from services.adapters.mongo.parts import change, ended, may, parts_of, waiting_again
from services.adapters.mongo.server_time import NOW, later, literal, past, raised, reached
from services.adapters.mongo.utterances import MongoUtterances
from services.interviews.model import CallSide, Checkpoint, Failure, Part, PartId, PartState
from services.interviews.transcript import Transcript, Utterance
from services.recordings.ports.arrivals import Listened

IS_ANSWER = {"$ne": [{"$ifNull": ["$side", None]}, CallSide.RIGHT.value]}
SECONDS_IN_WORK = {"$divide": [{"$subtract": [NOW, "$claimed_at"]}, 1000]}


class MongoClaims:
    """The port Claims on the collection `parts`."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        *,
        lease_seconds: float,
        max_deliveries: int,
        settle_grace_seconds: float,
    ) -> None:
        self._parts = parts_of(database)
        self._utterances = MongoUtterances(database)
        self._lease = lease_seconds
        self._most = max_deliveries
        self._grace = settle_grace_seconds

    @confirmed()
    async def claim(self, id: PartId, owner: str) -> Part | None:
        free = {"$and": [reached("not_before"), free_of_listener(self._lease)]}
        due = {**may(PartState.PROCESSING, PartState.QUEUED), "$expr": free}
        silent = {
            **may(PartState.PROCESSING, PartState.PROCESSING),
            "$expr": past("heartbeat_at", self._lease),
        }
        taken = {
            "state": PartState.PROCESSING.value,
            "owner": literal(owner),
            "listener": None,
            "fence": raised("fence"),
            "deliveries": raised("deliveries"),
            "claimed_at": NOW,
            "heartbeat_at": NOW,
        }
        where = {"_id": id, "deliveries": {"$lt": self._most}, "$or": [due, silent]}
        return await change(self._parts, where, taken)

    @confirmed()
    async def attend(self, id: PartId, owner: str, received: int) -> Part | None:
        where = {"_id": id, **is_due(received, self._lease, self._most)}
        return await change(self._parts, where, taken_up(owner))

    @confirmed()
    async def let_go(self, part: Part, listened: Listened, delay: float, *, failed: bool = False) -> Part | None:
        held = {"_id": part.id, "fence": part.fence, **ATTENDED}
        return await change(self._parts, held, left(listened, delay, failed=failed))

    @confirmed()
    async def beat(self, id: PartId, fence: int) -> bool:
        held = {"_id": id, "fence": fence, "$or": [{"state": PartState.PROCESSING.value}, ATTENDED]}
        written = await self._parts.update_one(held, [{"$set": {"heartbeat_at": NOW}}])
        return written.matched_count == 1

    @confirmed()
    async def settle(self, part: Part, utterance: Utterance, checkpoint: Checkpoint) -> Part | None:
        if not await self._utterances.keep(part, utterance):
            return None
        what = {"checkpoint": literal(asdict(checkpoint)), "heartbeat_at": NOW}
        if part.listener is not None:
            held, forgiven = ATTENDED, heard()
        else:
            held = may(PartState.PROCESSING, PartState.PROCESSING)
            forgiven = {"deliveries": literal(1), "waited_seconds": literal(0.0), "failure": None}
        settled = await change(self._parts, {"_id": part.id, "fence": part.fence, **held}, {**what, **forgiven})
        if settled is None:
            await self._utterances.take_back(part, utterance)
        return settled

    @confirmed()
    async def complete(
        self, id: PartId, fence: int, transcript: Transcript, *, scoring_seconds: float | None = None
    ) -> Part | None:
        what = {
            **ended(PartState.COMPLETED),
            "failure": None,
            "transcript": literal(asdict(transcript)),
            "engine": literal(transcript.engine),
            "processing_seconds": SECONDS_IN_WORK,
            "to_score": IS_ANSWER,
            "score_after": later(self._grace),
            **({} if scoring_seconds is None else claimed_for_scoring(scoring_seconds)),
        }
        return await self._leave(id, fence, PartState.COMPLETED, what)

    @confirmed()
    async def again(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        what = {**waiting_again(due=later(delay)), "failure": literal(asdict(failure))}
        return await self._leave(id, fence, PartState.QUEUED, what)

    @confirmed()
    async def wait(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        what = {
            **waiting_again(due=later(delay)),
            "deliveries": raised("deliveries", by=-1),
            "waited_seconds": {"$add": [{"$ifNull": ["$waited_seconds", 0]}, delay]},
            "failure": literal(asdict(failure)),
        }
        return await self._leave(id, fence, PartState.QUEUED, what)

    @confirmed()
    async def release(self, id: PartId, fence: int) -> Part | None:
        what = {**waiting_again(), "deliveries": raised("deliveries", by=-1)}
        return await self._leave(id, fence, PartState.QUEUED, what)

    @confirmed()
    async def fail(self, id: PartId, fence: int, failure: Failure, *, keep_audio: bool) -> Part | None:
        what = {**ended(PartState.FAILED), "failure": literal(asdict(failure)), "keep_audio": literal(keep_audio)}
        return await self._leave(id, fence, PartState.FAILED, what)

    async def _leave(self, id: PartId, fence: int, to: PartState, what: Document) -> Part | None:
        held = {"_id": id, "fence": fence, **may(to, PartState.PROCESSING)}
        return await change(self._parts, held, what)
