"""Sessions, and the events of each, in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from services.errors import QuestionNotFound, SessionErased, SessionExists, SessionNotFound
from services.events.model import MOST_KEPT, SHOWN_AS, Event, EventType
from services.events.ports import News
from services.interviews.listing import Listed, Place, Span
from services.interviews.model import (
    DROPPED,
    Answer,
    CallSide,
    Evaluation,
    Part,
    PartState,
    Question,
    QuestionId,
    Session,
    SessionId,
    Status,
    UserId,
    Viewer,
    answer_of,
    asked_in,
    evaluated,
    is_id,
)
from services.interviews.ports import Election, Take
from services.interviews.spoken import Spoken, Told, in_work, live, told_of
from tests.fakes.memory import Memory

HOUSE = Viewer(UserId(""), is_admin=True)


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
        told = {question: one for (of, question), one in self._memory.utterances_told.items() if of == id}
        return replace(session, answers=in_work(session.answers, told), live=live(session.answers, told))

    async def question(self, id: SessionId, question_id: QuestionId) -> Question | None:
        session = self._memory.sessions.get(id)
        return None if session is None else session.question(question_id)

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
            if answer.evaluation is not None:
                await self.score(session_id, answer.question_id, answer.take, answer.evaluation)
            return shown.take == answer.take
        is_same = shown is not None and shown.take == answer.take and shown.status is answer.status is Status.COMPLETED
        if shown is not None and is_same and answer.evaluation is None:
            answer = replace(answer, mark=shown.mark, evaluation=shown.evaluation)
        if shown is not None and shown.take == answer.take and shown.status is answer.status is Status.FAILED:
            self._write(session, answer, session.revision)
            return True
        self._write(session, answer)
        self._tell(session.id, SHOWN_AS[answer.status], answer)
        if answer.evaluation is not None and not is_same:
            self._tell(session.id, EventType.SCORED, answer)
        return True

    async def tell(self, part: Part, spoken: Sequence[Spoken]) -> int | None:
        session, answer = self._shown(part.session_id, asked_in(part.question_id))
        told = self._memory.utterances_told.get((part.session_id, part.question_id))
        own = told if told is not None and told.part_id == part.id else None
        is_newer = told is not None and own is None and told.take > part.take
        shown = (answer.take, answer.rev) if answer else (0, -1)
        if part.is_aside:
            shown = self._memory.asides.get((part.session_id, asked_in(part.question_id)), shown)
        if session is None or is_newer or shown >= (part.take, part.rev) or (own is not None and own.is_over):
            return None
        count = own.count if own else 0
        if count != spoken[0].index:
            return count
        count = spoken[-1].index + 1
        self._memory.utterances_told[part.session_id, part.question_id] = told_of(part, count)
        for one in spoken:
            self._tell_event(part, EventType.UTTERANCE, Status.PROCESSING, one)
        session = self._memory.sessions[part.session_id]
        self._memory.sessions[part.session_id] = replace(session, revision=session.revision + 1)
        return count

    async def unsay(self, part: Part) -> bool:
        key = (part.session_id, part.question_id)
        session, told = self._memory.sessions.get(part.session_id), self._memory.utterances_told.get(key)
        if session is None:
            return False
        own = told if told is not None and told.part_id == part.id else None
        is_newer = told is not None and own is None and told.take > part.take
        events = self._memory.events.get(session.id, [])
        mine = [one for one in events if one.number in self._memory.spoken_by.get(part.id, ())]
        is_over = is_newer or (own is not None and own.is_over)
        if is_over and not any(one.spoken and one.spoken.text for one in mine):
            return False
        self._memory.events[session.id] = [one.unsaid if one in mine else one for one in events]
        if not is_newer:
            self._memory.utterances_told[key] = Told(part_id=part.id, take=part.take, is_over=True)
        if part.state in DROPPED and own is not None and own.count:
            self._tell_event(part, EventType.DROPPED)
        session = self._memory.sessions[part.session_id]
        self._memory.sessions[session.id] = replace(session, revision=session.revision + 1)
        return True

    def _tell_event(
        self, part: Part, type: EventType, status: Status | None = None, spoken: Spoken | None = None
    ) -> None:
        answer = replace(answer_of(replace(part, state=PartState.PROCESSING)), status=status or Status.FAILED)
        self._tell(part.session_id, type, answer)
        event = replace(self._memory.events[part.session_id][-1], status=status, spoken=spoken)
        self._memory.events[part.session_id][-1] = event
        self._memory.spoken_by.setdefault(part.id, set()).add(event.number)

    async def score(self, session_id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        session, shown = self._shown(session_id, question_id)
        if session is None or shown is None:
            return False
        if shown.take != take or shown.status is not Status.COMPLETED or not shown.lacks_score:
            return False
        self._write(session, evaluated(shown, evaluation))
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
        sessions = [await FakeSessions(self._memory).get(id, HOUSE) for id in self._memory.sessions]
        own = [_listed(session) for session in sessions if session.user_id == user_id]
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
        answers={id: answer.status for id, answer in session.shown.items()},
    )
