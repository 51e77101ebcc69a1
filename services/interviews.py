"""Making a session and looking at it."""

from dataclasses import dataclass

from services.errors import AnswerNotFound, QuestionNotFound, SessionExists
from services.interview import Answer, QuestionId, Session, SessionId, Viewer
from services.ports.sessions import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Interviews:
    sessions: Sessions

    async def create(self, session: Session, viewer: Viewer) -> Session:
        """Keep a new session, or give the one of this id that an earlier try has made; SessionNotFound if not his."""
        try:
            return await self.sessions.create(session)
        except SessionExists:
            return await self.sessions.get(session.id, viewer)

    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        return await self.sessions.get(id, viewer)

    async def answer(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> tuple[Session, Answer]:
        """The session and its answer to one question; QuestionNotFound or AnswerNotFound."""
        session = await self.sessions.get(id, viewer)
        if session.question(question_id) is None:
            raise QuestionNotFound
        answer = session.answers.get(question_id)
        if answer is None:
            raise AnswerNotFound
        return session, answer
