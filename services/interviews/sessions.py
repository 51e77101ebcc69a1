"""Making a session and looking at it."""

from dataclasses import dataclass, replace

from services.errors import AnswerNotFound, QuestionNotFound, QuotaUsedUp, SessionErased, SessionExists
from services.interviews.model import Answer, QuestionId, Session, SessionId, Viewer
from services.interviews.ports import Quotas, Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Interviews:
    sessions: Sessions
    quotas: Quotas
    most_bytes_of_user: int

    async def create(self, session: Session, viewer: Viewer, size: int) -> Session:
        """Keep a new session of this size, or give the one of this id that an earlier try has made.

        SessionNotFound if that is not his, QuotaUsedUp if there is no room for another.
        """
        if not await self.quotas.take(viewer.user_id, size, self.most_bytes_of_user):
            raise QuotaUsedUp
        try:
            return await self.sessions.create(replace(session, size=size))
        except SessionErased:
            await self.quotas.give_back(viewer.user_id, size)
            raise
        except SessionExists:
            await self.quotas.give_back(viewer.user_id, size)
            return await self.sessions.get(session.id, viewer)

    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        return await self.sessions.get(id, viewer)

    async def answer(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> tuple[Session, Answer]:
        """The session and its answer to one question; QuestionNotFound or AnswerNotFound."""
        session = await self.sessions.get(id, viewer)
        if session.question(question_id) is None:
            raise QuestionNotFound
        answer = session.shown.get(question_id)
        if answer is None:
            raise AnswerNotFound
        return session, answer
