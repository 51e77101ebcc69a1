"""Transcribing a part: claim it, have it listened to while the claim is kept, write what was heard.

What is heard of a long one is settled stretch by stretch, and whoever claims it next goes on from there; after a few
minutes it is let go, so that nobody waits for its end. Every write is fenced: who has lost the claim writes nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from services.background import Background, Kind
from services.errors import EngineTimeout, EngineUnavailable, Problem, RecordingAtFault, StoreUnavailable
from services.interviews.model import Evaluation, Failure, Part, PartId, PartState, answer_of
from services.interviews.ports import Sessions
from services.interviews.transcript import Transcript, Utterance
from services.recordings.ports.records import Records
from services.recordings.ports.utterances import Utterances
from services.transcription.attending import Attending
from services.transcription.listening import Heard, Rest
from services.transcription.ports import Claims
from services.transcription.retry import Again, GiveUp, Wait, decide
from services.transcription.together import whole

log = structlog.get_logger(__name__)

WRITE_AGAIN_SECONDS = 1.0
WORK_SECONDS = 300.0


class ClaimLost(Exception):
    """Another worker may have the part by now."""


@dataclass(slots=True)
class Held:
    """A claimed part, as it was settled last, and when the claim was confirmed last.

    Of one that still arrived `received` bytes were here, with a `rest` that is no stretch yet.
    """

    part: Part
    confirmed: float
    received: int
    rest: Rest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    sessions: Sessions
    claims: Claims
    records: Records
    utterances: Utterances
    listen: Callable[[Part], AsyncGenerator[Heard]]
    close: Callable[..., Awaitable[None]]
    supersede: Callable[..., Awaitable[int]]
    assess: Callable[[Part, Transcript], Awaitable[Evaluation | None]]
    score: Callable[[Part, Transcript], Awaitable[None]]
    tell: Callable[[Part, Utterance], Awaitable[None]]
    turn: Callable[[float], AbstractAsyncContextManager[bool]]
    attending: Attending
    owner: str
    lease_seconds: float
    deadline: Callable[[], float]
    max_deliveries: int
    work_seconds: float = WORK_SECONDS
    background: Background = field(default_factory=Background)

    async def run(self, id: PartId) -> None:
        """Bring a part to its end, or leave it so that another try will; does nothing if it is not due.

        Of what still arrives what is due is listened to, and goes on to be as long as more comes than that takes. While
        the engine takes no more calls it is left as it is: the sweep rings again.
        """
        async with self.turn(self.lease_seconds / 2) as came:
            until = _now() + self.work_seconds
            while came and (part := await self._claimed(id)) is not None:
                await self._run(part)
                came = part.listener is not None and _now() < until

    async def _claimed(self, id: PartId) -> Part | None:
        return await self.claims.claim(id, self.owner) or await self.attending.claim(id)

    async def _run(self, part: Part) -> None:
        """Whatever is logged meanwhile, by whichever of the parts it is made of, names the recording and its answer."""
        with bound_contextvars(part=part.id, session=part.session_id, question=part.question_id):
            log.info("transcription started", delivery=part.deliveries)
            try:
                await self._work(part)
            except ClaimLost:
                log.warning("claim lost", fence=part.fence)
            except asyncio.CancelledError:
                log.info("answer given back")
                with suppress(StoreUnavailable):
                    await asyncio.shield(self._give_back(part))
                raise

    async def _work(self, part: Part) -> None:
        if part.listener is None and not await self.sessions.show(part.session_id, answer_of(part)):
            await self.supersede(part, itself=True)
            if not await self.claims.beat(part.id, part.fence):
                return
        held = Held(part, _now(), part.bytes)
        try:
            transcript = await self._while_claimed(held, self._listen(held))
        except Problem as problem:
            await self._not_done(held, problem)
            return
        if transcript is None:
            await self._release(held)
        else:
            await self._done(held.part, transcript)

    async def _listen(self, held: Held) -> Transcript | None:
        """What is said in all of it; None where what is settled is enough for once, and others have their turn.

        Nobody listens on to what has come to be complete meanwhile: it is claimed anew, with all that is there.
        """
        begun = _now()
        async with aclosing(self._stretches(held.part)) as stretches:
            while not isinstance(heard := await self._next(held.part, stretches), Rest) and not heard.is_last:
                held.part = await self._settled(held.part, heard)
                await self.tell(held.part, heard.utterance)
                is_complete = held.part.listener is not None and held.part.state is not PartState.UPLOADING
                if is_complete or _now() - begun > self.work_seconds:
                    return None
        if isinstance(heard, Rest):
            held.rest = heard
            return None
        return await self._whole(held.part, heard)

    def _stretches(self, part: Part) -> AsyncGenerator[Heard | Rest]:
        return self.listen(part) if part.listener is None else self.attending.listen(part)

    async def _next(self, part: Part, stretches: AsyncIterator[Heard | Rest]) -> Heard | Rest:
        try:
            async with asyncio.timeout(self.deadline()):
                return await anext(stretches)
        except TimeoutError:
            raise EngineTimeout from None
        except Problem:
            raise
        except Exception as error:
            log.exception("unexpected")
            raise EngineUnavailable("The worker met an unexpected error.") from error

    async def _settled(self, part: Part, heard: Heard) -> Part:
        settle = partial(self.claims.settle, part, heard.utterance, heard.checkpoint)
        settled = await self._insist(part, part.state, settle)
        log.info("stretch settled", number=heard.utterance.number, seconds=heard.checkpoint.seconds)
        return settled

    async def _whole(self, part: Part, last: Heard) -> Transcript:
        """What is settled and the last of it as one."""
        number = last.utterance.number
        settled = await self.utterances.settled(part.id) if number else []
        if len(settled) != number:
            raise EngineUnavailable("What was said in the beginning of the recording is not there.")
        return whole([*settled, last.utterance], part.channels, last.flaws)

    async def _while_claimed(self, held: Held, work: Coroutine[Any, Any, Transcript | None]) -> Transcript | None:
        listening = asyncio.ensure_future(work)
        beating = self.background.start(Kind.HEARTBEATS, lambda: self._beat(held))
        try:
            await asyncio.wait({listening, beating}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                raise ClaimLost
            return listening.result()
        finally:
            for task in (listening, beating):
                task.cancel()
            await asyncio.gather(listening, beating, return_exceptions=True)

    async def _beat(self, held: Held) -> None:
        """Returns once the claim is lost, or could not be confirmed for as long as the lease."""
        while _now() - held.confirmed < self.lease_seconds:
            await asyncio.sleep(self.lease_seconds / 4)
            try:
                if not await self.claims.beat(held.part.id, held.part.fence):
                    return
                held.confirmed = _now()
            except StoreUnavailable:
                log.warning("heartbeat not confirmed")

    async def _done(self, part: Part, transcript: Transcript) -> None:
        ended = await self._insist(
            part,
            PartState.COMPLETED,
            lambda: self.claims.complete(part.id, part.fence, transcript, scoring_seconds=self.lease_seconds),
        )
        log.info("transcription completed")
        evaluation = await self.assess(ended, transcript)
        await self.close(ended, transcript, evaluation)
        if not ended.is_aside and evaluation is None:
            await self.score(ended, transcript)

    async def _not_done(self, held: Held, problem: Problem) -> None:
        part = held.part
        if part.listener is not None:
            await self._let_go(part, lambda: self.attending.put_off(part, held.received, problem))
            return
        failure = Failure(problem.code, str(problem))
        next_step = decide(problem, part.deliveries, self.max_deliveries, part.waited_seconds)
        _tell(part, problem, next_step)
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

    async def _release(self, held: Held) -> None:
        part = held.part
        if part.listener is not None:
            await self._let_go(part, lambda: self.attending.let_go(part, held.received, held.rest))
        else:
            await self._give_back(part)

    async def _give_back(self, part: Part) -> None:
        if part.listener is not None:
            await self.attending.let_go(part, part.bytes, None)
            return
        queued = await self.claims.release(part.id, part.fence)
        if queued is not None:
            await self.sessions.show(queued.session_id, answer_of(queued))

    async def _let_go(self, part: Part, write: Callable[[], Awaitable[Part | None]]) -> None:
        """Of what still arrives, or has just come to be complete; a claim that is lost need not be."""
        with suppress(ClaimLost):
            await self._insist(part, part.state, write)

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


def _tell(part: Part, problem: Problem, step: Again | Wait | GiveUp) -> None:
    """What went wrong, and what comes of it."""
    after = {} if isinstance(step, GiveUp) else {"again_in": round(step.delay, 1)}
    about = {"code": problem.code, "reason": str(problem), "delivery": part.deliveries}
    log.warning("transcription failed", **about, next=type(step).__name__, **after)


def _now() -> float:
    return asyncio.get_running_loop().time()
