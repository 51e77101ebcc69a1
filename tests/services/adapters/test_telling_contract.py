"""What is told of a recording before its end, in memory and on MongoDB."""

import asyncio
from dataclasses import replace

import pytest

from services.events.model import MOST_KEPT, Event, EventType
from services.interviews.model import (
    Answer,
    CallId,
    CallSide,
    Checkpoint,
    Part,
    PartState,
    Stage,
    Status,
    answer_of,
    aside_of,
)
from services.interviews.spoken import Spoken
from tests.services.adapters.stores import ANN, Q1, S1, Store, a_part, a_session


def said(index: int, text: str = "$so") -> Spoken:
    return Spoken(index=index, start=16.0 * index, end=16.0 * (index + 1), text=text, speech_ratio=0.5)


def heard(part: Part, count: int) -> Part:
    return replace(part, rev=part.rev + count, checkpoint=Checkpoint(stretches=count, seconds=16.0 * count))


async def live(store: Store, take: int = 1) -> Part:
    await store.sessions.create(a_session())
    return replace(a_part(take), rev=3, estimated_seconds=20.0)


async def in_work(store: Store, take: int = 1) -> Part:
    part = replace(await live(store, take), state=PartState.PROCESSING)
    assert await store.sessions.show(S1, answer_of(part))
    return part


async def shown(store: Store) -> Answer | None:
    return (await store.sessions.get(S1, ANN)).shown.get(Q1)


async def told(store: Store) -> list[Event]:
    events = (await store.events.after(S1, 0, ANN)).events
    assert events is not None
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    return [event for event in events if event.type in (EventType.UTTERANCE, EventType.DROPPED)]


async def test_an_utterance_is_an_event_and_shows_how_far_it_is(store: Store) -> None:
    part = await in_work(store)
    before = await store.sessions.get(S1, ANN)
    assert await store.sessions.tell(heard(part, 1), [said(0)]) == 1
    (event,) = await told(store)
    assert (event.spoken, event.question_id, event.take, event.status) == (said(0), Q1, 1, Status.PROCESSING)
    now = await store.sessions.get(S1, ANN)
    assert (now.cursor, now.revision > before.revision) == (before.cursor + 1, True)
    answer = now.answers[Q1]
    assert (answer.stage, answer.received_seconds, answer.transcribed_seconds) == (Stage.LISTENING, 20.0, 16.0)
    assert answer.rev > before.answers[Q1].rev
    assert (await store.events.after(S1, now.cursor, ANN)).session == now


async def test_what_is_told_twice_is_told_once(store: Store) -> None:
    part = await in_work(store)
    for _ in range(2):
        assert await store.sessions.tell(heard(part, 1), [said(0)]) == 1
    await asyncio.gather(*(store.sessions.tell(heard(part, 2), [said(1)]) for _ in range(5)))
    assert [event.spoken and event.spoken.index for event in await told(store)] == [0, 1]


async def test_what_is_missing_before_is_named_and_then_told_at_once(store: Store) -> None:
    part = await in_work(store)
    assert await store.sessions.tell(heard(part, 3), [said(2)]) == 0
    assert await store.sessions.tell(heard(part, 3), [said(0), said(1), said(2)]) == 3
    assert [event.spoken for event in await told(store)] == [said(0), said(1), said(2)]


async def test_a_recording_that_arrives_is_shown_while_somebody_listens(store: Store) -> None:
    part = await live(store)
    assert await shown(store) is None
    assert await store.sessions.tell(heard(part, 1), [said(0)]) == 1
    answer = await shown(store)
    assert answer is not None
    assert (answer.status, answer.stage, answer.take, answer.part_id) == (
        Status.PROCESSING, Stage.RECORDING, 1, part.id,
    )  # fmt: skip
    assert (answer.received_seconds, answer.transcribed_seconds, answer.transcript) == (20.0, 16.0, None)


async def test_a_call_that_goes_on_is_shown_with_its_id(store: Store) -> None:
    part = replace(await live(store), state=PartState.UPLOADING, call_id=CallId("a-call"), side=CallSide.LEFT)
    assert await store.sessions.tell(heard(part, 1), [said(0)]) == 1
    answer = await shown(store)
    assert answer is not None
    assert (answer.stage, answer.call_id) == (Stage.RECORDING, "a-call")


async def test_what_was_told_of_a_recording_stands_when_it_is_queued(store: Store) -> None:
    part = await live(store)
    await store.sessions.tell(heard(part, 2), [said(0), said(1)])
    queued = replace(heard(part, 2), rev=9, state=PartState.QUEUED)
    assert await store.sessions.show(S1, answer_of(queued))
    answer = await shown(store)
    assert answer is not None
    assert (answer.status, answer.stage, answer.transcribed_seconds) == (Status.QUEUED, Stage.WAITING, 32.0)
    assert await store.sessions.tell(replace(heard(queued, 3), state=PartState.PROCESSING), [said(2)]) == 3


async def test_an_older_answer_comes_back_when_its_successor_is_dropped(store: Store) -> None:
    part = await in_work(store)
    older = await shown(store)
    newer = replace(a_part(take=2), rev=1)
    assert await store.sessions.tell(heard(newer, 1), [said(0)]) == 1
    now = await shown(store)
    assert now is not None and (now.take, now.stage) == (2, Stage.RECORDING)
    assert await store.sessions.tell(heard(part, 1), [said(0)]) is None
    assert await store.sessions.unsay(replace(heard(newer, 1), state=PartState.ABORTED))
    assert await shown(store) == older


@pytest.mark.parametrize("state", [PartState.ABORTED, PartState.SUPERSEDED])
async def test_what_was_told_of_a_dropped_recording_is_gone(store: Store, state: PartState) -> None:
    part = await live(store)
    await store.sessions.tell(heard(part, 2), [said(0), said(1)])
    dropped = replace(heard(part, 2), state=state)
    assert await store.sessions.unsay(dropped)
    *utterances, over = await told(store)
    assert [event.spoken for event in utterances] == [said(0, ""), said(1, "")]
    assert (over.type, over.question_id, over.take, over.status) == (EventType.DROPPED, Q1, 1, None)
    assert await shown(store) is None
    assert not await store.sessions.unsay(dropped)
    assert await store.sessions.tell(heard(part, 3), [said(2)]) is None
    assert len(await told(store)) == 3


async def test_who_was_not_told_of_yet_is_never_told_of_once_dropped(store: Store) -> None:
    part = await live(store)
    await store.sessions.unsay(replace(heard(part, 1), state=PartState.ABORTED))
    assert await store.sessions.tell(heard(part, 1), [said(0)]) is None
    assert await told(store) == []


async def test_what_is_unsaid_of_an_older_take_leaves_the_newer_one(store: Store) -> None:
    old = await live(store)
    await store.sessions.tell(heard(old, 1), [said(0, "old")])
    new = replace(a_part(take=2), rev=1)
    await store.sessions.tell(heard(new, 1), [said(0, "new")])
    assert await store.sessions.unsay(replace(heard(old, 1), state=PartState.SUPERSEDED))
    assert [event.spoken.text for event in await told(store) if event.spoken] == ["", "new"]
    assert await store.sessions.tell(heard(new, 2), [said(1)]) == 2


@pytest.mark.parametrize("state", [PartState.COMPLETED, PartState.FAILED])
async def test_nothing_is_told_after_the_end(store: Store, state: PartState) -> None:
    part = await in_work(store)
    await store.sessions.show(S1, answer_of(replace(part, rev=5, state=state)))
    assert await store.sessions.tell(heard(part, 1), [said(0)]) is None


async def test_a_recording_that_failed_is_unsaid_without_another_event(store: Store) -> None:
    part = await in_work(store)
    await store.sessions.tell(heard(part, 1), [said(0)])
    await store.sessions.unsay(replace(heard(part, 1), state=PartState.FAILED))
    assert [event.spoken for event in await told(store)] == [said(0, "")]


async def test_of_a_session_that_is_not_there_nothing_is_told(store: Store) -> None:
    part = a_part()
    assert await store.sessions.tell(heard(part, 1), [said(0)]) is None
    assert not await store.sessions.unsay(replace(heard(part, 1), state=PartState.ABORTED))


async def test_the_same_recording_that_came_again_goes_on_where_it_was(store: Store) -> None:
    part = await in_work(store)
    await store.sessions.tell(heard(part, 1), [said(0)])
    raised = replace(heard(part, 2), take=2)
    await store.sessions.show(S1, answer_of(raised))
    assert await store.sessions.tell(replace(raised, rev=9), [said(1)]) == 2


async def test_the_log_stays_within_its_bounds(store: Store) -> None:
    part = await in_work(store)
    for start in range(0, 600, 50):
        await store.sessions.tell(heard(part, start + 50), [said(n) for n in range(start, start + 50)])
    session = await store.sessions.get(S1, ANN)
    events = (await store.events.after(S1, session.cursor - MOST_KEPT, ANN)).events
    assert events is not None and len(events) == MOST_KEPT
    assert (await store.events.after(S1, session.cursor - MOST_KEPT - 1, ANN)).events is None


async def test_the_right_side_of_a_call_is_told_as_such_and_is_no_answer(store: Store) -> None:
    await in_work(store)
    before = await shown(store)
    part = replace(a_part(), question_id=aside_of(Q1), side=CallSide.RIGHT, call_id=CallId("a-call"), rev=3)
    assert await store.sessions.tell(heard(part, 1), [said(0)]) == 1
    (event,) = await told(store)
    assert (event.question_id, event.side, event.call_id, event.spoken) == (Q1, CallSide.RIGHT, "a-call", said(0))
    assert await shown(store) == before
    assert await store.sessions.unsay(replace(heard(part, 1), state=PartState.ABORTED))
    *_, over = await told(store)
    assert (over.type, over.side) == (EventType.DROPPED, CallSide.RIGHT)
    done = replace(a_part(), question_id=aside_of(Q1), side=CallSide.RIGHT, take=2, rev=9, state=PartState.COMPLETED)
    await store.sessions.show(S1, answer_of(done))
    assert await store.sessions.tell(replace(heard(done, 1), rev=5), [said(0)]) is None
