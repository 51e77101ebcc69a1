"""Reading what is being said right now, by a worker that has nothing else to do, for who listens at this moment.

What is read is behind what is settled, costs no one a turn, and is kept nowhere: what it says is read again, and maybe
otherwise, when its stretch is listened to.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field

import structlog

from services.errors import Problem
from services.events.interim import MOST_INTERIM_BYTES, Interim, InterimTexts
from services.interviews.model import Part, PartId, asked_in, beginning
from services.interviews.transcript import Utterance
from services.transcription.tails import Tail

log = structlog.get_logger(__name__)

READ_SECONDS = 10.0
# One recording is read no more often, however short its pieces are.
APART_SECONDS = 0.5
# What was read of one is forgotten where no more comes for so long.
TAIL_SECONDS = 10.0
MOST_WAITING = 1_000


@dataclass(slots=True, kw_only=True)
class InterimReading:
    """One worker's part in it; `run` goes on for ever, and `grown` tells it of a recording of which more is here."""

    find: Callable[[PartId], Awaitable[Part | None]]
    read: Callable[[Part, Tail | None], Awaitable[Tail | None]]
    texts: InterimTexts
    turn: Callable[[float], AbstractAsyncContextManager[bool]]
    is_idle: Callable[[], bool]
    _grown: dict[PartId, None] = field(default_factory=dict, init=False)
    _due: dict[PartId, float] = field(default_factory=dict, init=False)
    _tails: dict[PartId, tuple[float, Tail]] = field(default_factory=dict, init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _worked: bool = field(default=False, init=False)

    def grown(self, id: PartId) -> None:
        """More of this recording is here: it is read as soon as there is time."""
        if len(self._grown) < MOST_WAITING:
            self._grown[id] = None
            self._news.set()

    def freed(self) -> None:
        """A job has ended: there may be time now, and more may be settled."""
        self._worked = True
        self._news.set()

    async def run(self) -> None:
        """Read one after the other."""
        while True:
            await self._anything()
            while self.is_idle() and (id := self._next()) is not None:
                del self._grown[id]
                self._due[id] = _now() + APART_SECONDS
                await self._tell(id)

    async def _anything(self) -> None:
        """Wait for news, or until what has grown may be read again."""
        self._due = {id: due for id, due in self._due.items() if due > _now()}
        self._tails = {id: tail for id, tail in self._tails.items() if tail[0] > _now()}
        waiting = [self._due.get(id, 0.0) for id in self._grown] if self.is_idle() else []
        ends = [ends for ends, _ in self._tails.values()]
        with suppress(TimeoutError):
            async with asyncio.timeout_at(min((*waiting, *ends), default=None)):
                await self._news.wait()
        self._news.clear()

    def _next(self) -> PartId | None:
        """Who has waited longest of those that may be read."""
        return next((id for id in self._grown if self._due.get(id, 0.0) <= _now()), None)

    async def _tell(self, id: PartId) -> None:
        self._worked = False
        try:
            async with asyncio.timeout(READ_SECONDS), self.turn(0.0) as came:
                part = await self._part(id) if came else None
                tail = await self.read(part, self._before(id)) if part else None
        except (Problem, TimeoutError) as trouble:
            log.info("interim text not read", part=id, reason=type(trouble).__name__)
            return
        if part is None or tail is None:
            return
        self._tails[id] = _now() + TAIL_SECONDS, tail
        if self.is_idle() and not self._worked:
            await self.texts.say(_interim_of(part, tail.said))
        else:  # what was read may be settled meanwhile
            self.grown(id)

    def _before(self, id: PartId) -> Tail | None:
        _, tail = self._tails.pop(id, (0.0, None))
        return tail

    async def _part(self, id: PartId) -> Part | None:
        """What still arrives, and no other worker reads now."""
        return await self.find(id) if await self.texts.take(id) else None


def _now() -> float:
    return asyncio.get_running_loop().time()


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
