"""What is settled of a recording stretch by stretch, in memory and on MongoDB."""

from dataclasses import replace

import pytest

from services.interviews.erasable import ErasureId, OfSession
from services.interviews.language import Language
from services.interviews.model import Checkpoint, Failure, Part, PartState
from services.interviews.transcript import Segment, Span, Transcript, Utterance, Word
from tests.services.adapters.stores import ANN, TERMS, Store

WORDS = (Word(text="$so", start=240.0, end=240.5, probability=0.9),)
TROUBLE = Failure("engine_busy", "$busy")


def said(number: int, text: str = "$so") -> Utterance:
    segment = Segment(text=text, start=240.0, end=240.5, words=WORDS)
    transcript = Transcript(text=text, language=Language("en"), duration=1.5, segments=(segment,), engine="$local")
    return Utterance(number=number, start=240.0 * number, transcript=transcript, heard=(Span(240.0, 240.6),))


def after(number: int) -> Checkpoint:
    samples = 16_000 * 240 * (number + 1)
    return Checkpoint(
        stretches=number + 1,
        samples=samples,
        seconds=samples / 16_000,
        plan=b'["$plan"]',
        voice=b"\0\xff",
        language=Language("en"),
    )


async def settled(store: Store, part: Part, *numbers: int) -> Part:
    for number in numbers:
        now = await store.claims.settle(part, said(number), after(number))
        assert now is not None
        part = now
    return part


async def test_what_is_settled_is_there_with_how_far_it_is(store: Store) -> None:
    claimed = await store.claimed()
    assert claimed.checkpoint is None
    part = await settled(store, claimed, 0, 1)
    assert (part.checkpoint, part.state, part.fence) == (after(1), PartState.PROCESSING, claimed.fence)
    assert await store.records.get(part.id) == part
    assert await store.utterances.settled(part.id) == [said(0), said(1)]
    assert [await store.utterances.get(part.id, number) for number in (0, 1, 2)] == [said(0), said(1), None]


async def test_settling_may_be_repeated(store: Store) -> None:
    claimed = await store.claimed()
    await settled(store, claimed, 0, 0)
    assert await store.utterances.settled(claimed.id) == [said(0)]


async def test_who_goes_on_goes_on_from_there_and_begins_to_count_anew(store: Store) -> None:
    first = await store.claimed()
    await store.claims.wait(first.id, first.fence, TROUBLE, 0.0)
    again = await store.claims.claim(first.id, "again")
    assert again is not None
    part = await settled(store, again, 0)
    assert (part.deliveries, part.waited_seconds, part.failure) == (1, 0.0, None)
    await store.passes(TERMS.lease_seconds + 1)
    second = await store.claims.claim(part.id, "second")
    assert second is not None and (second.checkpoint, second.deliveries) == (after(0), 2)
    released = await store.claims.release(second.id, second.fence)
    assert released is not None and released.checkpoint == after(0)


async def test_settling_keeps_the_claim(store: Store) -> None:
    part = await store.claimed()
    for number in range(3):
        await store.passes(TERMS.lease_seconds * 0.6)
        part = await settled(store, part, number)
    assert await store.upkeep.reclaim() == []


async def test_who_lost_the_claim_settles_nothing(store: Store) -> None:
    first = await store.claimed()
    await store.passes(TERMS.lease_seconds + 1)
    second = await store.claims.claim(first.id, "second")
    assert second is not None
    late = said(0, "said by who had lost the claim")
    assert await store.claims.settle(first, late, after(0)) is None
    assert await store.utterances.settled(first.id) == []
    part = await settled(store, second, 0)
    assert await store.claims.settle(first, late, after(0)) is None
    assert await store.utterances.settled(first.id) == [said(0)]
    assert await store.records.get(first.id) == part


@pytest.mark.parametrize("number", [0, 1])
async def test_what_was_left_on_the_way_to_a_record_is_not_settled(store: Store, number: int) -> None:
    """As if a worker died between the two."""
    part = await store.claimed()
    stray = replace(part, fence=part.fence)
    await settled(store, part, *range(number))
    assert await store.claims.settle(replace(stray, fence=99), said(number), after(number)) is None
    assert len(await store.utterances.settled(part.id)) == number


async def test_what_is_forgotten_is_gone_and_so_is_how_far_it_was(store: Store) -> None:
    part = await settled(store, await store.claimed(), 0, 1)
    await store.utterances.forget(part.id)
    assert await store.utterances.settled(part.id) == []
    kept = await store.records.get(part.id)
    assert kept is not None and kept.checkpoint is not None, "only what has ended has no way to go"
    ended = await store.claims.fail(part.id, part.fence, TROUBLE, keep_audio=False)
    assert ended is not None and ended.checkpoint is not None
    await store.utterances.forget(part.id)
    gone = await store.records.get(part.id)
    assert gone == replace(ended, checkpoint=None)


async def test_strays_are_those_that_no_record_needs(store: Store) -> None:
    working = await settled(store, await store.claimed(1), 0)
    kept = await settled(store, await store.claimed(2), 0)
    await store.claims.fail(kept.id, kept.fence, TROUBLE, keep_audio=True)
    given_up = await settled(store, await store.claimed(3), 0, 1)
    await store.claims.fail(given_up.id, given_up.fence, TROUBLE, keep_audio=False)
    forgotten = await settled(store, await store.claimed(4), 0)
    await store.records.forget(forgotten.id)
    assert await store.utterances.strays() == sorted([given_up.id, forgotten.id])
    for id in (given_up.id, forgotten.id):
        await store.utterances.forget(id)
    assert await store.utterances.strays() == []
    assert await store.utterances.settled(working.id) == [said(0)]
    assert await store.utterances.settled(kept.id) == [said(0)]


async def test_an_operators_retry_goes_on_from_there(store: Store) -> None:
    part = await settled(store, await store.claimed(), 0)
    await store.claims.fail(part.id, part.fence, TROUBLE, keep_audio=True)
    retried = await store.interventions.retry(part.id)
    assert retried is not None and retried.checkpoint == after(0)


async def test_what_is_said_goes_with_its_session(store: Store) -> None:
    part = await settled(store, await store.claimed(), 0)
    about = OfSession(erasure=ErasureId("e"), session_id=part.session_id, user_id=ANN.user_id)
    assert (await store.leftovers.found(about))["utterances"] == 1
    await store.leftovers.erase(about)
    assert "utterances" not in await store.leftovers.found(about)
