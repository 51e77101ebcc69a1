"""When who listens to a recording while it arrives is rung for: a listener who cuts stretches, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from math import ceil

import pytest

from services.interviews.model import Part, PartId, QuestionId, SessionId, UserId
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import NEVER_DUE, Arriving, Listened, Plan
from services.recordings.ringing import LATE_SECONDS, LEAST_SECONDS, Ringing
from tests.fakes.workers import FakeDoorbell
from tests.virtual_time import hurried

ID = PartId("a" * 24)
MINUTES, PIECE_SECONDS, NEEDED_SECONDS, READ_SECONDS = 10, 1.0, 15.5, 0.5
CUTS = (9.0, 14.9, 11.2, 15.0, 9.3, 13.1, 9.0, 9.0)


def known() -> Known:
    part = Part(id=ID, session_id=SessionId("s"), question_id=QuestionId("q"), user_id=UserId("u"), take=1)
    return Known(Arriving(part=part, plan=Plan("tus"), expires_at=datetime.now(UTC)), 0, heard_at=0.0)


@dataclass
class Talk(FakeDoorbell):
    """A second of it comes each second; whoever is rung for reads all stretches that are here, and says what is due.

    Who has no time for it is rung for, and does nothing.
    """

    speed: float = 1.0
    has_time: bool = True
    sent: float = 0.0
    settled: float = 0.0
    listened: Listened = field(default_factory=Listened)
    known: Known = field(default_factory=known)
    cuts: Iterator[float] = field(default_factory=lambda: cycle(CUTS))
    lags: list[float] = field(default_factory=list)
    questions: list[float] = field(default_factory=list)
    rings: list[float] = field(default_factory=list)
    tasks: list[asyncio.Future[None]] = field(default_factory=list)

    async def speak(self, bytes_of: Callable[[int], int]) -> "Talk":
        clock = asyncio.get_running_loop().time
        ringing = Ringing(listened=self._asked, doorbell=self, start=self._start, closing=asyncio.Event(), clock=clock)
        for second in range(MINUTES * 60):
            await asyncio.sleep(PIECE_SECONDS / self.speed)
            self.sent += PIECE_SECONDS
            self.known.offset += bytes_of(second)
            ringing.kept(self.known)
            self.lags.append(self.sent - self.settled)
        return self

    async def transcribe(self, id: PartId, *, first: bool = False) -> bool:
        self.rings.append(self.sent)
        if self.has_time:
            self._start(self._listen())
        return True

    async def _listen(self) -> None:
        await asyncio.sleep(READ_SECONDS)
        while self.sent - self.settled >= NEEDED_SECONDS:
            self.settled += next(self.cuts)
        missing, offset = NEEDED_SECONDS - (self.sent - self.settled), self.known.offset
        self.listened = Listened(offset, self.sent, offset + ceil(missing * offset / self.sent))

    async def _asked(self, ids: Collection[PartId]) -> dict[PartId, Listened]:
        self.questions.append(self.sent)
        return dict.fromkeys(ids, self.listened)

    def _start(self, work: Awaitable[None]) -> asyncio.Future[None]:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]


@pytest.mark.parametrize("bytes_a_second", [500, 4_000, 8_000, 16_000, 176_400])
@hurried
async def test_a_stretch_is_read_as_soon_as_it_is_here(bytes_a_second: int) -> None:
    talk = await Talk().speak(lambda _: bytes_a_second)
    stretches = talk.settled / (sum(CUTS) / len(CUTS))
    assert max(talk.lags) <= NEEDED_SECONDS + LATE_SECONDS + 2 * PIECE_SECONDS, "also before it is known how fast"
    assert max(talk.lags[60:]) <= NEEDED_SECONDS + PIECE_SECONDS + READ_SECONDS
    assert len(talk.rings) <= stretches + 2
    assert len(talk.questions) <= 2 * stretches + 3


@hurried
async def test_what_comes_with_fewer_bytes_than_before_is_waited_for_no_longer_than_a_stretch() -> None:
    talk = await Talk().speak(lambda second: 6_000 if second // 40 % 2 else 2_000)
    assert max(talk.lags) <= NEEDED_SECONDS + LEAST_SECONDS + LATE_SECONDS


@hurried
async def test_what_comes_faster_than_it_is_spoken_is_asked_about_twice_a_second_at_most() -> None:
    talk = await Talk(speed=8.0).speak(lambda _: 6_000)
    assert len(talk.questions) <= 2 * MINUTES * 60 / talk.speed + 1
    assert max(talk.lags[60:]) <= NEEDED_SECONDS + PIECE_SECONDS + READ_SECONDS * talk.speed


@hurried
async def test_nobody_is_rung_for_again_and_again_where_nobody_listens() -> None:
    talk = await Talk(has_time=False).speak(lambda _: 6_000)
    assert len(talk.rings) <= MINUTES * 60 / 10


@hurried
async def test_what_was_put_off_without_a_due_is_tried_again_now_and_then() -> None:
    talk = await Talk(has_time=False, listened=Listened(0, 0.0, NEVER_DUE)).speak(lambda _: 6_000)
    assert MINUTES * 60 / 40 <= len(talk.rings) <= MINUTES * 60 / 15
