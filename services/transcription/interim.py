"""Reading what is being said right now, by a worker that has nothing else to do, for who listens at this moment.

What is read is behind what is settled, costs no one a turn, and is kept nowhere: what it says is read again, and maybe
otherwise, when its stretch is listened to.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import structlog

from services.errors import Problem
from services.events.interim import MOST_INTERIM_BYTES, Interim, InterimTexts
from services.interviews.model import Part, PartId, asked_in, beginning
from services.interviews.transcript import Utterance

log = structlog.get_logger(__name__)

READ_SECONDS = 10.0
MOST_WAITING = 1_000


@dataclass(slots=True, kw_only=True)
class InterimReading:
    """One worker's part in it; `run` goes on for ever, and `grown` tells it of a recording of which more is here."""

    find: Callable[[PartId], Awaitable[Part | None]]
    read: Callable[[Part], Awaitable[Utterance | None]]
    texts: InterimTexts
    turn: Callable[[float], AbstractAsyncContextManager[bool]]
    is_idle: Callable[[], bool]
    _grown: dict[PartId, None] = field(default_factory=dict, init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def grown(self, id: PartId) -> None:
        """More of this recording is here. While nobody has time for it that is forgotten."""
        if self.is_idle() and len(self._grown) < MOST_WAITING:
            self._grown[id] = None
            self._news.set()

    async def run(self) -> None:
        """Read one after the other."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._grown:
                id = next(iter(self._grown))
                del self._grown[id]
                if self.is_idle():
                    await self._tell(id)

    async def _tell(self, id: PartId) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS), self.turn(0.0) as came:
                part = await self._part(id) if came else None
                said = await self.read(part) if part else None
        except (Problem, TimeoutError) as trouble:
            log.info("interim text not read", part=id, reason=type(trouble).__name__)
            return
        if part is not None and said is not None and self.is_idle():  # it may have come to its end meanwhile
            await self.texts.say(_interim_of(part, said))

    async def _part(self, id: PartId) -> Part | None:
        """What still arrives, and no other worker reads now."""
        return await self.find(id) if await self.texts.take(id) else None


def _interim_of(part: Part, said: Utterance) -> Interim:
    return Interim(
        session_id=part.session_id,
        question_id=asked_in(part.question_id),
        take=part.take,
        index=said.number,
        start=round(said.start, 2),
        end=round(said.start + said.transcript.duration, 2),
        text=beginning(said.transcript.text, MOST_INTERIM_BYTES),
        call_id=part.call_id,
        side=part.side,
    )
