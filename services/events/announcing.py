"""Whatever changes a session says so, so that nobody who waits for news has to ask all the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.events.ports import Hints
from services.interviews.model import Answer, Evaluation, Part, Question, QuestionId, Session, SessionId, Viewer
from services.interviews.ports import Sessions, Take
from services.interviews.spoken import Spoken


@dataclass(frozen=True, slots=True)
class AnnouncedSessions:
    """The port Sessions on top of another: what was written is announced once it is confirmed."""

    sessions: Sessions
    hints: Hints

    async def create(self, session: Session) -> Session:
        return await self.sessions.create(session)

    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        return await self.sessions.get(id, viewer)

    async def question(self, id: SessionId, question_id: QuestionId) -> Question | None:
        return await self.sessions.question(id, question_id)

    async def is_erased(self, id: SessionId) -> bool:
        return await self.sessions.is_erased(id)

    async def next_take(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> Take:
        return await self.sessions.next_take(id, question_id, viewer)

    async def show(self, session_id: SessionId, answer: Answer) -> bool:
        return self._announced(session_id, await self.sessions.show(session_id, answer))

    async def tell(self, part: Part, spoken: Sequence[Spoken]) -> int | None:
        told = await self.sessions.tell(part, spoken)
        self._announced(part.session_id, told is not None)
        return told

    async def unsay(self, part: Part) -> bool:
        return self._announced(part.session_id, await self.sessions.unsay(part))

    async def score(self, session_id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        return self._announced(session_id, await self.sessions.score(session_id, question_id, take, evaluation))

    async def record_analysis(self, id: SessionId, revision: int, analysis: Mapping[str, object]) -> bool:
        return self._announced(id, await self.sessions.record_analysis(id, revision, analysis))

    def _announced(self, id: SessionId, done: bool) -> bool:
        if done:
            self.hints.announce(id)
        return done
