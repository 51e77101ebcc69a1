"""Whose chunks are made next."""

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.errors import UploadGone
from services.interviews.model import Part, PartId, QuestionId, SessionId, UserId
from services.recordings.folding_turns import MOST_REST_SECONDS, REST, FoldingTurns
from services.recordings.known_arrivals import Known
from services.recordings.ports.arrivals import Arriving, Plan
from services.recordings.ports.audio import CHUNK_BYTES
from tests.virtual_time import HurriedLoop

TAKES_SECONDS = 0.01


def filled(id: str, chunks: int = 1) -> Known:
    part = Part(id=PartId(id), session_id=SessionId("s"), question_id=QuestionId("q"), user_id=UserId("u"), take=1)
    arriving = Arriving(part=part, plan=Plan("tus"), expires_at=datetime.now(UTC))
    return Known(arriving, chunks * CHUNK_BYTES, heard_at=0.0)


@dataclass
class Chunks:
    """Chunks that take a while to be made; who had a turn, and when it began."""

    takes_seconds: float = TAKES_SECONDS
    made: list[tuple[str, float]] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    troubles: list[Exception] = field(default_factory=list)
    tasks: list[asyncio.Future[None]] = field(default_factory=list)

    def turns(self) -> FoldingTurns:
        clock = asyncio.get_running_loop().time
        return FoldingTurns(fold=self._fold, start=self._start, closing=self.closing, clock=clock)

    async def _fold(self, known: Known) -> None:
        self.made.append((known.arriving.part.id, round(asyncio.get_running_loop().time(), 6)))
        await asyncio.sleep(self.takes_seconds)
        if self.troubles:
            raise self.troubles.pop()
        known.arriving = replace(known.arriving, folded=known.offset // CHUNK_BYTES * CHUNK_BYTES)

    def _start(self, work: Awaitable[None]) -> asyncio.Future[None]:
        async def whole() -> None:
            await work

        self.tasks.append(asyncio.create_task(whole()))
        return self.tasks[-1]

    async def over(self) -> None:
        await asyncio.gather(*self.tasks, return_exceptions=True)


def made(work: Coroutine[Any, Any, Chunks]) -> list[tuple[str, float]]:
    return HurriedLoop.runs(work).made


@pytest.mark.parametrize(
    ("takes_seconds", "every"), [(0.01, 0.01 + 0.01 * REST), (1.0, 1.0 + MOST_REST_SECONDS)], ids=["short", "long"]
)
def test_those_that_filled_a_chunk_together_come_one_after_the_other_with_rests_between(
    takes_seconds: float, every: float
) -> None:
    async def together() -> Chunks:
        chunks = Chunks(takes_seconds)
        turns, known = chunks.turns(), [filled(id) for id in "abc"]
        for each in (*known, *known):
            turns.ask(each)
        assert all(each.folding is not None for each in known)
        await chunks.over()
        assert not any(each.full_chunks or each.folding for each in known)
        return chunks

    assert made(together()) == [(id, round(number * every, 6)) for number, id in enumerate("abc")]


def test_who_has_filled_more_than_one_comes_next_and_without_a_rest_before_or_between() -> None:
    async def behind() -> Chunks:
        chunks = Chunks()
        turns, slow = chunks.turns(), [filled(id) for id in "abc"]
        for each in slow:
            turns.ask(each)
        await asyncio.sleep(TAKES_SECONDS * 1.5)  # in the rest behind the first
        slow[2].offset += CHUNK_BYTES
        for each in (slow[2], filled("d", 3)):
            turns.ask(each)
        await chunks.over()
        return chunks

    assert made(behind()) == [("a", 0.0), ("c", 0.015), ("d", 0.025), ("b", 0.025 + TAKES_SECONDS * (1 + REST))]


def test_who_is_waited_for_is_told_when_its_chunks_are_made_or_cannot_be() -> None:
    async def waited() -> Chunks:
        chunks = Chunks(troubles=[UploadGone()])
        turns, first, second = chunks.turns(), filled("a"), filled("b")
        for each in (first, second):
            turns.ask(each)
        assert first.folding is not None
        await asyncio.wait((first.folding,))
        assert first.full_chunks == 1
        turns.ask(first)
        await chunks.over()
        assert (first.full_chunks, second.full_chunks) == (0, 0)
        return chunks

    assert [id for id, _ in made(waited())] == ["a", "b", "a"]


def test_nobody_rests_while_it_is_closing() -> None:
    async def closing() -> Chunks:
        chunks = Chunks()
        turns = chunks.turns()
        for id in "abc":
            turns.ask(filled(id))
        await asyncio.sleep(TAKES_SECONDS * 2)
        chunks.closing.set()
        turns.hurry()
        await chunks.over()
        return chunks

    assert made(closing()) == [("a", 0.0), ("b", 0.02), ("c", 0.03)]


def test_who_was_forgotten_and_is_known_anew_takes_nobodys_turn() -> None:
    async def anew() -> Chunks:
        chunks = Chunks()
        turns, forgotten = chunks.turns(), filled("a")
        for known in (filled("b"), forgotten, filled("a")):
            turns.ask(known)
        waited = forgotten.folding
        assert waited is not None
        await chunks.over()
        assert waited.done()
        return chunks

    assert [id for id, _ in made(anew())] == ["b", "a", "a"]
