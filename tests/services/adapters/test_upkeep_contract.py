"""What Upkeep promises, in memory and on MongoDB."""

import asyncio

import pytest

from services.interviews.model import Failure, Part, PartId, PartState
from services.interviews.transcript import silence
from services.operations.ports.upkeep import Findings
from tests.services.adapters.stores import TERMS, House, a_part

LOST = Failure("worker_lost", "They stopped.")
NONE = PartId("65f0000000000000000000ff")


async def used_up(house: House) -> Part:
    """In work for the last time that is allowed."""
    part = await house.claimed()
    for _ in range(TERMS.max_deliveries - 1):
        await house.passes(TERMS.lease_seconds + 1)
        again = await house.claims.claim(part.id, "worker")
        assert again is not None
        part = again
    return part


async def failed(house: House) -> Part:
    claimed = await house.claimed()
    part = await house.claims.fail(claimed.id, claimed.fence, LOST, keep_audio=True)
    assert part is not None
    return part


async def test_a_ring_is_given_its_time(house: House) -> None:
    queued = await house.queued()
    assert await house.upkeep.due(10) == []
    assert await house.upkeep.count_due() == 1
    await house.passes(TERMS.ring_again_seconds + 1)
    assert await house.upkeep.due(10) == [queued.id]
    assert await house.upkeep.due(10) == []


async def test_who_waits_longest_is_rung_first(house: House) -> None:
    ids = []
    for _ in range(3):
        ids.append((await house.queued()).id)
        await house.passes(1)
    await house.passes(TERMS.ring_again_seconds)
    assert await house.upkeep.due(1) == ids[:1]
    assert await house.upkeep.due(2) == ids[1:]
    assert await house.upkeep.due(1) == []
    assert await house.upkeep.count_due() == 3
    assert await house.upkeep.count_due(2) == 2


async def test_what_is_in_work_is_not_due(house: House) -> None:
    await house.claimed()
    await house.passes(TERMS.lease_seconds * 2)
    assert await house.upkeep.due(10) == []
    assert await house.upkeep.count_due() == 0


async def test_a_silent_workers_part_is_queued_again(house: House) -> None:
    claimed = await house.claimed()
    assert await house.upkeep.reclaim() == []
    await house.passes(TERMS.lease_seconds + 1)
    (queued,) = await house.upkeep.reclaim()
    assert (queued.id, queued.state, queued.deliveries) == (claimed.id, PartState.QUEUED, 1)
    assert queued.fence > claimed.fence
    assert await house.claims.complete(claimed.id, claimed.fence, silence(1.0)) is None
    assert await house.upkeep.reclaim() == []


async def test_sweeps_at_once_take_a_part_back_once(house: House) -> None:
    await house.claimed()
    await house.passes(TERMS.lease_seconds + 1)
    found = await asyncio.gather(*(house.upkeep.reclaim() for _ in range(3)))
    assert sorted(len(parts) for parts in found) == [0, 0, 1]


async def test_a_part_that_used_up_its_deliveries_fails(house: House) -> None:
    part = await used_up(house)
    assert await house.upkeep.bury(LOST) == []
    await house.passes(TERMS.lease_seconds + 1)
    assert await house.upkeep.reclaim() == []
    (buried,) = await house.upkeep.bury(LOST)
    assert (buried.id, buried.state, buried.failure, buried.keep_audio) == (part.id, PartState.FAILED, LOST, True)
    assert await house.claims.complete(part.id, part.fence, silence(1.0)) is None
    assert await house.upkeep.bury(LOST) == []


async def test_what_waits_and_can_never_be_claimed_fails_too(house: House) -> None:
    part = await used_up(house)
    assert await house.claims.again(part.id, part.fence, LOST, 0) is not None
    assert (await house.upkeep.survey(1.0)).exhausted == 1
    (buried,) = await house.upkeep.bury(LOST)
    assert (buried.id, buried.state) == (part.id, PartState.FAILED)


async def test_an_upload_that_fell_silent_is_given_up(house: House) -> None:
    part, touched = a_part(), a_part()
    for each in (part, touched):
        await house.uploads.begin(each)
    await house.passes(TERMS.upload_silence_seconds * 0.6)
    assert await house.uploads.touch([touched.id]) == set()
    await house.passes(TERMS.upload_silence_seconds * 0.6)
    (aborted,) = await house.upkeep.abandon()
    assert (aborted.id, aborted.state) == (part.id, PartState.ABORTED)
    assert await house.uploads.touch([touched.id, part.id]) == {part.id}
    assert await house.uploads.accept(part.id, "5ha", 7) is None


async def test_a_pass_that_was_just_begun_is_not_begun_again(house: House) -> None:
    assert [await house.upkeep.take_turn("sweep", 5) for _ in range(3)] == [True, False, False]
    assert await house.upkeep.take_turn("audit", 30)
    await house.passes(6)
    assert [await house.upkeep.take_turn("sweep", 5) for _ in range(2)] == [True, False]
    at_once = await asyncio.gather(*(house.upkeep.take_turn("other", 5) for _ in range(9)))
    assert at_once.count(True) == 1


async def test_an_end_that_is_put_off_makes_room_for_others_and_comes_again(house: House) -> None:
    done = await house.claimed()
    await house.claims.complete(done.id, done.fence, silence(1.0))
    await house.passes(TERMS.settle_grace_seconds + 1)
    await house.upkeep.put_off(done.id, 300)
    assert await house.upkeep.unsettled() == []
    await house.passes(301)
    (again,) = await house.upkeep.unsettled()
    assert await house.closings.settle(again.id, again.rev, None)
    await house.upkeep.put_off(done.id, 300)
    assert await house.upkeep.unsettled() == []


async def test_every_end_is_unsettled_until_it_is_settled(house: House) -> None:
    upload = a_part()
    await house.uploads.begin(upload)
    await house.uploads.abort(upload.id)
    old = await house.queued(take=1)
    await house.uploads.supersede(old.session_id, old.question_id, 2)
    bad = await failed(house)
    done = await house.claimed(take=9)
    await house.claims.complete(done.id, done.fence, silence(1.0))
    waits = await house.queued(take=10)
    assert await house.upkeep.unsettled() == []
    await house.passes(TERMS.settle_grace_seconds + 1)
    unsettled = await house.upkeep.unsettled()
    assert {part.id for part in unsettled} == {upload.id, old.id, bad.id, done.id}
    for part in unsettled:
        assert await house.closings.settle(part.id, part.rev, None)
    assert await house.upkeep.unsettled() == []
    assert await house.upkeep.owned([waits.id]) == {waits.id}


async def test_a_transcript_that_was_never_scored_is_found(house: House) -> None:
    claimed = await house.claimed()
    await house.claims.complete(claimed.id, claimed.fence, silence(1.0))
    assert await house.upkeep.unscored() == []
    await house.passes(TERMS.settle_grace_seconds + 1)
    assert await house.upkeep.unscored() == [claimed.id]
    assert await house.upkeep.unscored() == []
    await house.passes(TERMS.ring_again_seconds + 1)
    assert await house.upkeep.unscored() == [claimed.id]


async def test_kept_audio_expires(house: House) -> None:
    part = await failed(house)
    await house.closings.settle(part.id, part.rev, None)
    assert await house.upkeep.owned([part.id, NONE]) == {part.id}
    await house.passes(3600)
    assert await house.upkeep.expire(2.0) == []
    (expired,) = await house.upkeep.expire(1.0)
    assert (expired.id, expired.keep_audio, expired.rev) == (part.id, False, part.rev + 1)
    assert [each.id for each in await house.upkeep.unsettled()] == [part.id]
    assert await house.upkeep.owned([part.id]) == set()
    assert await house.upkeep.expire(0.0) == []


@pytest.mark.parametrize("end", ["aborted", "completed", "failed"])
async def test_a_record_owns_its_audio_while_it_lives(house: House, end: str) -> None:
    part = a_part()
    await house.uploads.begin(part)
    assert await house.upkeep.owned([part.id]) == {part.id}
    if end == "aborted":
        await house.uploads.abort(part.id)
    else:
        await house.uploads.accept(part.id, "5ha", 7)
        claimed = await house.claims.claim(part.id, "worker")
        assert claimed is not None and await house.upkeep.owned([part.id]) == {part.id}
        if end == "completed":
            await house.claims.complete(part.id, claimed.fence, silence(1.0))
        else:
            await house.claims.fail(part.id, claimed.fence, LOST, keep_audio=False)
    assert await house.upkeep.owned([part.id]) == set()


async def test_a_survey_counts_and_changes_nothing(house: House) -> None:
    assert await house.upkeep.survey(1.0) == Findings(0, 0, 0, 0, 0, 0, 0)
    await failed(house)
    await house.passes(3600)
    await used_up(house)
    done = await house.claimed()
    await house.claims.complete(done.id, done.fence, silence(1.0))
    await house.claimed()
    await house.uploads.begin(a_part())
    await house.passes(TERMS.lease_seconds + 1)
    await house.queued()
    found = Findings(due=1, silent=1, exhausted=1, abandoned=1, unsettled=2, unscored=1, expired=1)
    assert await house.upkeep.survey(1.0) == found
    assert await house.upkeep.survey(1.0) == found
