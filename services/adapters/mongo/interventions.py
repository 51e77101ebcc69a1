"""The records, as operators may change them, in MongoDB."""

from dataclasses import asdict

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import WITHOUT_TRANSCRIPT, Document, part_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import change, ended, may, parts_of, waiting_again
from services.adapters.mongo.server_time import NOW, literal, raised
from services.errors import SameInWork
from services.interviews.model import Failure, Part, PartId, PartState, QuestionId, SessionId

NOT_ACCEPTED = [PartState.UPLOADING.value, PartState.ABORTED.value]


class MongoInterventions:
    """The port Interventions on the collection `parts`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._parts = parts_of(database)

    @confirmed()
    async def newest(self, session_id: SessionId, question_id: QuestionId) -> Part | None:
        accepted = {"session_id": session_id, "question_id": question_id, "state": {"$nin": NOT_ACCEPTED}}
        row = await self._parts.find_one(accepted, WITHOUT_TRANSCRIPT, sort=[("take", -1)])
        return None if row is None else part_of(row)

    @confirmed()
    async def retry(self, id: PartId) -> Part | None:
        kept = {"_id": id, **may(PartState.QUEUED, PartState.FAILED), "keep_audio": True}
        # Whatever its first end has left in the record goes, so that the next one is counted and closed like any other.
        anew = {
            **waiting_again(rung=NOW),
            "accepted_at": NOW,
            "completed_at": None,
            "deliveries": literal(0),
            "waited_seconds": literal(0.0),
            "failure": None,
            "keep_audio": literal(False),
            "settled": literal(True),
            "counted": literal(False),
            "retries": {"$add": [{"$ifNull": ["$retries", 0]}, 1]},
        }
        try:
            return await change(self._parts, kept, anew)
        except DuplicateKeyError:
            raise SameInWork from None

    @confirmed()
    async def fail(self, id: PartId, failure: Failure) -> Part | None:
        pending = {"_id": id, **may(PartState.FAILED, PartState.QUEUED, PartState.PROCESSING)}
        what = {
            **ended(PartState.FAILED),
            "failure": literal(asdict(failure)),
            "keep_audio": literal(True),
            "fence": raised("fence"),
        }
        return await change(self._parts, pending, what)
