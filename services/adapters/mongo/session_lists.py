"""A user's sessions in short, read from MongoDB in the order of an index."""

from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.audit_log import earlier
from services.adapters.mongo.documents import Document, told_in
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.tolerant import value_of
from services.interviews.listing import Listed, Place, Span
from services.interviews.model import Answer, SessionId, Status, UserId
from services.interviews.spoken import live

NEWEST_FIRST = {"created_at": -1, "_id": -1}
IN_SHORT: Document = {
    "title": True,
    "created_at": True,
    "revision": True,
    "questions": {"$size": "$questions"},
    "answers": {
        "$map": {
            "input": {"$objectToArray": "$answers"},
            "in": {
                "question_id": "$$this.k",
                "status": "$$this.v.transcription_status",
                "part_id": "$$this.v.id",
                "take": "$$this.v.take",
            },
        }
    },
    "told": True,
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
    found = [value_of(Answer, one, rev=0, status=Status(one["status"])) for one in row["answers"]]
    answers = {answer.question_id: answer for answer in found}
    recorded = live(answers, told_in(row))
    return Listed(
        id=SessionId(row["_id"]),
        title=row.get("title"),
        created_at=row["created_at"],
        revision=row["revision"],
        questions=row["questions"],
        answers={id: answer.status for id, answer in (answers | recorded).items()},
    )
