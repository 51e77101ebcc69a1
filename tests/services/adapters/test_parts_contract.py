"""What Uploads, Claims, Records, Closings, Backlog and Workers promise, in memory and on MongoDB."""

import asyncio

import pytest

from services.analysis.ports import ScoringClaim
from services.interviews.language import Language
from services.interviews.model import Failure, Part, PartId, PartState, SessionId
from services.interviews.transcript import Flaw, Segment, Transcript, Verdict, Word
from services.recordings.ports.audio import Deletion
from services.recordings.ports.backlog import Pace
from services.recordings.ports.workers import WorkerSign
from tests.services.adapters.stores import Q1, Q2, S1, TERMS, Store, a_part

NONE = PartId("65f0000000000000000000ff")
TROUBLE = Failure("engine_busy", "$busy")
WORDS = (Word(text="$so", start=0.0, end=0.5, probability=0.9), Word(text="it", start=0.5, end=0.6))
HEARD = Transcript(
    text="$so it",
    language=Language("en"),
    language_probability=0.75,
    duration=1.5,
    segments=(Segment(text="$so it", start=0.0, end=0.6, words=WORDS, verdict=Verdict.OK),),
    engine="$engine",
    model="tiny",
    warnings=("cut",),
    flaws=(Flaw(code="cut", at=0.5, seconds=1.0),),
    verdict=Verdict.LOW_CONFIDENCE,
    verdict_version="$1",
)


async def record(store: Store, part: Part) -> Part:
    found = await store.records.get(part.id)
    assert found is not None
    return found


async def test_a_record_is_kept_before_its_audio(store: Store) -> None:
    part = a_part()
    await store.uploads.begin(part)
    kept = await record(store, part)
    assert (kept.state, kept.rev, kept.take) == (PartState.UPLOADING, 0, 1)
    assert (kept.language, kept.languages) == ("de", ("en", "de"))
    assert kept.created_at is not None and kept.created_at.tzinfo is not None
    assert await store.records.get(NONE) is None


async def test_an_arrived_recording_is_queued_once(store: Store) -> None:
    queued = await store.queued()
    assert (queued.state, queued.rev, queued.sha256, queued.bytes) == (PartState.QUEUED, 1, f"5ha of {queued.id}", 7)
    assert await record(store, queued) == queued
    assert await store.uploads.accept(queued.id, "other", 8) is None
    assert await record(store, queued) == queued


async def test_an_aborted_upload_is_not_accepted(store: Store) -> None:
    part = a_part()
    await store.uploads.begin(part)
    aborted = await store.uploads.abort(part.id)
    assert aborted is not None and aborted.state is PartState.ABORTED and aborted.completed_at is not None
    assert await store.uploads.accept(part.id, "5ha", 7) is None
    assert await store.uploads.touch([part.id]) == {part.id}
    assert await store.uploads.abort(part.id) is None


async def test_only_what_is_queued_is_withdrawn_and_may_then_come_again(store: Store) -> None:
    part = a_part()
    await store.uploads.begin(part)
    assert await store.uploads.withdraw(part.id) is None
    assert await store.uploads.accept(part.id, "5ha", 7)
    withdrawn = await store.uploads.withdraw(part.id)
    assert withdrawn is not None and withdrawn.state is PartState.ABORTED and withdrawn.completed_at is not None
    assert await store.uploads.withdraw(part.id) is None
    assert await store.claims.claim(part.id, "w") is None
    again = a_part(take=2)
    await store.uploads.begin(again)
    accepted = await store.uploads.accept(again.id, "5ha", 7)
    assert accepted is not None and accepted.id == again.id
    claimed = await store.claimed(3)
    assert await store.uploads.withdraw(claimed.id) is None


async def test_an_accepted_upload_is_not_aborted(store: Store) -> None:
    queued = await store.queued()
    assert await store.uploads.abort(queued.id) is None
    assert await store.uploads.touch([queued.id]) == {queued.id}


async def test_the_questions_whose_recordings_arrive(store: Store) -> None:
    parts = [a_part(), a_part(take=2), a_part(question_id=Q2), a_part(session_id=SessionId("s2"))]
    for part in parts:
        await store.uploads.begin(part)
    assert await store.records.newest_takes(S1) == {Q1: 2, Q2: 1}
    await store.uploads.abort(parts[2].id)
    assert await store.records.newest_takes(S1) == {Q1: 2}


async def test_older_takes_are_superseded(store: Store) -> None:
    waiting, working = await store.queued(take=1), await store.claimed(take=2)
    own, other = await store.queued(take=3), await store.queued(question=Q2)
    ended = await store.uploads.supersede(S1, Q1, 3)
    assert {part.id for part in ended} == {waiting.id, working.id}
    assert {part.state for part in ended} == {PartState.SUPERSEDED}
    assert await store.claims.complete(working.id, working.fence, HEARD) is None
    assert await store.claims.claim(waiting.id, "worker") is None
    assert [await record(store, own), await record(store, other)] == [own, other]
    assert await store.uploads.supersede(S1, Q1, 3) == []


async def test_a_claim_raises_fence_and_deliveries(store: Store) -> None:
    claimed = await store.claimed()
    assert (claimed.state, claimed.fence, claimed.deliveries, claimed.rev) == (PartState.PROCESSING, 1, 1, 2)
    assert await store.claims.claim(claimed.id, "other") is None
    assert await store.claims.claim(NONE, "other") is None


async def test_of_claims_at_once_one_wins(store: Store) -> None:
    queued = await store.queued()
    claims = await asyncio.gather(*(store.claims.claim(queued.id, f"worker {n}") for n in range(8)))
    assert [claim.fence for claim in claims if claim is not None] == [1]


async def test_an_upload_cannot_be_claimed(store: Store) -> None:
    part = a_part()
    await store.uploads.begin(part)
    assert await store.claims.claim(part.id, "worker") is None


async def test_a_silent_worker_loses_its_claim(store: Store) -> None:
    first = await store.claimed()
    await store.passes(TERMS.lease_seconds + 1)
    second = await store.claims.claim(first.id, "second")
    assert second is not None and (second.fence, second.deliveries) == (2, 2)
    before = await record(store, first)
    assert not await store.claims.beat(first.id, first.fence)
    assert await store.claims.complete(first.id, first.fence, HEARD) is None
    assert await store.claims.again(first.id, first.fence, TROUBLE, 1) is None
    assert await store.claims.release(first.id, first.fence) is None
    assert await store.claims.wait(first.id, first.fence, TROUBLE, 1) is None
    assert await store.claims.fail(first.id, first.fence, TROUBLE, keep_audio=False) is None
    assert await record(store, first) == before
    assert await store.claims.complete(second.id, second.fence, HEARD) is not None


async def test_a_beat_keeps_the_claim(store: Store) -> None:
    claimed = await store.claimed()
    for _ in range(3):
        await store.passes(TERMS.lease_seconds * 0.6)
        assert await store.claims.beat(claimed.id, claimed.fence)
    assert await store.claims.claim(claimed.id, "other") is None
    assert await store.upkeep.reclaim() == []


async def test_deliveries_are_capped(store: Store) -> None:
    part = await store.queued()
    for _ in range(TERMS.max_deliveries):
        assert await store.claims.claim(part.id, "worker") is not None
        await store.passes(TERMS.lease_seconds + 1)
    assert await store.claims.claim(part.id, "worker") is None


async def test_a_completed_part_has_its_transcript(store: Store) -> None:
    claimed = await store.claimed()
    done = await store.claims.complete(claimed.id, claimed.fence, HEARD)
    assert done is not None and (done.state, done.rev) == (PartState.COMPLETED, claimed.rev + 1)
    assert done.completed_at is not None
    assert await store.records.transcript(done.id) == HEARD
    assert await store.records.text(done.id) == HEARD.text
    assert await store.claims.complete(done.id, done.fence, HEARD) is None
    assert await store.claims.again(done.id, done.fence, TROUBLE, 1) is None


async def test_there_is_no_transcript_before(store: Store) -> None:
    assert await store.records.transcript(NONE) is None
    assert await store.records.text(NONE) is None
    claimed = await store.claimed()
    assert await store.records.transcript(claimed.id) is None
    assert await store.records.text(claimed.id) is None


async def test_a_part_to_be_tried_again_waits(store: Store) -> None:
    claimed = await store.claimed()
    queued = await store.claims.again(claimed.id, claimed.fence, TROUBLE, 8.0)
    assert queued is not None and (queued.state, queued.failure, queued.deliveries) == (PartState.QUEUED, TROUBLE, 1)
    assert await store.claims.claim(claimed.id, "early") is None
    assert await store.upkeep.due(10) == []
    await store.passes(8.1)
    assert await store.upkeep.due(10) == [claimed.id]
    again = await store.claims.claim(claimed.id, "due")
    assert again is not None and again.deliveries == 2 and again.fence > claimed.fence


async def test_a_part_that_waits_for_its_engine_loses_no_delivery(store: Store) -> None:
    claimed = await store.claimed()
    queued = await store.claims.wait(claimed.id, claimed.fence, TROUBLE, 8.0)
    assert queued is not None
    assert (queued.state, queued.failure, queued.deliveries) == (PartState.QUEUED, TROUBLE, 0)
    assert (queued.waited_seconds, queued.rev, queued.fence) == (8.0, claimed.rev + 1, claimed.fence + 1)
    assert await store.claims.wait(claimed.id, claimed.fence, TROUBLE, 8.0) is None
    assert await store.claims.claim(claimed.id, "early") is None
    await store.passes(8.1)
    again = await store.claims.claim(claimed.id, "due")
    assert again is not None and again.deliveries == 1
    once_more = await store.claims.wait(again.id, again.fence, TROUBLE, 0.5)
    assert once_more is not None and (once_more.waited_seconds, once_more.deliveries) == (8.5, 0)


async def test_a_retry_by_hand_waits_from_the_beginning(store: Store) -> None:
    claimed = await store.claimed()
    await store.claims.wait(claimed.id, claimed.fence, TROUBLE, 0.0)
    claimed = await store.claims.claim(claimed.id, "worker") or claimed
    await store.claims.wait(claimed.id, claimed.fence, TROUBLE, 9.0)
    await store.passes(9.1)
    failed = await store.interventions.fail(claimed.id, TROUBLE)
    assert failed is not None and failed.waited_seconds == 9.0
    retried = await store.interventions.retry(claimed.id)
    assert retried is not None and retried.waited_seconds == 0.0


async def test_a_released_part_is_due_at_once_and_does_not_count(store: Store) -> None:
    claimed = await store.claimed()
    queued = await store.claims.release(claimed.id, claimed.fence)
    assert queued is not None and (queued.state, queued.deliveries) == (PartState.QUEUED, 0)
    assert await store.upkeep.due(10) == [claimed.id]
    again = await store.claims.claim(claimed.id, "other")
    assert again is not None and again.deliveries == 1 and again.fence > claimed.fence
    assert not await store.claims.beat(claimed.id, claimed.fence)


@pytest.mark.parametrize("keep", [True, False])
async def test_a_failed_part_says_why(store: Store, keep: bool) -> None:
    claimed = await store.claimed()
    failed = await store.claims.fail(claimed.id, claimed.fence, TROUBLE, keep_audio=keep)
    assert failed is not None and failed.completed_at is not None
    assert (failed.state, failed.failure, failed.keep_audio) == (PartState.FAILED, TROUBLE, keep)
    assert await store.claims.again(claimed.id, claimed.fence, TROUBLE, 0) is None


async def test_an_end_is_settled_for_the_rev_it_was_settled_for(store: Store) -> None:
    queued = await store.queued()
    assert not await store.closings.settle(queued.id, queued.rev, None)
    claimed = await store.claims.claim(queued.id, "worker")
    assert claimed is not None
    done = await store.claims.complete(claimed.id, claimed.fence, HEARD)
    assert done is not None
    assert not await store.closings.settle(done.id, done.rev - 1, None)
    await store.passes(TERMS.settle_grace_seconds + 1)
    assert [part.id for part in await store.upkeep.unsettled()] == [done.id]
    assert await store.closings.settle(done.id, done.rev, Deletion(1, 4, 0))
    assert await store.closings.settle(done.id, done.rev, Deletion(0, 0, 0))
    assert await store.upkeep.unsettled() == []


async def test_an_end_that_shows_with_its_score_is_not_scored_again(store: Store) -> None:
    claimed = await store.claimed()
    done = await store.claims.complete(claimed.id, claimed.fence, HEARD, scoring_seconds=60.0)
    assert done is not None
    assert not await store.closings.settle(done.id, done.rev - 1, None, is_scored=True)
    await store.passes(100)
    assert await store.upkeep.unscored() == [done.id]
    assert await store.closings.settle(done.id, done.rev, None, is_scored=True)
    await store.passes(100)
    assert await store.upkeep.unscored() == []


async def test_scoring_that_fails_is_due_again_later(store: Store) -> None:
    claimed = await store.claimed()
    await store.claims.complete(claimed.id, claimed.fence, HEARD)
    first = await store.closings.claim_scoring(claimed.id, 60.0)
    assert first == ScoringClaim(1)
    await store.closings.score_again(claimed.id, first, 100.0)
    await store.passes(90)
    assert await store.upkeep.unscored() == []
    assert await store.closings.claim_scoring(claimed.id, 60.0) is None
    await store.passes(11)
    assert await store.upkeep.unscored() == [claimed.id]
    second = await store.closings.claim_scoring(claimed.id, 60.0)
    assert second == ScoringClaim(2, failures=1)
    await store.closings.score_again(claimed.id, second, 7.5, failed=False)
    await store.passes(8)
    assert await store.closings.claim_scoring(claimed.id, 60.0) == ScoringClaim(3, failures=1, waited_seconds=7.5)
    await store.closings.scored(claimed.id)
    await store.passes(1000)
    assert await store.upkeep.unscored() == []
    assert await store.closings.claim_scoring(claimed.id, 60.0) is None


async def test_of_scorers_at_once_one_has_it_and_no_sweep_asks_meanwhile(store: Store) -> None:
    claimed = await store.claimed()
    assert await store.closings.claim_scoring(claimed.id, 60.0) is None
    await store.claims.complete(claimed.id, claimed.fence, HEARD)
    claims = await asyncio.gather(*(store.closings.claim_scoring(claimed.id, 60.0) for _ in range(8)))
    assert [claim for claim in claims if claim is not None] == [ScoringClaim(1)]
    await store.passes(59)
    assert await store.upkeep.unscored() == []
    assert await store.closings.claim_scoring(claimed.id, 60.0) is None


async def test_a_scorer_that_falls_silent_loses_its_hold(store: Store) -> None:
    claimed = await store.claimed()
    await store.claims.complete(claimed.id, claimed.fence, HEARD)
    silent = await store.closings.claim_scoring(claimed.id, 60.0)
    await store.passes(61)
    assert await store.upkeep.unscored() == [claimed.id]
    assert await store.closings.claim_scoring(claimed.id, 60.0) == ScoringClaim(2)
    assert silent is not None
    await store.closings.score_again(claimed.id, silent, 0.0)
    assert await store.closings.claim_scoring(claimed.id, 60.0) is None, "a late word changes nothing"


async def test_what_was_scored_or_given_up_can_be_scored_anew(store: Store) -> None:
    claimed = await store.claimed()
    assert not await store.closings.rescore(claimed.id)
    await store.claims.complete(claimed.id, claimed.fence, HEARD)
    assert not await store.closings.rescore(claimed.id)
    claim = await store.closings.claim_scoring(claimed.id, 60.0)
    assert claim is not None
    await store.closings.score_again(claimed.id, claim, 5.0)
    await store.closings.scored(claimed.id)
    assert await store.closings.rescore(claimed.id)
    assert not await store.closings.rescore(claimed.id)
    assert await store.upkeep.unscored() == [claimed.id]
    assert await store.closings.claim_scoring(claimed.id, 60.0) == ScoringClaim(2)
    assert not await store.closings.rescore(NONE)


async def test_the_load_at_first(store: Store) -> None:
    assert await store.backlog.ahead(S1) == await store.backlog.ahead(None) == 0
    assert await store.backlog.pace() == Pace(1, 2.0)


async def test_what_stands_before_a_session(store: Store) -> None:
    for name in ("a", "b"):
        await store.queued(session=SessionId(name))
        await store.passes(1)
    await store.claimed()
    await store.passes(1)
    await store.queued(session=SessionId("after"))
    await store.uploads.begin(a_part())
    assert await store.backlog.ahead(S1) == 3
    assert await store.backlog.ahead(None) == 4
    assert await store.backlog.ahead(SessionId("none")) == 0


async def test_how_fast_it_went_lately(store: Store) -> None:
    for seconds in [50] + [4] * 10 + [6] * 10:
        claimed = await store.claimed()
        await store.passes(seconds)
        await store.claims.complete(claimed.id, claimed.fence, HEARD)
    assert 5.0 <= (await store.backlog.pace()).seconds_each < 7.0, "the one of 50 is too long ago"


async def test_workers_are_alive_while_they_say_so(store: Store) -> None:
    await store.workers.seen(WorkerSign("a", "local", 2))
    await store.workers.seen(WorkerSign("$b", "local", 3))
    await store.passes(10)
    await store.workers.seen(WorkerSign("a", "openai", 4))
    assert (await store.backlog.pace()).slots == 7
    await store.passes(6)
    (alive,) = await store.workers.alive()
    assert (alive.name, alive.engine, alive.slots) == ("a", "openai", 4) and alive.seen_at is not None
    await store.workers.gone("a")
    assert await store.workers.alive() == []
