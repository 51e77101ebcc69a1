"""A user's sessions in short, read from MongoDB in the order of an index."""

from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.audit_log import earlier
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.interviews.listing import Listed, Place, Span
from services.interviews.model import QuestionId, SessionId, Status, UserId

NEWEST_FIRST = {"created_at": -1, "_id": -1}
IN_SHORT: Document = {
    "title": True,
    "created_at": True,
    "revision": True,
    "questions": {"$size": "$questions"},
    "answers": {
        "$map": {
            "input": {"$objectToArray": "$answers"},
            "in": {"id": "$$this.k", "status": "$$this.v.transcription_status"},
        }
    },
}


class MongoSessionLists:
    """The port SessionLists on the collection `interview_sessions`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._sessions = database["interview_sessions"]

    @confirmed()
    async def page(self, user_id: UserId, span: Span, before: Place | None, limit: int) -> list[Listed]:
        where = {"$and": [{"user_id": user_id}, _within(span), earlier("created_at", before)]}
        asked: list[Document] = [{"$match": where}, {"$sort": NEWEST_FIRST}, {"$limit": limit}, {"$project": IN_SHORT}]
        return [_listed(row) async for row in await self._sessions.aggregate(asked)]


def _within(span: Span) -> Document:
    bounds = {"$gte": span.since, "$lt": span.until}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"created_at": given} if given else {}


def _listed(row: dict[str, Any]) -> Listed:
    return Listed(
        id=SessionId(row["_id"]),
        title=row.get("title"),
        created_at=row["created_at"],
        revision=row["revision"],
        questions=row["questions"],
        answers={QuestionId(answer["id"]): Status(answer["status"]) for answer in row["answers"]},
    )
