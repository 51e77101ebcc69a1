"""Listening to recordings that still arrive: when a stretch of one is due, and how it is let go.

Nobody waits for bytes. Whoever has listened to what is here says with how many more it is due, and lets go.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from math import ceil

import structlog

from services.errors import AudioTooLong, AudioUnreadable, EngineBusy, KeyringUnavailable, Problem
from services.interviews.model import Part, PartId
from services.recordings.growing import Growing
from services.recordings.ports.arrivals import NEVER_DUE, Listened
from services.transcription.listening import Heard, Rest
from services.transcription.ports import Claims
from services.transcription.retry import asked_for, backoff

log = structlog.get_logger(__name__)

LEFT = (Listened(NEVER_DUE, 0.0, NEVER_DUE), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attending:
    claims: Claims
    arriving: Growing
    listen: Callable[[Part], AsyncGenerator[Heard | Rest]]
    owner: str

    async def claim(self, id: PartId) -> Part | None:
        """The part, with as many bytes as are here, if there is enough of it to listen to, and nobody does."""
        received = await self.arriving.received(id)
        part = await self.claims.attend(id, self.owner, received) if received else None
        return None if part is None else replace(part, bytes=received)

    async def let_go(self, part: Part, received: int, rest: Rest | None) -> Part | None:
        """What has no stretch yet waits for more; where it is not known how much that is, it is due at once."""
        listened, delay = (Listened(), 0.0) if rest is None else due(received, rest)
        return await self.claims.let_go(part, listened, delay)

    async def put_off(self, part: Part, received: int, problem: Problem) -> Part | None:
        """Something went wrong, which nobody sees while it arrives: later, or once it is complete."""
        log.warning("listening put off", part=part.id, code=problem.code)
        if isinstance(problem, AudioTooLong):
            return await self.claims.let_go(part, *LEFT)
        if isinstance(problem, AudioUnreadable):  # what there is may be too little to be read
            return await self.claims.let_go(part, Listened(NEVER_DUE, 0.0, 2 * received), 0.0)
        failed = not isinstance(problem, EngineBusy | KeyringUnavailable)
        delay = max(asked_for(problem), backoff(2))
        return await self.claims.let_go(part, Listened(0, 0.0, NEVER_DUE), delay, failed=failed)


def due(received: int, rest: Rest) -> tuple[Listened, float]:
    """With how many bytes there is another stretch, if they go on to come as they came; and after which time anyway."""
    if rest.missing is None:
        return LEFT
    a_second = received / rest.seconds if rest.seconds else received
    more = max(1, ceil(rest.missing * a_second))
    return Listened(received, rest.seconds, received + more), rest.missing
