"""Sessions, and the events of each, in memory."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from services.errors import QuestionNotFound, SessionErased, SessionExists, SessionNotFound
from services.events.model import MOST_KEPT, SHOWN_AS, Event, EventType
from services.events.ports import News
from services.interviews.listing import Listed, Place, Span
from services.interviews.model import (
    Answer,
    CallSide,
    Evaluation,
    Mark,
    QuestionId,
    Session,
    SessionId,
    Status,
    UserId,
    Viewer,
    asked_in,
    is_id,
)
from services.interviews.ports import Election, Take
from tests.fakes.memory import Memory


class FakeSessions:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def create(self, session: Session) -> Session:
        if await self.is_erased(session.id):
            raise SessionErased
        if session.id in self._memory.sessions:
            raise SessionExists
        kept = replace(session, created_at=self._memory.clock.now)
        self._memory.sessions[session.id] = kept
        return replace(kept, answers=dict(kept.answers))

    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        session = self._memory.sessions.get(id)
        if session is None and (owner := self._memory.erased.get(id)):
            raise SessionErased if viewer.is_admin or owner.is_of(viewer.user_id) else SessionNotFound
        if session is None or not (viewer.is_admin or viewer.user_id == session.user_id):
            raise SessionNotFound
        return replace(session, answers=dict(session.answers))

    async def is_erased(self, id: SessionId) -> bool:
        return id in self._memory.erased and id not in self._memory.sessions

    async def next_take(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> Take:
        session = await self.get(id, viewer)
        question = session.question(question_id)
        if question is None:
            raise QuestionNotFound
        number = self._memory.takes.get((id, question_id), 0) + 1
        self._memory.takes[id, question_id] = number
        return Take(number, question, session.user_id, self._memory.clock.now, Election(self._memory.elections))

    async def show(self, session_id: SessionId, answer: Answer) -> bool:
        if answer.side is CallSide.RIGHT:
            return self._tell_aside(session_id, answer)
        session, shown = self._shown(session_id, answer.question_id)
        if session is None:
            return False
        if shown is not None and (shown.take, shown.rev) >= (answer.take, answer.rev):
            return shown.take == answer.take
        if shown is not None and shown.take == answer.take and shown.status is answer.status is Status.COMPLETED:
            answer = replace(answer, mark=shown.mark, evaluation=shown.evaluation)
        if shown is not None and shown.take == answer.take and shown.status is answer.status is Status.FAILED:
            self._write(session, answer, session.revision)
            return True
        self._write(session, answer)
        self._tell(session.id, SHOWN_AS[answer.status], answer)
        return True

    async def score(self, session_id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        session, shown = self._shown(session_id, question_id)
        if session is None or shown is None:
            return False
        if shown.take != take or shown.status is not Status.COMPLETED or not shown.lacks_score:
            return False
        mark = Mark.UNSCORED if evaluation.score is None else Mark.SCORED
        self._write(session, replace(shown, mark=mark, evaluation=evaluation))
        self._tell(session.id, EventType.SCORED, shown)
        return True

    async def record_analysis(self, id: SessionId, revision: int, analysis: Mapping[str, object]) -> bool:
        session = self._memory.sessions.get(id)
        if session is None or session.revision != revision:
            return False
        self._memory.analyses[id] = dict(analysis)
        if self._memory.analyzed.get(id) != revision:
            self._memory.analyzed[id] = revision
            self._tell(id, EventType.ANALYZED)
        return True

    def _tell_aside(self, id: SessionId, answer: Answer) -> bool:
        if id not in self._memory.sessions:
            return False
        key = (id, asked_in(answer.question_id))
        told = self._memory.asides.get(key, (0, -1))
        if told >= (answer.take, answer.rev):
            return told[0] == answer.take
        self._memory.asides[key] = (answer.take, answer.rev)
        self._tell(id, SHOWN_AS[answer.status], answer)
        return True

    def _tell(self, id: SessionId, type: EventType, answer: Answer | None = None) -> None:
        session = self._memory.sessions[id]
        about: dict[str, object] = {}
        if answer:
            about = {"question_id": asked_in(answer.question_id), "take": answer.take, "status": answer.status}
            about |= {"call_id": answer.call_id, "side": answer.side}
        if answer and type is EventType.COMPLETED:
            about["verdict"] = answer.verdict
        now = self._memory.clock.now
        event = Event(number=session.cursor + 1, type=type, session_id=id, at=now, **about)  # type: ignore[arg-type]
        kept = [*self._memory.events.get(id, []), event]
        self._memory.events[id] = kept[-MOST_KEPT:]
        self._memory.told[id] = now
        self._memory.sessions[id] = replace(session, cursor=event.number)

    def _shown(self, id: SessionId, question_id: QuestionId) -> tuple[Session | None, Answer | None]:
        if not is_id(question_id):
            raise ValueError(question_id)
        session = self._memory.sessions.get(id)
        return session, session.answers.get(question_id) if session else None

    def _write(self, session: Session, answer: Answer, revision: int | None = None) -> None:
        answers = {**session.answers, answer.question_id: answer}
        revision = session.revision + 1 if revision is None else revision
        self._memory.sessions[session.id] = replace(session, answers=answers, revision=revision)


class FakeEvents:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def after(self, id: SessionId, cursor: int, viewer: Viewer) -> News:
        session = await FakeSessions(self._memory).get(id, viewer)
        events = tuple(e for e in self._memory.events.get(id, []) if e.number > cursor)
        return News(session, events if len(events) == session.cursor - cursor else None)

    async def cursors(self, ids: Collection[SessionId]) -> dict[SessionId, int]:
        return {id: self._memory.sessions[id].cursor for id in ids if id in self._memory.sessions}


class FakeSessionLists:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def page(self, user_id: UserId, span: Span, before: Place | None, limit: int) -> list[Listed]:
        own = [_listed(session) for session in self._memory.sessions.values() if session.user_id == user_id]
        own.sort(key=lambda one: (one.created_at, one.id), reverse=True)
        wanted = [one for one in own if _is_within(one, span)]
        older = [one for one in wanted if before is None or (one.created_at, one.id) < (before.at, before.id)]
        return older[:limit]


def _is_within(one: Listed, span: Span) -> bool:
    return (span.since is None or one.created_at >= span.since) and (span.until is None or one.created_at < span.until)


def _listed(session: Session) -> Listed:
    assert session.created_at is not None
    return Listed(
        id=session.id,
        title=session.title,
        created_at=session.created_at,
        revision=session.revision,
        questions=len(session.questions),
        answers={id: answer.status for id, answer in session.answers.items()},
    )
