"""What Events promises, in memory and on MongoDB."""

import asyncio
from dataclasses import replace

import pytest

from services.errors import SessionNotFound
from services.events.model import MOST_KEPT, Event, EventType
from services.interviews.model import Answer, Evaluation, Mark, PartId, SessionId, Status
from services.interviews.transcript import Verdict
from tests.services.adapters.stores import ANN, BOB, Q1, Q2, ROOT, S1, Store, a_session

SCORE = Evaluation(score=80.0, scorer="coverage")


def an_answer(take: int = 1, rev: int = 1, status: Status = Status.QUEUED) -> Answer:
    return Answer(question_id=Q1, take=take, rev=rev, part_id=PartId("65f000000000000000000001"), status=status)


async def after(store: Store, cursor: int) -> tuple[Event, ...]:
    events = (await store.events.after(S1, cursor, ANN)).events
    assert events is not None
    return events


async def a_life(store: Store) -> None:
    await store.sessions.create(a_session())
    for rev, status in enumerate((Status.QUEUED, Status.PROCESSING, Status.COMPLETED), 1):
        mark = Mark.PENDING if status is Status.COMPLETED else None
        verdict = Verdict.INCOMPLETE if status is Status.COMPLETED else None
        await store.sessions.show(S1, replace(an_answer(1, rev, status), mark=mark, verdict=verdict))
    await store.sessions.score(S1, Q1, 1, SCORE)
    revision = (await store.sessions.get(S1, ANN)).revision
    assert await store.sessions.record_analysis(S1, revision, {"final_score": 80.0})


async def test_each_change_is_one_numbered_event(store: Store) -> None:
    await a_life(store)
    events = await after(store, 0)
    assert [event.number for event in events] == [1, 2, 3, 4, 5]
    assert [event.type.value for event in events] == [
        "answer.queued", "answer.processing", "answer.completed", "answer.scored", "session.analyzed",
    ]  # fmt: skip
    assert {(event.question_id, event.take) for event in events[:4]} == {(Q1, 1)}
    assert [event.verdict for event in events] == [None, None, Verdict.INCOMPLETE, None, None]
    assert (events[4].question_id, events[4].take, events[4].status) == (None, None, None)
    assert sorted(event.at for event in events) == [event.at for event in events]
    assert events[0].at.tzinfo is not None


async def test_only_what_came_after_the_cursor_is_told(store: Store) -> None:
    await a_life(store)
    whole = await after(store, 0)
    for cursor in range(6):
        news = await store.events.after(S1, cursor, ANN)
        assert news.events == whole[cursor:]
        assert news.session == await store.sessions.get(S1, ANN)
        assert news.session.cursor == 5


async def test_what_changes_nothing_is_no_event(store: Store) -> None:
    await a_life(store)
    await store.sessions.show(S1, an_answer(1, 2))
    await store.sessions.score(S1, Q1, 1, SCORE)
    revision = (await store.sessions.get(S1, ANN)).revision
    await store.sessions.record_analysis(S1, revision, {"final_score": 80.0})
    await store.sessions.record_analysis(S1, revision - 1, {"final_score": 1.0})
    await store.sessions.next_take(S1, Q2, ANN)
    assert await after(store, 5) == ()


async def test_an_analysis_of_a_changed_session_is_told_again(store: Store) -> None:
    await a_life(store)
    await store.sessions.show(S1, an_answer(take=2))
    revision = (await store.sessions.get(S1, ANN)).revision
    await store.sessions.record_analysis(S1, revision, {"final_score": None})
    assert [event.type for event in await after(store, 5)] == [EventType.QUEUED, EventType.ANALYZED]


async def test_changes_at_once_leave_no_gap_and_no_double(store: Store) -> None:
    await store.sessions.create(a_session())
    await asyncio.gather(*(store.sessions.show(S1, an_answer(take)) for take in range(1, 21)))
    events = await after(store, 0)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.take for event in events] == sorted({event.take or 0 for event in events})


@pytest.mark.parametrize("cursor", [6, 99, 10**12])
async def test_a_cursor_ahead_of_the_session_cannot_be_told(store: Store, cursor: int) -> None:
    await a_life(store)
    news = await store.events.after(S1, cursor, ANN)
    assert news.events is None and news.session.cursor == 5


async def test_what_is_no_longer_kept_cannot_be_told(store: Store) -> None:
    await store.sessions.create(a_session())
    for take in range(1, MOST_KEPT + 11):
        await store.sessions.show(S1, an_answer(take))
    assert (await store.events.after(S1, 9, ANN)).events is None
    assert len(await after(store, 10)) == MOST_KEPT


async def test_a_foreign_session_has_no_events(store: Store) -> None:
    await a_life(store)
    for id, viewer in ((S1, BOB), (SessionId("none"), ANN)):
        with pytest.raises(SessionNotFound):
            await store.events.after(id, 0, viewer)
    assert len((await store.events.after(S1, 0, ROOT)).events or ()) == 5


async def test_the_newest_numbers_of_many_sessions(store: Store) -> None:
    await a_life(store)
    other = SessionId("other")
    await store.sessions.create(replace(a_session(), id=other))
    assert await store.events.cursors([S1, other, SessionId("none")]) == {S1: 5, other: 0}
