"""How things stand and what was done, on fakes and on MongoDB."""

import asyncio

from services.interviews.language import Language
from services.interviews.model import Failure, PartState, UserId
from services.interviews.transcript import Transcript
from services.operations.readings import Arriving, Line, Reading
from services.recordings.ports.arrivals import Plan, Slice
from services.recordings.ports.audio import CHUNK_BYTES, Deletion
from services.recordings.ports.keyring import EpochId
from services.recordings.ports.receipts import Receipt
from services.recordings.ports.workers import WorkerSign
from services.webhooks.redelivery import Dead, Later
from tests.services.adapters.stores import TERMS, Store, a_part
from tests.services.adapters.test_audio_contract import METADATA, pieces
from tests.services.adapters.test_operations_contract import failed
from tests.services.adapters.test_webhooks_contract import W1, a_notice

HEARD = Transcript(text="Hello.", language=Language("en"), duration=1.0)
TROUBLE = Failure("engine_refused", "It would not.")


def near(seconds: float, expected: float) -> bool:
    """Whether so much time passed, and a little for the store to answer in."""
    return expected <= seconds < expected + 20


async def test_an_empty_house_is_quiet(store: Store) -> None:
    reading = await store.gauges.read()
    assert set(reading.lines) == {PartState.UPLOADING, PartState.QUEUED, PartState.PROCESSING}
    assert all(line == Line() for line in [*reading.lines.values(), reading.unsettled, reading.scoring])
    assert (reading.kept, reading.files, reading.bytes, reading.workers, reading.slots) == (0, 0, 0, 0, 0)
    assert (reading.totals.sweeps.number, reading.totals.sweeps.age_seconds) == (0, None)
    assert sum(reading.totals.ended.values()) == reading.totals.deliveries == 0


async def test_the_oldest_and_the_longest_silent_of_each_state_are_seen(store: Store) -> None:
    arriving = a_part(take=9)
    await store.uploads.begin(arriving)
    await store.queued(1)
    claimed = await store.claimed(2)
    await store.passes(100)
    await store.uploads.touch([arriving.id])
    await store.queued(3)
    await store.passes(50)
    await store.claims.beat(claimed.id, claimed.fence)
    lines = (await store.gauges.read()).lines
    seen = {state: (line.number, line.oldest_seconds, line.silent_seconds) for state, line in lines.items()}
    expected = {PartState.UPLOADING: (1, 150, 50), PartState.QUEUED: (2, 150, 0), PartState.PROCESSING: (1, 150, 0)}
    for state, (number, oldest, silent) in expected.items():
        assert seen[state][0] == number
        assert near(seen[state][1], oldest), state
        assert near(seen[state][2], silent), state


async def test_recordings_in_pieces_are_seen_with_their_ages_and_are_not_silent(store: Store) -> None:
    assert (await store.gauges.read()).arriving == Arriving()
    first = await store.arriving.begin(a_part(take=1), Plan("tus"))
    await store.passes(100)
    await store.arriving.begin(a_part(take=2), Plan("tus"))
    await store.arriving.fold(first.part.id, 3 * CHUNK_BYTES)
    await store.slices.announce(first.part.id, Slice(1), 3, "sum")
    await store.slices.keep(first, 1, b"one")
    reading = await store.gauges.read()
    assert (reading.arriving.number, reading.arriving.bytes, reading.arriving.overdue_seconds) == (
        2,
        5 * CHUNK_BYTES + 3,
        0,
    )
    assert near(reading.arriving.oldest_seconds, 100)
    assert (reading.lines[PartState.UPLOADING].number, reading.lines[PartState.UPLOADING].silent_seconds) == (2, 0)
    await store.passes(TERMS.arrival_seconds)
    assert near((await store.gauges.read()).arriving.overdue_seconds, 40)
    assert [stuck.part.id for stuck in await store.views.stuck(60, 10)] == []


async def test_what_is_due_to_webhooks_and_what_came_of_it_is_seen(store: Store) -> None:
    assert (await store.gauges.read()).webhooks == Line()
    for take in (1, 2):
        await store.ledger.record(W1, a_notice(take))
        await store.passes(50)
    first = await store.ledger.claim([], 60.0)
    assert first is not None
    await store.ledger.note(first.id, first.fence, Later(500.0))
    waiting = (await store.gauges.read()).webhooks
    assert waiting.number == 2
    assert near(waiting.oldest_seconds, 50)
    second = await store.ledger.claim([], 60.0)
    assert second is not None
    assert (await store.gauges.read()).webhooks == Line(number=2), "what is on its way or to come later is not overdue"
    await store.ledger.note(second.id, second.fence, Dead())
    assert (await store.gauges.read()).webhooks.number == 1
    for outcome in ("delivered", "failed", "failed"):
        await store.counters.sent(outcome)
    assert (await store.gauges.read()).totals.webhooks == {"delivered": 1, "failed": 2}


async def test_an_ending_is_counted_once_however_often_it_is_told(store: Store) -> None:
    done, failed = await store.claimed(1), await store.claimed(2)
    await store.claims.complete(done.id, done.fence, HEARD)
    await store.claims.fail(failed.id, failed.fence, TROUBLE, keep_audio=False)
    await asyncio.gather(*(store.closings.settle(part.id, part.rev + 1, None) for part in (done, failed) * 5))
    totals = (await store.gauges.read()).totals
    assert (totals.ended[PartState.COMPLETED], totals.ended[PartState.FAILED]) == (1, 1)
    assert dict(totals.failures) == {"engine_refused": 1}
    assert totals.deliveries == 2
    assert sum(totals.processing.buckets) == sum(totals.turnaround.buckets) == 1


async def test_what_has_not_ended_is_not_counted(store: Store) -> None:
    for part in (await store.queued(1), await store.claimed(2), a_part()):
        assert not await store.closings.settle(part.id, part.rev, None)
    assert sum((await store.gauges.read()).totals.ended.values()) == 0


async def test_seconds_fall_into_their_buckets(store: Store) -> None:
    part = await store.queued(1)
    await store.passes(40)
    claimed = await store.claims.claim(part.id, "w")
    assert claimed is not None
    await store.passes(6)
    await store.claims.complete(part.id, claimed.fence, HEARD)
    await store.closings.settle(part.id, claimed.rev + 1, None)
    totals = (await store.gauges.read()).totals
    assert near(totals.processing.sum, 6)
    assert near(totals.turnaround.sum, 46)
    assert sum(totals.processing.buckets[:4]) == 0
    assert totals.turnaround.buckets[6] == 1


async def test_what_waits_to_be_settled_scored_or_kept_is_seen(store: Store) -> None:
    done, kept = await store.claimed(1), await store.claimed(2)
    ended = await store.claims.complete(done.id, done.fence, HEARD)
    await store.claims.fail(kept.id, kept.fence, TROUBLE, keep_audio=True)
    await store.passes(70)
    reading = await store.gauges.read()
    assert (reading.unsettled.number, reading.scoring.number, reading.kept) == (2, 1, 1)
    assert near(reading.unsettled.oldest_seconds, 70)
    assert near(reading.scoring.oldest_seconds, 70)
    assert ended is not None
    await store.closings.settle(ended.id, ended.rev, Deletion(0, 0, 0))
    await store.closings.scored(ended.id)
    reading = await store.gauges.read()
    assert (reading.unsettled.number, reading.scoring.number) == (1, 0)


async def test_stored_audio_and_living_workers_are_counted(store: Store) -> None:
    for number in range(2):
        await store.audio.store(a_part().id, pieces(b"x" * 300_000), METADATA)
        await store.workers.seen(WorkerSign(f"w{number}", "local/tiny.en", 3))
    reading = await store.gauges.read()
    assert (reading.files, reading.bytes, reading.workers, reading.slots) == (2, 600_000, 2, 6)
    await store.passes(60)
    reading = await store.gauges.read()
    assert (reading.workers, reading.slots) == (0, 0)


async def test_epochs_and_what_is_sealed_are_counted(store: Store) -> None:
    standing = (await store.gauges.read()).epochs
    assert (set(standing.states.values()), standing.oldest_seconds, standing.recordings) == ({0}, 0, 0)
    ids = [EpochId(f"0000000{number}-00000000") for number in (1, 2, 3)]
    for id in ids:
        await store.epochs.open(id)
        await store.passes(100)
    await store.epochs.doom(ids[0], "over")
    await store.epochs.destroyed(ids[0])
    await store.epochs.close(ids[1])
    standing = (await store.gauges.read()).epochs
    assert {state.value: number for state, number in standing.states.items() if number} == {
        "open": 1,
        "closed": 1,
        "destroyed": 1,
    }
    assert near(standing.oldest_seconds, 200)
    assert near(standing.newest_seconds, 100)


async def test_passes_of_sweep_and_audit_add_up(store: Store) -> None:
    for _ in range(3):
        await store.counters.swept("sweep", {"rung": 2, "reclaimed": 0})
    await store.counters.swept("audit", {"stray_files": 1})
    await store.passes(30)
    reading: Reading = await store.gauges.read()
    assert (reading.totals.sweeps.number, reading.totals.audits.number) == (3, 1)
    assert dict(reading.totals.sweeps.counts) == {"rung": 6}
    assert dict(reading.totals.audits.counts) == {"stray_files": 1}
    assert near(reading.totals.sweeps.age_seconds or 0.0, 30)


async def test_receipts_are_counted_by_the_end_that_they_tell_of_and_once_each(store: Store) -> None:
    part = await store.claimed()
    done = await store.claims.complete(part.id, part.fence, HEARD)
    assert done is not None
    for _ in range(2):
        await store.closings.settle(part.id, done.rev, Deletion(1, 2, 0), has_receipt=True)
    unsigned = await failed(store, keep_audio=False)
    await store.closings.settle(unsigned.id, unsigned.rev, Deletion(1, 2, 0))
    await store.counters.receipted("erased", 2)
    await store.counters.receipted("conflicts", 3)
    now = (await store.gauges.read()).receipts
    assert ({name: number for name, number in now.made.items() if number}, now.conflicts) == (
        {"completed": 1, "erased": 2},
        3,
    )


async def test_one_that_is_kept_at_first_has_its_receipt_counted_as_it_goes(store: Store) -> None:
    part = await failed(store, keep_audio=True)
    await store.closings.settle(part.id, part.rev, None)
    assert not (await store.gauges.read()).receipts.made.get("failed")
    await store.passes(3600 * 30)
    (expired,) = await store.upkeep.expire(24.0)
    await store.closings.settle(part.id, expired.rev, Deletion(1, 1, 0), has_receipt=True)
    reading = await store.gauges.read()
    assert (reading.receipts.made["failed"], reading.totals.ended[PartState.FAILED]) == (1, 1)


async def test_a_second_receipt_is_due_from_when_the_key_of_its_epoch_is_destroyed(store: Store) -> None:
    chain = await store.receipts.chain_of(UserId("alice"))
    for number, epoch in enumerate(("00000001-aa", "00000002-bb"), 1):
        await store.epochs.open(EpochId(epoch))
        await store.receipts.add(Receipt(chain=chain, number=number, token="t", id=epoch, epoch=epoch))
    await store.passes(50)
    now = (await store.gauges.read()).receipts
    assert (now.chains, now.overdue_seconds) == (1, 0.0)
    await store.epochs.doom(EpochId("00000001-aa"), "over")
    await store.epochs.destroyed(EpochId("00000001-aa"))
    await store.passes(100)
    assert 100 <= (await store.gauges.read()).receipts.overdue_seconds < 130
    await store.receipts.close_epoch(["00000001-aa"])
    assert (await store.gauges.read()).receipts.overdue_seconds == 0.0
