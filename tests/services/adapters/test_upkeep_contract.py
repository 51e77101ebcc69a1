"""What Upkeep promises, in memory and on MongoDB."""

import asyncio

import pytest

from services.interviews.model import Failure, Part, PartId, PartState
from services.interviews.transcript import silence
from services.operations.ports.upkeep import Findings
from tests.services.adapters.stores import TERMS, Store, a_part

LOST = Failure("worker_lost", "They stopped.")
NONE = PartId("65f0000000000000000000ff")


async def used_up(store: Store) -> Part:
    """In work for the last time that is allowed."""
    part = await store.claimed()
    for _ in range(TERMS.max_deliveries - 1):
        await store.passes(TERMS.lease_seconds + 1)
        again = await store.claims.claim(part.id, "worker")
        assert again is not None
        part = again
    return part


async def failed(store: Store) -> Part:
    claimed = await store.claimed()
    part = await store.claims.fail(claimed.id, claimed.fence, LOST, keep_audio=True)
    assert part is not None
    return part


async def test_a_ring_is_given_its_time(store: Store) -> None:
    queued = await store.queued()
    assert await store.upkeep.due(10) == []
    assert await store.upkeep.count_due() == 1
    await store.passes(TERMS.ring_again_seconds + 1)
    assert await store.upkeep.due(10) == [queued.id]
    assert await store.upkeep.due(10) == []


async def test_who_waits_longest_is_rung_first(store: Store) -> None:
    ids = []
    for _ in range(3):
        ids.append((await store.queued()).id)
        await store.passes(1)
    await store.passes(TERMS.ring_again_seconds)
    assert await store.upkeep.due(1) == ids[:1]
    assert await store.upkeep.due(2) == ids[1:]
    assert await store.upkeep.due(1) == []
    assert await store.upkeep.count_due() == 3
    assert await store.upkeep.count_due(2) == 2


async def test_what_is_in_work_is_not_due(store: Store) -> None:
    await store.claimed()
    await store.passes(TERMS.lease_seconds * 2)
    assert await store.upkeep.due(10) == []
    assert await store.upkeep.count_due() == 0


async def test_a_silent_workers_part_is_queued_again(store: Store) -> None:
    claimed = await store.claimed()
    assert await store.upkeep.reclaim() == []
    assert not await store.upkeep.is_needed(1.0)
    await store.passes(TERMS.lease_seconds + 1)
    assert await store.upkeep.is_needed(1.0)
    (queued,) = await store.upkeep.reclaim()
    assert (queued.id, queued.state, queued.deliveries) == (claimed.id, PartState.QUEUED, 1)
    assert queued.fence > claimed.fence
    assert await store.claims.complete(claimed.id, claimed.fence, silence(1.0)) is None
    assert await store.upkeep.reclaim() == []
    assert not await store.upkeep.is_needed(1.0), "a waiting answer is rung for, and no more"


async def test_sweeps_at_once_take_a_part_back_once(store: Store) -> None:
    await store.claimed()
    await store.passes(TERMS.lease_seconds + 1)
    found = await asyncio.gather(*(store.upkeep.reclaim() for _ in range(3)))
    assert sorted(len(parts) for parts in found) == [0, 0, 1]


async def test_a_part_that_used_up_its_deliveries_fails(store: Store) -> None:
    part = await used_up(store)
    assert await store.upkeep.bury(LOST) == []
    assert not await store.upkeep.is_needed(1.0)
    await store.passes(TERMS.lease_seconds + 1)
    assert await store.upkeep.reclaim() == []
    assert await store.upkeep.is_needed(1.0)
    (buried,) = await store.upkeep.bury(LOST)
    assert (buried.id, buried.state, buried.failure, buried.keep_audio) == (part.id, PartState.FAILED, LOST, True)
    assert await store.claims.complete(part.id, part.fence, silence(1.0)) is None
    assert await store.upkeep.bury(LOST) == []


async def test_what_waits_and_can_never_be_claimed_fails_too(store: Store) -> None:
    part = await used_up(store)
    assert await store.claims.again(part.id, part.fence, LOST, 0) is not None
    assert (await store.upkeep.survey(1.0)).exhausted == 1
    assert await store.upkeep.is_needed(1.0)
    (buried,) = await store.upkeep.bury(LOST)
    assert (buried.id, buried.state) == (part.id, PartState.FAILED)


async def test_an_upload_that_fell_silent_is_given_up(store: Store) -> None:
    part, touched = a_part(), a_part()
    for each in (part, touched):
        await store.uploads.begin(each)
    await store.passes(TERMS.upload_silence_seconds * 0.6)
    assert await store.uploads.touch([touched.id]) == set()
    assert not await store.upkeep.is_needed(1.0)
    await store.passes(TERMS.upload_silence_seconds * 0.6)
    assert await store.upkeep.is_needed(1.0)
    (aborted,) = await store.upkeep.abandon()
    assert (aborted.id, aborted.state) == (part.id, PartState.ABORTED)
    assert await store.uploads.touch([touched.id, part.id]) == {part.id}
    assert await store.uploads.accept(part.id, "5ha", 7) is None


async def test_a_pass_that_was_just_begun_is_not_begun_again(store: Store) -> None:
    assert [await store.upkeep.take_turn("sweep", 300) for _ in range(3)] == [True, False, False]
    assert await store.upkeep.take_turn("audit", 3000)
    await store.passes(301)
    assert [await store.upkeep.take_turn("sweep", 300) for _ in range(2)] == [True, False]
    at_once = await asyncio.gather(*(store.upkeep.take_turn("other", 300) for _ in range(9)))
    assert at_once.count(True) == 1


async def test_a_clock_that_was_set_back_keeps_no_pass_from_beginning(store: Store) -> None:
    assert await store.upkeep.take_turn("sweep", 5)
    await store.passes(-3600)
    assert [await store.upkeep.take_turn("sweep", 5) for _ in range(2)] == [True, False]


async def test_an_end_that_is_put_off_makes_room_for_others_and_comes_again(store: Store) -> None:
    done = await store.claimed()
    await store.claims.complete(done.id, done.fence, silence(1.0))
    await store.passes(TERMS.settle_grace_seconds + 1)
    await store.upkeep.put_off(done.id, 300)
    assert await store.upkeep.unsettled() == []
    await store.passes(301)
    (again,) = await store.upkeep.unsettled()
    assert await store.closings.settle(again.id, again.rev, None)
    await store.upkeep.put_off(done.id, 300)
    assert await store.upkeep.unsettled() == []


async def test_every_end_is_unsettled_until_it_is_settled(store: Store) -> None:
    upload = a_part()
    await store.uploads.begin(upload)
    await store.uploads.abort(upload.id)
    old = await store.queued(take=1)
    await store.uploads.supersede(old.session_id, old.question_id, 2)
    bad = await failed(store)
    done = await store.claimed(take=9)
    await store.claims.complete(done.id, done.fence, silence(1.0))
    waits = await store.queued(take=10)
    assert await store.upkeep.unsettled() == []
    assert not await store.upkeep.is_needed(1.0)
    await store.passes(TERMS.settle_grace_seconds + 1)
    assert await store.upkeep.is_needed(1.0)
    unsettled = await store.upkeep.unsettled()
    assert {part.id for part in unsettled} == {upload.id, old.id, bad.id, done.id}
    for part in unsettled:
        assert await store.closings.settle(part.id, part.rev, None)
    assert await store.upkeep.unsettled() == []
    assert await store.upkeep.owned([waits.id]) == {waits.id}


async def test_a_transcript_that_was_never_scored_is_found(store: Store) -> None:
    claimed = await store.claimed()
    await store.claims.complete(claimed.id, claimed.fence, silence(1.0))
    assert await store.closings.settle(claimed.id, claimed.rev + 1, None)
    assert await store.upkeep.unscored() == []
    assert not await store.upkeep.is_needed(1.0)
    await store.passes(TERMS.settle_grace_seconds + 1)
    assert await store.upkeep.is_needed(1.0)
    assert await store.upkeep.unscored() == [claimed.id]
    assert await store.upkeep.unscored() == []
    assert not await store.upkeep.is_needed(1.0)
    await store.passes(TERMS.ring_again_seconds + 1)
    assert await store.upkeep.unscored() == [claimed.id]


async def test_kept_audio_expires(store: Store) -> None:
    part = await failed(store)
    await store.closings.settle(part.id, part.rev, None)
    assert await store.upkeep.owned([part.id, NONE]) == {part.id}
    await store.passes(3600)
    assert await store.upkeep.expire(2.0) == []
    assert [await store.upkeep.is_needed(hours) for hours in (2.0, 1.0)] == [False, True]
    (expired,) = await store.upkeep.expire(1.0)
    assert (expired.id, expired.keep_audio, expired.rev) == (part.id, False, part.rev + 1)
    assert [each.id for each in await store.upkeep.unsettled()] == [part.id]
    assert await store.upkeep.owned([part.id]) == set()
    assert await store.upkeep.expire(0.0) == []


@pytest.mark.parametrize("end", ["aborted", "completed", "failed"])
async def test_a_record_owns_its_audio_while_it_lives(store: Store, end: str) -> None:
    part = a_part()
    await store.uploads.begin(part)
    assert await store.upkeep.owned([part.id]) == {part.id}
    if end == "aborted":
        await store.uploads.abort(part.id)
    else:
        await store.uploads.accept(part.id, "5ha", 7)
        claimed = await store.claims.claim(part.id, "worker")
        assert claimed is not None and await store.upkeep.owned([part.id]) == {part.id}
        if end == "completed":
            await store.claims.complete(part.id, claimed.fence, silence(1.0))
        else:
            await store.claims.fail(part.id, claimed.fence, LOST, keep_audio=False)
    assert await store.upkeep.owned([part.id]) == set()


async def test_a_survey_counts_and_changes_nothing(store: Store) -> None:
    assert await store.upkeep.survey(1.0) == Findings(0, 0, 0, 0, 0, 0, 0)
    await failed(store)
    await store.passes(3600)
    await used_up(store)
    done = await store.claimed()
    await store.claims.complete(done.id, done.fence, silence(1.0))
    await store.claimed()
    await store.uploads.begin(a_part())
    await store.passes(TERMS.lease_seconds + 1)
    await store.queued()
    found = Findings(due=1, silent=1, exhausted=1, abandoned=1, unsettled=2, unscored=1, expired=1)
    assert await store.upkeep.survey(1.0) == found
    assert await store.upkeep.survey(1.0) == found


async def test_a_day_after_a_recording_is_gone_its_record_loses_its_hash(store: Store) -> None:
    kept, claimed = await failed(store), await store.claimed()
    gone = await store.claims.fail(claimed.id, claimed.fence, LOST, keep_audio=False)
    assert gone is not None
    for part in (gone, kept):
        await store.closings.settle(part.id, part.rev, None)
    await store.passes(23 * 3600)
    assert await store.upkeep.forget_sums() == 0
    await store.passes(2 * 3600)
    assert await store.upkeep.forget_sums() == 1
    assert await store.upkeep.forget_sums() == 0
    now = [await store.records.get(part.id) for part in (gone, kept)]
    assert [part.sha256 is None for part in now if part] == [True, False], "what may be tried again needs it"
