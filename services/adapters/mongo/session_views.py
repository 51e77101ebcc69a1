"""Sessions in short, for the operators, page by page."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collation import Collation

from services.adapters.mongo.audit_log import earlier
from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.indexes import ANY_CASE, EVER
from services.interviews.model import QuestionId, SessionId, Status, UserId
from services.operations.ports.views import AnswerSeen, Place, SessionFilter, SessionPage, SessionSeen, Total, stands

# In the order of words, nothing comes after this character.
LAST_CHARACTER = "\uffff"
MOST_COUNTED = 1000
# So many are looked at for one page where how they stand is asked for, and so many titles that begin alike.
MOST_EXAMINED = 500
MOST_TITLED = 1000
NEWEST_FIRST = {"created_at": -1, "_id": -1}

SHORT = {
    "user_id": True,
    "title": True,
    "created_at": True,
    "questions": {"$size": "$questions"},
    "answers": {
        "$map": {
            "input": {"$objectToArray": "$answers"},
            "in": {
                "question_id": "$$this.k",
                "take": "$$this.v.take",
                "status": "$$this.v.transcription_status",
                "code": "$$this.v.transcription_error_code",
                "file": "$$this.v.gridfs_file_id",
            },
        }
    },
}


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Sessions from one source, newest first, down to where it was looked; None if to its end."""

    found: list[SessionSeen]
    down_to: Place | None


class SessionViews:
    """That half of the port Views which tells of sessions."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._sessions = database["interview_sessions"]

    @confirmed()
    async def sessions(self, wanted: SessionFilter, before: Place | None, limit: int) -> SessionPage:
        titled = [] if wanted.sought is None else await self._titled(wanted.sought, wanted)
        older = [place.id for place in titled if before is None or place < before][:MOST_EXAMINED]
        looks = [self._stretch(source, wanted, before, limit) for source in _sources(wanted.sought, older)]
        total, stretches = await asyncio.gather(self._sessions_in_all(wanted, titled), asyncio.gather(*looks))
        return _page(stretches, limit, total)

    async def _titled(self, beginning: str, wanted: SessionFilter) -> list[Place]:
        """Sessions whose titles begin so, newest first; of very many, those that come first in the order of words."""
        where = {"title": {"$gte": beginning, "$lt": beginning + LAST_CHARACTER}}
        rows = self._sessions.find(where, {"created_at": True}, limit=MOST_TITLED, collation=Collation(**ANY_CASE))
        places = [Place(row["created_at"], row["_id"]) async for row in rows]
        return sorted((place for place in places if _is_within(place.at, wanted)), reverse=True)

    async def _stretch(self, where: Document, wanted: SessionFilter, before: Place | None, limit: int) -> _Stretch:
        most = limit + 1 if wanted.standing is None else MOST_EXAMINED
        made = between("created_at", wanted.since, wanted.until)
        stages: list[Document] = [
            {"$match": {"$and": [where, made, earlier("created_at", before)]}},
            {"$sort": NEWEST_FIRST},
            {"$limit": most},
            {"$project": SHORT},
        ]
        rows = await self._sessions.aggregate(stages)
        seen = [_session_seen(row) async for row in rows]
        found = [each for each in seen if wanted.standing is None or stands(each, wanted.standing)]
        return _Stretch(found, _place_of(seen[-1]) if len(seen) == most else None)

    async def _sessions_in_all(self, wanted: SessionFilter, titled: list[Place]) -> Total | None:
        """Not told of those that stand somehow: nobody has counted them."""
        if wanted.standing is not None:
            return None
        made = between("created_at", wanted.since, wanted.until) or {"created_at": {"$gte": EVER}}
        if wanted.sought is None:
            return _at_most(await self._sessions.count_documents(made, limit=MOST_COUNTED + 1))
        named = {"$or": [{"_id": wanted.sought}, {"user_id": wanted.sought}]}
        both = {"_id": {"$in": [place.id for place in titled]}, **named}
        of_name, of_both = await asyncio.gather(
            self._sessions.count_documents({**named, **made}, limit=MOST_COUNTED + 1),
            self._sessions.count_documents(both),
        )
        return _at_most(of_name + len(titled) - of_both, is_all=len(titled) < MOST_TITLED)


def _sources(sought: str | None, titled: list[str]) -> list[Document]:
    """Each is read in the order of an index, or is a few known sessions."""
    if sought is None:
        return [{"created_at": {"$gte": EVER}}]
    return [{"_id": {"$in": [sought, *titled]}}, {"user_id": sought}]


def _page(stretches: list[_Stretch], limit: int, total: Total | None) -> SessionPage:
    """The newest of all; nothing is shown that is older than where one of the sources was left."""
    left = max((each.down_to for each in stretches if each.down_to), default=None)
    each = {seen.id: seen for stretch in stretches for seen in stretch.found}.values()
    newest = sorted((seen for seen in each if left is None or _place_of(seen) >= left), key=_place_of, reverse=True)
    next = _place_of(newest[limit - 1]) if len(newest) > limit else left
    return SessionPage(sessions=newest[:limit], next=next, total=total)


def between(field: str, since: datetime | None, until: datetime | None) -> Document:
    """A filter: from this moment on, and before that one; nothing where neither is named."""
    bounds = {"$gte": since, "$lt": until}
    named = {name: moment for name, moment in bounds.items() if moment is not None}
    return {field: named} if named else {}


def _is_within(at: datetime, wanted: SessionFilter) -> bool:
    return (wanted.since is None or at >= wanted.since) and (wanted.until is None or at < wanted.until)


def _at_most(number: int, *, is_all: bool = True) -> Total:
    return Total(min(number, MOST_COUNTED), is_all and number <= MOST_COUNTED)


def _place_of(seen: SessionSeen) -> Place:
    return Place(seen.created_at, seen.id)


def _session_seen(row: Document) -> SessionSeen:
    return SessionSeen(
        id=SessionId(row["_id"]),
        user_id=UserId(row["user_id"]),
        title=row["title"],
        created_at=row["created_at"],
        questions=row["questions"],
        answers=tuple(_answer_seen(answer) for answer in row["answers"]),
    )


def _answer_seen(row: Document) -> AnswerSeen:
    return AnswerSeen(
        question_id=QuestionId(row["question_id"]),
        take=row["take"],
        status=Status(row["status"]),
        code=row["code"],
        audio_stored=row["file"] is not None,
    )
