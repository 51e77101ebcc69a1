"""What an operator does by hand: have a failed answer begin anew, or scored, end one that is stuck, sweep now.

1. note in the log what is about to be done;
2. move the record, if the table of moves and the record's state allow it;
3. go on as after any such move: show it and ring, or close it;
4. note what came of it.

A process that dies after 1 leaves an entry without an outcome; after 2 the sweep
does what remains of 3.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from services.analysis.ports import Scorings
from services.errors import (
    AnswerNotFound,
    FailedByOperator,
    NotFailed,
    NotInWork,
    NotUnscored,
    Problem,
    QuestionNotFound,
    RateLimited,
    RecordingGone,
    StoreUnavailable,
    TakeSuperseded,
)
from services.interviews.model import (
    Answer,
    Failure,
    Mark,
    Part,
    PartId,
    PartState,
    QuestionId,
    SessionId,
    UserId,
    Viewer,
    answer_of,
)
from services.interviews.ports import Sessions
from services.operations.noting import After, noted
from services.operations.ports.audit_log import Action, AuditLog, Deed
from services.operations.ports.interventions import Interventions
from services.recordings.ports.records import Records
from services.recordings.ports.workers import Doorbell


def still_arrives(answer: Answer) -> str:
    """What can be done about a recording that nobody has accepted yet."""
    gone, call = f"give it up with DELETE /api/uploads/{answer.part_id}", answer.call_id
    if call is not None:
        gone = f"end the call with POST /api/calls/{call}/end, or give it up with DELETE /api/calls/{call}"
    return f"The recording of this answer still arrives, so that there is no answer yet. Wait for its end, or {gone}."


@dataclass(frozen=True, slots=True)
class Operator:
    """Who does it, and in which request."""

    viewer: Viewer
    request_id: str

    @property
    def who(self) -> UserId:
        return self.viewer.user_id


@dataclass(frozen=True, slots=True)
class Retried:
    """One of several that were to be retried, and why it was not."""

    id: PartId
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Retries:
    """Those that were reached, in order; after how many seconds the rest may be asked for, if that was the reason."""

    done: list[Retried]
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    sessions: Sessions
    records: Records
    scorings: Scorings
    interventions: Interventions
    doorbell: Doorbell
    audit_log: AuditLog
    close: Callable[[Part], Awaitable[None]]
    supersede: Callable[..., Awaitable[int]]
    sweeping: Callable[[bool], Awaitable[Mapping[str, int]]]

    async def retry(self, session_id: SessionId, question_id: QuestionId, operator: Operator) -> Part:
        """Queue the newest take of an answer again, as if it had just been accepted.

        NotFailed if that has not failed, RecordingGone if its audio is not kept,
        SameInWork or TakeSuperseded if it was recorded again meanwhile.
        """
        part = await self._newest(session_id, question_id, operator.viewer)
        async with noted(self.audit_log, _deed(Action.RETRY, part, operator)) as after:
            queued = await self._retry(part)
            after.update(_standing(queued))
        return queued

    async def _retry(self, part: Part) -> Part:
        queued = await self.interventions.retry(part.id)
        if queued is None:
            raise await self._why_not(part)
        await self._announce(queued)
        return queued

    async def retry_each(
        self, ids: Sequence[PartId], operator: Operator, admit: Callable[[], Awaitable[None]]
    ) -> Retries:
        """Retry these recordings one after the other, each as `retry` does, and each admitted as a request of its own.

        Those that are not reached, because the operator has to wait or the store went away, are left as they are.
        """
        done: list[Retried] = []
        for id in ids:
            try:
                await admit()
            except RateLimited as full:
                return Retries(done, retry_after=full.retry_after)
            problem = await self._retried(id, operator, len(ids))
            done.append(Retried(id, problem))
            if isinstance(problem, StoreUnavailable):
                break
        return Retries(done)

    async def _retried(self, id: PartId, operator: Operator, among: int) -> Problem | None:
        part = await self.records.get(id)
        if part is None:
            return AnswerNotFound()
        try:
            async with noted(self.audit_log, _deed(Action.RETRY, part, operator, among=among)) as after:
                newest = await self.interventions.newest(part.session_id, part.question_id)
                if newest is None or newest.id != id:
                    raise TakeSuperseded
                after.update(_standing(await self._retry(part)))
        except Problem as problem:
            return problem
        return None

    async def fail(self, session_id: SessionId, question_id: QuestionId, reason: str, operator: Operator) -> Part:
        """End an answer that waits or is in work, and keep its audio for a retry; NotInWork if it has ended."""
        part = await self._newest(session_id, question_id, operator.viewer)
        async with noted(self.audit_log, _deed(Action.FAIL, part, operator, reason)) as after:
            failed = await self.interventions.fail(part.id, Failure(FailedByOperator.code, reason))
            if failed is None:
                raise NotInWork
            await self.close(failed)
            after.update(_standing(failed))
        return failed

    async def score(self, session_id: SessionId, question_id: QuestionId, operator: Operator) -> Part:
        """Have an answer scored that was given up for want of a scorer; NotUnscored if it was not."""
        part = await self._newest(session_id, question_id, operator.viewer)
        async with noted(self.audit_log, _deed(Action.SCORE, part, operator)) as after:
            answer = (await self.sessions.get(session_id, operator.viewer)).answers.get(question_id)
            if answer is None or answer.mark is not Mark.UNSCORED or not answer.lacks_score:
                raise NotUnscored
            await self.scorings.rescore(answer.part_id)
            await self.doorbell.score(answer.part_id)
            after.update(_standing(part))
        return part

    async def sweep(self, operator: Operator, *, dry_run: bool) -> Mapping[str, int]:
        """Sweep and audit now, or only count what that would do."""
        on = {"dry_run": dry_run}
        deed = Deed(who=operator.who, action=Action.SWEEP, on=on, before={}, request_id=operator.request_id)
        async with noted(self.audit_log, deed) as after:
            counts = await self.sweeping(dry_run)
            after.update(counts)
        return counts

    async def _newest(self, session_id: SessionId, question_id: QuestionId, viewer: Viewer) -> Part:
        session = await self.sessions.get(session_id, viewer)
        if session.question(question_id) is None:
            raise QuestionNotFound
        part = await self.interventions.newest(session_id, question_id)
        if part is None:
            raise AnswerNotFound(still_arrives(live) if (live := session.live.get(question_id)) else None)
        return part

    async def _why_not(self, part: Part) -> Problem:
        now = await self.records.get(part.id) or part
        if now.state is PartState.FAILED:
            return RecordingGone()
        return NotFailed(f"This answer is {now.state.value}. Only a failed answer can be retried.")

    async def _announce(self, queued: Part) -> None:
        if not await self.sessions.show(queued.session_id, answer_of(queued)):
            await self.supersede(queued, itself=True)
            now = await self.records.get(queued.id)
            if now is None or now.state is PartState.SUPERSEDED:
                raise TakeSuperseded
        await self.doorbell.transcribe(queued.id)


def _deed(action: Action, part: Part, operator: Operator, reason: str | None = None, among: int = 1) -> Deed:
    on: dict[str, object] = {
        "session_id": part.session_id,
        "question_id": part.question_id,
        "take": part.take,
        "file_id": part.id,
    }
    if among > 1:
        on["among"] = among
    return Deed(
        who=operator.who,
        action=action,
        on=on,
        before=_standing(part),
        request_id=operator.request_id,
        reason=reason,
    )


def _standing(part: Part) -> After:
    """How a record stands, in short."""
    failure = part.failure.code if part.failure else None
    return {"state": part.state.value, "deliveries": part.deliveries, "retries": part.retries, "error": failure}
