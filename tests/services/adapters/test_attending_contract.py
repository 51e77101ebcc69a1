"""Listening to what still arrives: who may, when that is due, and how it ends; in memory and on MongoDB."""

from dataclasses import replace

import pytest

from services.interviews.language import Language
from services.interviews.model import Checkpoint, Entry, Failure, Part, PartState
from services.interviews.transcript import Transcript, Utterance
from services.recordings.ports.arrivals import NEVER_DUE, NOWHERE, Listened, Plan
from tests.services.adapters.stores import S1, TERMS, Store, a_part

SAID = Transcript(text="$so", language=Language("en"), duration=1.5, engine="$local")
CHECKPOINT = Checkpoint(
    stretches=1,
    samples=16_000,
    seconds=1.0,
    plan=b"[0.5]",
    voice=b"\xff",
    language=Language("en"),
    entry=Entry(offset=900, samples=12_000, head=10, head_end=200),
)
SHORT = Listened(seen=1000, seconds=4.0, due=5000)


def said(number: int = 0) -> Utterance:
    return Utterance(number=number, start=float(number), transcript=SAID)


async def arriving(store: Store, **what: object) -> Part:
    part = replace(a_part(), **what)  # type: ignore[arg-type]
    return (await store.arriving.begin(part, Plan("tus"))).part


async def attended(store: Store, part: Part | None = None, received: int = 1000, owner: str = "$w") -> Part:
    listening = await store.claims.attend((part or await arriving(store)).id, owner, received)
    assert listening is not None
    return listening


async def queued(store: Store, part: Part) -> Part:
    await store.arriving.close(part.id)
    accepted = await store.uploads.accept(part.id, "5ha", 9000)
    assert accepted is not None
    return accepted


async def test_who_listens_has_it_alone_while_it_arrives_on(store: Store) -> None:
    part = await arriving(store)
    listening = await attended(store, part)
    assert (listening.state, listening.listener) == (PartState.UPLOADING, "$w")
    assert (listening.fence, listening.deliveries) == (part.fence + 1, 0)
    assert await store.claims.attend(part.id, "another", 10**9) is None
    assert await store.claims.claim(part.id, "another") is None


async def test_nobody_listens_to_what_answers_nothing_yet_or_takes_nothing_more_or_comes_at_once_or_has_two_sides(
    store: Store,
) -> None:
    unplaced = await arriving(store, session_id=NOWHERE)
    closed = await arriving(store, take=2)
    await store.arriving.close(closed.id)
    await store.uploads.begin(whole := a_part(take=3))
    two_sided = await arriving(store, take=5, channels=2)
    for part in (unplaced, closed, whole, two_sided, await store.queued(4)):
        assert await store.claims.attend(part.id, "$w", 10**9) is None


async def test_it_is_due_by_bytes_or_once_there_is_more_and_time_has_passed(store: Store) -> None:
    part = await attended(store)
    assert (await store.claims.let_go(part, SHORT, 20.0)) == replace(part, rev=part.rev + 1, listener=None)
    known = await store.arriving.find(part.id)
    assert known is not None and known.listened == SHORT
    assert await store.arriving.listened([part.id]) == {part.id: SHORT}
    assert await store.claims.attend(part.id, "$w", 4999) is None
    by_bytes = await attended(store, part, 5000)
    await store.claims.let_go(by_bytes, SHORT, 20.0)
    await store.passes(21.0)
    assert await store.claims.attend(part.id, "$w", 1000) is None, "there is no more than was seen"
    await attended(store, part, 1001)


async def test_what_is_never_due_is_not(store: Store) -> None:
    part = await attended(store)
    await store.claims.let_go(part, Listened(seen=NEVER_DUE, due=NEVER_DUE), 0.0)
    await store.passes(10_000.0)
    assert await store.claims.attend(part.id, "$w", 10**12) is None


async def test_a_stretch_is_settled_while_it_arrives(store: Store) -> None:
    part = await attended(store)
    settled = await store.claims.settle(part, said(), CHECKPOINT)
    assert settled == replace(part, rev=part.rev + 1, checkpoint=CHECKPOINT)
    assert await store.records.get(part.id) == settled
    assert await store.utterances.settled(part.id) == [said()]


async def test_once_it_is_queued_the_listener_settles_and_lets_go_before_it_is_claimed(store: Store) -> None:
    part = await attended(store)
    accepted = await queued(store, part)
    assert (accepted.fence, accepted.listener) == (part.fence, "$w")
    assert await store.claims.claim(part.id, "another") is None
    assert await store.claims.beat(part.id, part.fence)
    settled = await store.claims.settle(part, said(), CHECKPOINT)
    assert settled is not None and settled.state is PartState.QUEUED
    left = await store.claims.let_go(settled, SHORT, 0.0)
    assert left is not None and left.state is PartState.QUEUED
    claimed = await store.claims.claim(part.id, "another")
    assert claimed is not None
    assert (claimed.fence, claimed.deliveries, claimed.checkpoint) == (part.fence + 1, 1, CHECKPOINT)
    assert claimed.listener is None


@pytest.mark.parametrize("is_queued", [False, True])
async def test_a_listener_that_falls_silent_loses_it(store: Store, is_queued: bool) -> None:
    part = await attended(store)
    if is_queued:
        await queued(store, part)
    await store.passes(TERMS.lease_seconds * 0.6)
    assert await store.claims.beat(part.id, part.fence)
    await store.passes(TERMS.lease_seconds * 0.6)
    assert await store.claims.attend(part.id, "another", 10**9) is None
    assert await store.claims.claim(part.id, "another") is None
    await store.passes(TERMS.lease_seconds * 0.6)
    if is_queued:
        taken = await store.claims.claim(part.id, "another")
    else:
        taken = await store.claims.attend(part.id, "another", 1000)
    assert taken is not None and taken.fence == part.fence + 1
    assert not await store.claims.beat(part.id, part.fence)
    assert await store.claims.settle(part, said(), CHECKPOINT) is None
    assert await store.claims.let_go(part, SHORT, 0.0) is None
    assert await store.utterances.settled(part.id) == []


async def test_after_so_many_that_failed_it_is_left_until_it_is_complete(store: Store) -> None:
    part = await arriving(store)
    for number in range(TERMS.max_deliveries):
        listening = await attended(store, part)
        if number % 2:
            await store.passes(TERMS.lease_seconds + 1)
        else:
            await store.claims.let_go(listening, Listened(), 0.0, failed=True)
    assert await store.claims.attend(part.id, "$w", 10**9) is None
    await queued(store, part)
    await store.passes(TERMS.lease_seconds + 1)
    claimed = await store.claims.claim(part.id, "another")
    assert claimed is not None and claimed.deliveries == 1


async def test_a_settled_stretch_lets_it_be_tried_as_often_again(store: Store) -> None:
    part = await arriving(store)
    for _ in range(2 * TERMS.max_deliveries):
        listening = await attended(store, part)
        await store.claims.settle(listening, said(), CHECKPOINT)
        await store.passes(TERMS.lease_seconds + 1)


async def test_what_is_given_up_takes_nothing_of_its_listener(store: Store) -> None:
    part = await attended(store)
    assert await store.claims.settle(part, said(), CHECKPOINT) is not None
    assert await store.uploads.stop(part.id) is not None
    await store.utterances.forget(part.id)
    assert not await store.claims.beat(part.id, part.fence)
    assert await store.claims.settle(part, said(1), CHECKPOINT) is None
    assert await store.claims.let_go(part, SHORT, 0.0) is None
    assert await store.utterances.strays() == []


async def test_a_newer_take_ends_what_its_listener_has_not_let_go(store: Store) -> None:
    part = await attended(store)
    await queued(store, part)
    assert [old.id for old in await store.uploads.supersede(S1, part.question_id, 2)] == [part.id]
    assert await store.claims.settle(part, said(), CHECKPOINT) is None
    assert await store.utterances.strays() == []


async def test_a_late_word_of_a_lost_claim_takes_nothing_away_that_is_settled(store: Store) -> None:
    part = await store.claimed()
    assert await store.claims.settle(part, said(), CHECKPOINT) is not None
    await store.claims.again(part.id, part.fence, Failure("engine_busy", "$busy"), 0.0)
    assert await store.claims.settle(part, said(), CHECKPOINT) is None
    assert await store.utterances.settled(part.id) == [said()]


async def test_the_sweep_finds_what_came_and_nobody_listened_to(store: Store) -> None:
    part = await arriving(store)
    quiet = await attended(store, await arriving(store, take=2))
    await store.claims.let_go(quiet, SHORT, 10.0)
    assert await store.upkeep.unheard(10) == [], "its ring may still be heard"
    await store.passes(TERMS.ring_again_seconds + 1)
    assert await store.upkeep.unheard(10) == [], "nothing of it has come"
    assert not await store.upkeep.is_needed(24.0)
    await store.arriving.heard([part.id])
    assert await store.upkeep.is_needed(24.0)
    assert (await store.upkeep.survey(24.0)).unheard == 1
    assert await store.upkeep.unheard(10) == [part.id]
    assert await store.upkeep.unheard(10) == [], "it was rung for just now"
    await store.passes(TERMS.ring_again_seconds + 11)
    await store.arriving.heard([part.id, quiet.id])
    assert sorted(await store.upkeep.unheard(10)) == sorted([part.id, quiet.id])


async def test_the_sweep_finds_whose_listener_fell_silent(store: Store) -> None:
    part = await attended(store)
    await store.arriving.heard([part.id])
    await store.passes(TERMS.lease_seconds - 1)
    assert await store.upkeep.unheard(10) == []
    await store.passes(2)
    assert await store.upkeep.unheard(10) == [part.id]
    await store.arriving.close(part.id)
    await store.passes(TERMS.ring_again_seconds + 1)
    assert await store.upkeep.unheard(10) == []


async def test_how_far_listening_is_behind_is_told(store: Store) -> None:
    part = await attended(store)
    await store.claims.let_go(part, SHORT, 10.0)
    await store.passes(100.0)
    assert (await store.gauges.read()).arriving.behind_seconds == 0.0, "nothing came since"
    await store.arriving.heard([part.id])
    assert 89 <= (await store.gauges.read()).arriving.behind_seconds < 100
    assert await store.backlog.ahead(None) == 1, "whoever asks how long it takes is told of it too"
    await attended(store, part, 1001)
    assert (await store.gauges.read()).arriving.behind_seconds == 0.0, "somebody listens"
    assert await store.backlog.ahead(None) == 0
    other = await arriving(store, take=2)
    await store.passes(50.0)
    assert (await store.gauges.read()).arriving.behind_seconds == 0.0, "nothing of it has come"
    await store.arriving.heard([other.id])
    assert 29 <= (await store.gauges.read()).arriving.behind_seconds < 60
