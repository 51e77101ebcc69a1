"""Sessions in MongoDB: one document each, changed by compare-and-set."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import (
    SCORE_FIELDS,
    WITHOUT_EVENTS,
    Document,
    answer_document,
    answer_path,
    aside_path,
    evaluation_document,
    question_of,
    session_document,
    session_of,
    takes_path,
    told_path,
)
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.elections import newest
from services.adapters.mongo.erasures import entry_of, erasure_of
from services.adapters.mongo.event_log import (
    dropped_document,
    event_document,
    event_of_answer,
    logged,
    tells_of,
    unsaid,
    utterance_document,
)
from services.adapters.mongo.parts import create, unhurried
from services.adapters.mongo.server_time import NOW, literal, raised
from services.errors import QuestionNotFound, ScorerUnavailable, SessionErased, SessionExists, SessionNotFound
from services.events.model import EventType
from services.interviews.model import (
    DROPPED,
    Answer,
    CallSide,
    Evaluation,
    Mark,
    Part,
    Question,
    QuestionId,
    Session,
    SessionId,
    Status,
    Viewer,
    is_id,
)
from services.interviews.ports import Take
from services.interviews.spoken import Spoken, Told, told_of

LACKS_SCORE: list[Document] = [
    {"scoring_status": Mark.PENDING.value},
    {"scoring_status": Mark.UNSCORED.value, "unscored_reason": ScorerUnavailable.code},
]


class MongoSessions:
    """The port Sessions on the collection `interview_sessions`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._sessions = database["interview_sessions"]
        self._passing = unhurried(self._sessions)

    @confirmed()
    async def create(self, session: Session) -> Session:
        if await self._sessions.database["erasures"].find_one({"_id": entry_of(session.id)}, {"_id": True}):
            raise SessionErased
        try:
            return session_of(await create(self._sessions, session.id, session_document(session), {"active_at": NOW}))
        except DuplicateKeyError:
            raise SessionExists from None

    @confirmed()
    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        row = await self._sessions.find_one(visible(id, viewer), WITHOUT_EVENTS)
        if row is None:
            raise await missing(self._sessions.database, id, viewer)
        return session_of(row)

    @confirmed()
    async def question(self, id: SessionId, question_id: QuestionId) -> Question | None:
        asked = {"questions": {"$elemMatch": {"id": question_id}}}
        row = await self._sessions.find_one({"_id": id}, {"_id": False, **asked})
        return next(map(question_of, (row or {}).get("questions", ())), None)

    @confirmed()
    async def is_erased(self, id: SessionId) -> bool:
        noted = await self._sessions.database["erasures"].find_one({"_id": entry_of(id)}, {"_id": True})
        return noted is not None and await self._sessions.find_one({"_id": id}, {"_id": True}) is None

    @confirmed()
    async def next_take(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> Take:
        since = newest(self._sessions.database.client)
        sessions = self._passing if since else self._sessions
        row = await _count_take(sessions, id, question_id, viewer) if is_id(question_id) else None
        if row is not None:
            (question,) = (one for one in row["questions"] if one["id"] == question_id)
            return Take(row["takes"][question_id], question_of(question), row["user_id"], row["at"], since)
        if await self._sessions.find_one(visible(id, viewer), {"_id": True}) is None:
            raise await missing(self._sessions.database, id, viewer)
        raise QuestionNotFound

    @confirmed()
    async def show(self, session_id: SessionId, answer: Answer) -> bool:
        if answer.side is CallSide.RIGHT:
            return await self._tell_aside(session_id, answer)
        what = {answer_path(answer.question_id): _shown(answer), **_told(answer)}
        sessions = self._passing if answer.status is Status.PROCESSING else self._sessions
        written = await sessions.update_one({"_id": session_id, **_is_news(answer)}, [{"$set": what}])
        if written.matched_count == 1:
            return True
        if answer.evaluation is not None and await self._score(
            session_id, answer.question_id, answer.take, answer.evaluation
        ):
            return True
        this_take = {"_id": session_id, answer_path(answer.question_id, "take"): answer.take}
        return await self._sessions.find_one(this_take, {"_id": True}) is not None

    async def _tell_aside(self, session_id: SessionId, answer: Answer) -> bool:
        """Of what answers nothing only the newest number is noted, so that it is told once, and in its order."""
        path = aside_path(answer.question_id)
        number = {"take": answer.take, "rev": answer.rev}
        what = {path: literal(number), **logged(event_of_answer(answer))}
        written = await self._sessions.update_one({"_id": session_id, **_is_newer(path, answer)}, [{"$set": what}])
        if written.matched_count == 1:
            return True
        this_take = {"_id": session_id, f"{path}.take": answer.take}
        return await self._sessions.find_one(this_take, {"_id": True}) is not None

    @confirmed()
    async def tell(self, part: Part, spoken: Sequence[Spoken]) -> int | None:
        path, told = told_path(part.question_id), told_of(part, spoken[-1].index + 1)
        events = logged(*(utterance_document(part, one) for one in spoken))
        may = {"_id": part.session_id, "$and": [_may_be_told(part)]}
        written = await self._sessions.update_one(
            {**may, **_is_told(part, spoken[0].index)},
            [{"$set": {path: literal(asdict(told)), "revision": raised("revision"), **events}}],
        )
        if written.matched_count == 1:
            return told.count
        row = await self._sessions.find_one(may, {path: True})
        return None if row is None else _count_told(row, part)

    @confirmed()
    async def unsay(self, part: Part) -> bool:
        path = told_path(part.question_id)
        was_told = {"$and": [{"$eq": [f"${path}.part_id", literal(part.id)]}, {"$gt": [f"${path}.count", 0]}]}
        over = literal(asdict(Told(part_id=part.id, take=part.take, is_over=True)))
        is_newer = {f"{path}.take": {"$gt": part.take}, f"{path}.part_id": {"$ne": part.id}}
        undone = {"$nor": [is_newer, {f"{path}.part_id": part.id, f"{path}.is_over": True}]}
        newer = {"$gt": [f"${path}.take", part.take]}
        steps: list[Document] = [
            {"$set": {"events": unsaid(part.id), path: {"$cond": [newer, f"${path}", over]}, "unsaying": was_told}},
            {"$set": {"revision": raised("revision")}},
            *(
                [{"$set": logged(dropped_document(part), where={"$eq": ["$unsaying", True]})}]
                if part.state in DROPPED
                else []
            ),
            {"$unset": "unsaying"},
        ]
        where = {"_id": part.session_id, "$or": [tells_of(part.id), undone]}
        return (await self._sessions.update_one(where, steps)).matched_count == 1

    @confirmed()
    async def score(self, session_id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        return await self._score(session_id, question_id, take, evaluation)

    async def _score(self, id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        where = {"take": take, "transcription_status": Status.COMPLETED.value}
        scored = {path: literal(value) for path, value in _at(question_id, evaluation_document(evaluation)).items()}
        written = await self._sessions.update_one(
            {"_id": id, **_at(question_id, where), "$or": [_at(question_id, lack) for lack in LACKS_SCORE]},
            [{"$set": {**scored, "revision": raised("revision"), **logged(_event_of_score(question_id, take))}}],
        )
        return written.matched_count == 1

    @confirmed()
    async def record_analysis(self, id: SessionId, revision: int, analysis: Mapping[str, object]) -> bool:
        kept = {"analysis": literal(dict(analysis)), "analyzed_at": NOW, "analyzed_revision": revision}
        is_new = {"$ne": ["$analyzed_revision", revision]}
        written = await self._sessions.update_one(
            {"_id": id, "revision": revision},
            [{"$set": {**kept, **logged(event_document(EventType.ANALYZED), where=is_new)}}],
        )
        return written.matched_count == 1


async def missing(database: AsyncDatabase[Document], id: SessionId, viewer: Viewer) -> SessionNotFound:
    """Why there is no such session for this viewer: that it was erased is told to whose it was."""
    row = await database["erasures"].find_one({"_id": entry_of(id)})
    return SessionErased() if row is not None and erasure_of(row).concerns(viewer) else SessionNotFound()


def visible(id: SessionId, viewer: Viewer) -> Document:
    """A filter: this session, if the viewer may see it."""
    return {"_id": id} if viewer.is_admin else {"_id": id, "user_id": viewer.user_id}


async def _count_take(
    sessions: AsyncCollection[Document], id: SessionId, question_id: QuestionId, viewer: Viewer
) -> Document | None:
    takes = takes_path(question_id)
    row = await sessions.find_one_and_update(
        {**visible(id, viewer), "questions.id": question_id},
        {"$inc": {takes: 1}},
        projection={"user_id": True, takes: True, "questions": {"$elemMatch": {"id": question_id}}, "at": NOW},
        return_document=ReturnDocument.AFTER,
    )
    if row is None or "at" in row:
        return row
    # The driver repeated it, and such an answer is the whole document as it was kept, with nothing that is reckoned.
    return row | (await sessions.find_one({"_id": id}, {"at": NOW}) or {})


def _may_be_told(part: Part) -> Document:
    """A filter: neither a newer take is shown or told of, nor anything of this one that came after this state."""
    path = aside_path(part.question_id) if part.is_aside else answer_path(part.question_id)
    told = told_path(part.question_id)
    own = f"{told}.part_id"
    over = {own: part.id, f"{told}.is_over": True}
    return {
        "$and": [_is_newer(path, part), {"$nor": [over, {own: {"$ne": part.id}, f"{told}.take": {"$gt": part.take}}]}]
    }


def _is_told(part: Part, count: int) -> Document:
    """A filter: so many of its utterances were told."""
    told = told_path(part.question_id)
    so_many = {f"{told}.part_id": part.id, f"{told}.count": count}
    return so_many if count else {"$or": [{f"{told}.part_id": {"$ne": part.id}}, so_many]}


def _count_told(row: Mapping[str, Any], part: Part) -> int:
    told = row.get("told", {}).get(part.question_id) or {}
    return int(told["count"]) if told.get("part_id") == part.id else 0


def _told(answer: Answer) -> Document:
    """The next revision and an event, and one more of a score that comes along; neither where a failed take is only
    shown anew, without its recording."""
    event = event_of_answer(answer)
    if answer.status is not Status.FAILED:
        scored = [_event_of_score(answer.question_id, answer.take)] if answer.evaluation else []
        return {"revision": raised("revision"), **logged(event, *scored)}
    is_new = {"$not": [_is_same(answer)]}
    return {"revision": {"$cond": [is_new, raised("revision"), "$revision"]}, **logged(event, where=is_new)}


def _event_of_score(question_id: QuestionId, take: int) -> Document:
    return event_document(EventType.SCORED, question_id, take, Status.COMPLETED)


def _is_same(answer: Answer) -> Document:
    """Whether this take is shown in this state already."""
    take, status = answer_path(answer.question_id, "take"), answer_path(answer.question_id, "transcription_status")
    return {"$and": [{"$eq": [f"${take}", answer.take]}, {"$eq": [f"${status}", answer.status.value]}]}


def _at(question_id: QuestionId, values: Document) -> Document:
    return {answer_path(question_id, field): value for field, value in values.items()}


def _is_news(answer: Answer) -> Document:
    return _is_newer(answer_path(answer.question_id), answer)


def _is_newer(path: str, answer: Answer | Part) -> Document:
    """A filter: what stands at the path is of an older take, or of an earlier state of this one."""
    take, rev = f"{path}.take", f"{path}.rev"
    return {"$or": [{take: None}, {take: {"$lt": answer.take}}, {take: answer.take, rev: {"$lt": answer.rev}}]}


def _shown(answer: Answer) -> Document:
    shown: list[Any] = [literal(answer_document(answer)), {"model_answer": _model_answer(answer.question_id)}]
    if answer.status is Status.COMPLETED and answer.evaluation is None:
        shown.append(_score_so_far(answer))
    return {"$mergeObjects": shown}


def _model_answer(question_id: QuestionId) -> Document:
    asked = {"$filter": {"input": "$questions", "cond": {"$eq": ["$$this.id", question_id]}}}
    return {"$let": {"vars": {"asked": {"$first": asked}}, "in": {"$ifNull": ["$$asked.reference_answer", None]}}}


def _score_so_far(answer: Answer) -> Document:
    """What scoring has written of this very take, if it was completed before."""
    kept = {field: f"${answer_path(answer.question_id, field)}" for field in SCORE_FIELDS}
    return {"$cond": [_is_same(answer), kept, {}]}
