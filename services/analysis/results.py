"""The result of an interview, once nothing of it is pending any more."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.analysis.barrier import Standing, digest, final_score, standing
from services.errors import StoreUnavailable
from services.events.model import SessionAnalyzed
from services.interviews.model import Answer, Session, SessionId, Viewer
from services.interviews.ports import Sessions
from services.recordings.ports.records import Records

MOST_READS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Something is still in work; ask again after so many whole seconds."""

    standing: Standing
    retry_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The scores, computed from one revision of the session; `digest` names what they rest on."""

    session: Session
    standing: Standing
    final_score: float | None
    scored: list[Answer]
    unscored: list[Answer]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    sessions: Sessions
    records: Records
    wait: Callable[[SessionId], Awaitable[int]]
    emit: Callable[[SessionAnalyzed], Awaitable[None]]

    async def run(self, id: SessionId, viewer: Viewer) -> Pending | Result:
        """The result, or how long to wait for it; never one that rests on missing or replaced answers."""
        for _ in range(MOST_READS):
            session = await self.sessions.get(id, viewer)
            now = standing(session, await self.records.newest_takes(id))
            if not now.is_settled:
                return Pending(standing=now, retry_after=await self.wait(id))
            result = _result(session, now)
            if await self.sessions.record_analysis(id, session.revision, _kept(result)):
                await self.emit(SessionAnalyzed(session))
                return result
        raise StoreUnavailable("The answers keep changing. Try again.", retry_after=1)


def _result(session: Session, now: Standing) -> Result:
    completed = [session.answers[id] for id in now.completed]
    scored = [a for a in completed if a.evaluation is not None and a.evaluation.score is not None]
    return Result(
        session=session,
        standing=now,
        final_score=final_score(completed),
        scored=scored,
        unscored=[a for a in completed if a not in scored],
        digest=digest(session),
    )


def _kept(result: Result) -> dict[str, object]:
    return {
        "final_score": result.final_score,
        "scored_count": len(result.scored),
        "input_digest": result.digest,
    }
