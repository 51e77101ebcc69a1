"""Transcribing a part: claim it, have it listened to while the claim is kept, write what was heard.

Every write is fenced: who has lost the claim writes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from services.background import Background, Kind
from services.errors import EngineTimeout, EngineUnavailable, Problem, RecordingAtFault, StoreUnavailable
from services.interviews.model import Failure, Part, PartId, PartState, answer_of
from services.interviews.ports import Sessions
from services.interviews.transcript import Transcript
from services.recordings.ports.records import Records
from services.transcription.ports import Claims
from services.transcription.retry import Again, GiveUp, Wait, decide

log = structlog.get_logger(__name__)

WRITE_AGAIN_SECONDS = 1.0


class ClaimLost(Exception):
    """Another worker may have the part by now."""


@dataclass(slots=True)
class Held:
    """A claim, and when it was confirmed last."""

    confirmed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    sessions: Sessions
    claims: Claims
    records: Records
    listen: Callable[[Part], Awaitable[Transcript]]
    close: Callable[..., Awaitable[None]]
    supersede: Callable[..., Awaitable[int]]
    score: Callable[[Part, Transcript], Awaitable[None]]
    turn: Callable[[float], AbstractAsyncContextManager[bool]]
    owner: str
    lease_seconds: float
    deadline: Callable[[], float]
    max_deliveries: int
    background: Background = field(default_factory=Background)

    async def run(self, id: PartId) -> None:
        """Bring a part to its end, or leave it so that another try will; does nothing if it is not due.

        While the engine takes no more calls it is left as it is: the sweep rings again.
        """
        async with self.turn(self.lease_seconds / 2) as came:
            part = await self.claims.claim(id, self.owner) if came else None
            if part is not None:
                await self._run(part)

    async def _run(self, part: Part) -> None:
        log.info("transcription started", part=part.id, session=part.session_id, question=part.question_id)
        try:
            await self._work(part)
        except ClaimLost:
            log.warning("claim lost", part=part.id, fence=part.fence)
        except asyncio.CancelledError:
            with suppress(StoreUnavailable):
                await asyncio.shield(self._release(part))
            raise

    async def _work(self, part: Part) -> None:
        if not await self.sessions.show(part.session_id, answer_of(part)):
            await self.supersede(part, itself=True)
            if not await self.claims.beat(part.id, part.fence):
                return
        try:
            transcript = await self._while_claimed(part, self._listen(part))
        except Problem as problem:
            await self._not_done(part, problem)
            return
        await self._done(part, transcript)

    async def _listen(self, part: Part) -> Transcript:
        try:
            async with asyncio.timeout(self.deadline()):
                return await self.listen(part)
        except TimeoutError:
            raise EngineTimeout from None
        except Problem:
            raise
        except Exception as error:
            log.exception("unexpected", part=part.id)
            raise EngineUnavailable("The worker met an unexpected error.") from error

    async def _while_claimed(self, part: Part, work: Coroutine[Any, Any, Transcript]) -> Transcript:
        listening = asyncio.ensure_future(work)
        held = Held(_now())
        beating = self.background.start(Kind.HEARTBEATS, lambda: self._beat(part, held))
        try:
            await asyncio.wait({listening, beating}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                raise ClaimLost
            return listening.result()
        finally:
            for task in (listening, beating):
                task.cancel()
            await asyncio.gather(listening, beating, return_exceptions=True)

    async def _beat(self, part: Part, held: Held) -> None:
        """Returns once the claim is lost, or could not be confirmed for as long as the lease."""
        while _now() - held.confirmed < self.lease_seconds:
            await asyncio.sleep(self.lease_seconds / 4)
            try:
                if not await self.claims.beat(part.id, part.fence):
                    return
                held.confirmed = _now()
            except StoreUnavailable:
                log.warning("heartbeat not confirmed", part=part.id)

    async def _done(self, part: Part, transcript: Transcript) -> None:
        ended = await self._insist(
            part,
            PartState.COMPLETED,
            lambda: self.claims.complete(part.id, part.fence, transcript, scoring_seconds=self.lease_seconds),
        )
        log.info("transcription completed", part=part.id, session=part.session_id, question=part.question_id)
        await self.close(ended, transcript)
        await self.score(ended, transcript)

    async def _not_done(self, part: Part, problem: Problem) -> None:
        failure = Failure(problem.code, str(problem))
        next_step = decide(problem, part.deliveries, self.max_deliveries, part.waited_seconds)
        log.warning("transcription failed", part=part.id, code=problem.code, next=type(next_step).__name__)
        if not isinstance(next_step, GiveUp):
            await self._queue_again(part, failure, next_step)
            return
        keep = not isinstance(problem, RecordingAtFault)
        ended = await self._insist(
            part, PartState.FAILED, lambda: self.claims.fail(part.id, part.fence, failure, keep_audio=keep)
        )
        await self.close(ended)

    async def _queue_again(self, part: Part, failure: Failure, step: Again | Wait) -> None:
        write = self.claims.again if isinstance(step, Again) else self.claims.wait
        queued = await self._insist(part, PartState.QUEUED, lambda: write(part.id, part.fence, failure, step.delay))
        await self.sessions.show(queued.session_id, answer_of(queued))

    async def _release(self, part: Part) -> None:
        queued = await self.claims.release(part.id, part.fence)
        if queued is not None:
            await self.sessions.show(queued.session_id, answer_of(queued))

    async def _insist(self, part: Part, to: PartState, write: Callable[[], Awaitable[Part | None]]) -> Part:
        """Write, again and again while the database does not confirm, for as long as the lease."""
        end = _now() + self.lease_seconds
        is_repeated = False
        while True:
            try:
                written = await write() or (await self._written(part, to) if is_repeated else None)
            except StoreUnavailable:
                if _now() > end:
                    raise
                is_repeated = True
                await asyncio.sleep(WRITE_AGAIN_SECONDS)
                continue
            if written is None:
                raise ClaimLost
            return written

    async def _written(self, part: Part, to: PartState) -> Part | None:
        """The record as our own write left it, if one took effect that was not confirmed.

        Whoever else takes a record from its worker raises its fence.
        """
        now = await self.records.get(part.id)
        return now if now is not None and (now.state, now.fence) == (to, part.fence) else None


def _now() -> float:
    return asyncio.get_running_loop().time()
