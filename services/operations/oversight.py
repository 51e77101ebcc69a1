"""What operators read of others' sessions is in the log, before they are shown it.

An entry stands for ten minutes of looking at one session: a page that asks again and again is one look.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from services.events.ports import Events, News
from services.interviews.model import Answer, Evaluation, Part, Question, QuestionId, Session, SessionId, UserId, Viewer
from services.interviews.ports import Sessions, Take
from services.interviews.spoken import Spoken
from services.operations.ports.audit_log import Action, AuditLog, Deed, Outcome
from services.operations.ports.views import SessionFilter

ONE_LOOK_SECONDS = 600.0
MOST_REMEMBERED = 10_000


@dataclass(slots=True, kw_only=True)
class Oversight:
    """One process's part in it."""

    audit_log: AuditLog
    clock: Callable[[], float] = time.monotonic
    _noted: dict[tuple[UserId, str], float] = field(default_factory=dict, init=False)

    async def saw(self, viewer: Viewer, session: Session) -> Session:
        """Note that an operator looks at this session, if it is another's."""
        if viewer.is_admin and viewer.user_id != session.user_id:
            await self._note(viewer, session.id, {"session_id": session.id, "user_id": session.user_id})
        return session

    async def sought(self, operator: Viewer, wanted: SessionFilter) -> None:
        """Note what an operator looks for among all sessions. What they wrote stands alone: an erasure looks for it."""
        on = {
            "sought": wanted.sought,
            "state": wanted.standing and wanted.standing.value,
            "since": wanted.since and wanted.since.isoformat(),
            "until": wanted.until and wanted.until.isoformat(),
        }
        await self._note(operator, f"?{on}", {name: value for name, value in on.items() if value is not None})

    async def _note(self, viewer: Viewer, what: str, on: Mapping[str, object]) -> None:
        now, looked = self.clock(), (viewer.user_id, what)
        if now - self._noted.get(looked, -ONE_LOOK_SECONDS) < ONE_LOOK_SECONDS:
            return
        request = str(structlog.contextvars.get_contextvars().get("request", ""))
        deed = Deed(who=viewer.user_id, action=Action.READ, on=on, before={}, request_id=request)
        await self.audit_log.end(await self.audit_log.begin(deed), Outcome.DONE, {})
        if len(self._noted) >= MOST_REMEMBERED:
            self._noted.clear()
        self._noted[looked] = now


@dataclass(frozen=True, slots=True)
class OverseenSessions:
    """The port Sessions on top of another: whoever is shown a session is seen."""

    sessions: Sessions
    oversight: Oversight

    async def create(self, session: Session) -> Session:
        return await self.sessions.create(session)

    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        return await self.oversight.saw(viewer, await self.sessions.get(id, viewer))

    async def question(self, id: SessionId, question_id: QuestionId) -> Question | None:
        return await self.sessions.question(id, question_id)

    async def is_erased(self, id: SessionId) -> bool:
        return await self.sessions.is_erased(id)

    async def next_take(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> Take:
        return await self.sessions.next_take(id, question_id, viewer)

    async def show(self, session_id: SessionId, answer: Answer) -> bool:
        return await self.sessions.show(session_id, answer)

    async def tell(self, part: Part, spoken: Sequence[Spoken]) -> int | None:
        return await self.sessions.tell(part, spoken)

    async def unsay(self, part: Part) -> bool:
        return await self.sessions.unsay(part)

    async def score(self, session_id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        return await self.sessions.score(session_id, question_id, take, evaluation)

    async def record_analysis(self, id: SessionId, revision: int, analysis: Mapping[str, object]) -> bool:
        return await self.sessions.record_analysis(id, revision, analysis)


@dataclass(frozen=True, slots=True)
class OverseenEvents:
    """The port Events on top of another, likewise."""

    events: Events
    oversight: Oversight

    async def after(self, id: SessionId, cursor: int, viewer: Viewer) -> News:
        news = await self.events.after(id, cursor, viewer)
        await self.oversight.saw(viewer, news.session)
        return news

    async def cursors(self, ids: Collection[SessionId]) -> dict[SessionId, int]:
        return await self.events.cursors(ids)
