"""What the records, pieces and slices of recordings in arrival promise, in memory and on MongoDB."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from services.errors import StoreUnavailable
from services.interviews.model import PartId, PartState, QuestionId, UserId
from services.recordings.ports.arrivals import (
    NOWHERE,
    Appended,
    Arriving,
    Head,
    Listened,
    Load,
    Outcome,
    Plan,
    Slice,
    SliceState,
    cut_at_chunks,
)
from services.recordings.ports.audio import CHUNK_BYTES
from tests.services.adapters.stores import ANN, S1, TERMS, Store, a_part, a_session, store_in_memory, store_on_mongo
from tests.services.adapters.test_audio_contract import METADATA, all_of, noise

PLAN = Plan("tus", media_type="audio/webm", raw_metadata="filename $x", sha256="ab")
ALL = 2**62


@pytest.fixture(params=["memory", "mongo", "mongo, sealed"])
def store(request: pytest.FixtureRequest) -> Store:
    place, _, sealed = request.param.partition(", ")
    if place == "memory":
        return store_in_memory()
    return store_on_mongo(request.getfixturevalue("database"), is_sealed=bool(sealed))


async def begun(store: Store, plan: Plan = PLAN) -> Arriving:
    return await store.arriving.begin(a_part(), plan)


async def received(store: Store, arriving: Arriving, start: int = 0) -> bytes:
    return b"".join([piece async for piece in store.pieces.read(arriving, start)])


def test_nothing_that_is_cut_lies_in_two_chunks() -> None:
    data = noise(3 * CHUNK_BYTES)
    for at in (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 5 * CHUNK_BYTES + 7):
        pieces = list(cut_at_chunks(at, data))
        assert b"".join(piece for _, piece in pieces) == data
        assert pieces[0][0] == at
        for offset, piece in pieces:
            assert offset // CHUNK_BYTES == (offset + len(piece) - 1) // CHUNK_BYTES
    assert list(cut_at_chunks(7, b"")) == []


async def test_a_record_says_what_was_planned(store: Store) -> None:
    arriving = await begun(store)
    assert arriving == await store.arriving.find(arriving.part.id)
    assert (arriving.plan, arriving.length, arriving.folded, arriving.is_closed) == (PLAN, None, 0, False)
    assert arriving.part.state is PartState.UPLOADING
    with pytest.raises(StoreUnavailable):
        await store.arriving.begin(arriving.part, PLAN)
    assert await store.arriving.find(a_part().id) is None
    assert await store.arriving.find((await store.queued()).id) is None


async def test_those_that_arrive_of_a_user_are_listed_the_newest_first(store: Store) -> None:
    first, ended, last = [await begun(store) for _ in range(3)]
    await store.arriving.close(first.part.id)
    await store.uploads.stop(ended.part.id)
    user = first.part.user_id
    listed = [arriving.part.id for arriving in await store.arriving.arriving(user)]
    assert set(listed) == {first.part.id, last.part.id}
    assert await store.arriving.arriving(UserId("nobody")) == []


async def test_of_a_key_one_arrives_at_a_time(store: Store) -> None:
    plan = replace(PLAN, key="chunks:$s:q1")
    first = await begun(store, plan)
    assert await begun(store, plan) == first
    assert await store.arriving.newest(ANN.user_id, "chunks:$s:q1") == first
    for user, key in ((ANN.user_id, "chunks"), (UserId("bob"), "chunks:$s:q1")):
        assert await store.arriving.newest(user, key) is None
    other = await store.arriving.begin(replace(a_part(), user_id=UserId("bob")), plan)
    assert other.part.id != first.part.id
    assert await store.uploads.accept(first.part.id, "sum", 7)
    assert (await store.arriving.newest(ANN.user_id, "chunks:$s:q1")).part.id == first.part.id  # type: ignore[union-attr]
    await store.passes(1)
    second = await begun(store, plan)
    assert await store.arriving.newest(ANN.user_id, "chunks:$s:q1") == second
    await store.uploads.stop(second.part.id)
    assert (await store.arriving.newest(ANN.user_id, "chunks:$s:q1")).part.id == first.part.id  # type: ignore[union-attr]


async def test_a_length_is_said_once(store: Store) -> None:
    id = (await begun(store)).part.id
    assert await store.arriving.end_at(id, 3) is None
    declared = await store.arriving.declare(id, 7)
    assert declared is not None and declared.length == 7
    assert await store.arriving.declare(id, 7) == declared
    assert await store.arriving.declare(id, 8) is None
    closed = await store.arriving.close(id)
    assert closed is not None and closed.is_closed
    assert await store.arriving.declare(id, 7) is None
    ended = await store.arriving.end_at(id, 9)
    assert ended is not None and ended.length == 7
    other = (await begun(store)).part.id
    await store.arriving.close(other)
    ended = await store.arriving.end_at(other, 9)
    assert ended is not None and ended.length == 9


async def test_who_appends_learns_the_length_that_was_said_meanwhile(store: Store) -> None:
    arriving = await begun(store)
    assert (await store.pieces.append(arriving, 0, b"one")).length is None
    await store.arriving.declare(arriving.part.id, CHUNK_BYTES + 7)
    assert (await store.pieces.append(arriving, 3, b"two")).length == CHUNK_BYTES + 7
    assert (await store.pieces.append(arriving, 6, bytes(CHUNK_BYTES))).length == CHUNK_BYTES + 7


async def test_what_has_ended_is_changed_no_more(store: Store) -> None:
    id = (await begun(store)).part.id
    assert await store.uploads.stop(id)
    before = await store.arriving.find(id)
    assert await store.arriving.declare(id, 7) is None
    assert await store.arriving.close(id) is None
    assert await store.arriving.end_at(id, 7) is None
    assert await store.arriving.take_over(id) is None
    assert not await store.arriving.fold(id, CHUNK_BYTES)
    await store.arriving.heard([id])
    assert await store.arriving.find(id) == before
    await store.arriving.became(id, PartId("other"))
    assert (await store.arriving.find(id)) == replace(before, same_as=PartId("other"))  # type: ignore[type-var]


async def test_how_far_those_are_listened_to_that_take_more(store: Store) -> None:
    here, closed, stopped = [(await begun(store)).part.id for _ in range(3)]
    nowhere = (await store.arriving.begin(a_part(session_id=NOWHERE), Plan("file"))).part.id
    await store.arriving.close(closed)
    await store.uploads.stop(stopped)
    assert await store.arriving.listened([here, closed, stopped, nowhere, PartId("none")]) == {here: Listened()}


async def test_writers_are_numbered_and_chunks_only_grow(store: Store) -> None:
    id = (await begun(store)).part.id
    assert [await store.arriving.take_over(id) for _ in range(3)] == [1, 2, 3]
    assert await store.arriving.fold(id, 2 * CHUNK_BYTES)
    assert not await store.arriving.fold(id, CHUNK_BYTES)
    assert not await store.arriving.fold(id, 2 * CHUNK_BYTES)
    assert (await store.arriving.find(id)).folded == 2 * CHUNK_BYTES  # type: ignore[union-attr]
    await store.arriving.close(id)
    assert await store.arriving.take_over(id) is None


async def test_pieces_follow_each_other_and_one_place_is_taken_once(store: Store) -> None:
    arriving = await begun(store)
    id = arriving.part.id
    assert (await store.pieces.append(arriving, 0, b"one")).outcome is Outcome.KEPT
    assert (await store.pieces.append(arriving, 3, b"two")).size == 3
    again = await store.pieces.append(arriving, 3, b"TWO!")
    assert (again.size, again.outcome) == (0, Outcome.LOST)
    assert await store.pieces.offset(id) == 6
    assert await received(store, arriving) == b"onetwo"
    assert await received(store, arriving, 4) == b"wo"
    assert await received(store, arriving, 6) == b""


@pytest.mark.parametrize("size", [CHUNK_BYTES, 2 * CHUNK_BYTES + 17, 6 * CHUNK_BYTES - 1])
async def test_a_long_append_is_cut_and_folded(store: Store, size: int) -> None:
    arriving, data = await begun(store), noise(size)
    id = arriving.part.id
    assert (await store.pieces.append(arriving, 0, data[:100])).size == 100
    assert (await store.pieces.append(arriving, 100, data[100:])).size == size - 100
    assert await store.pieces.offset(id) == size
    n, rest = divmod(size, CHUNK_BYTES)
    for number in range(n):
        assert await store.pieces.write_chunk(arriving, number, CHUNK_BYTES)
        assert await store.pieces.write_chunk(arriving, number, CHUNK_BYTES)
        assert await store.arriving.fold(id, (number + 1) * CHUNK_BYTES)
        assert await store.pieces.offset(id) == size
        await store.pieces.let_go(id, (number + 1) * CHUNK_BYTES)
        assert await store.pieces.offset(id) == size
        assert await received(store, arriving) == data
    assert not await store.pieces.write_chunk(arriving, n, rest + 1)
    if rest:
        assert await store.pieces.write_chunk(arriving, n, rest)
    await store.pieces.write_file(arriving, size, METADATA)
    await store.pieces.write_file(arriving, size, METADATA)
    await store.uploads.accept(id, hashlib.sha256(data).hexdigest(), size)
    await store.pieces.let_go(id, ALL)
    assert b"".join([piece async for piece in store.audio.read(id)]) == data
    await store.queued()  # a majority has this, and so what was let go before it
    assert await store.audio.stored(id) == (1, -(-size // CHUNK_BYTES))


async def test_an_append_that_meets_another_stops_there(store: Store) -> None:
    arriving, data = await begun(store), noise(3 * CHUNK_BYTES)
    await store.pieces.append(arriving, 2 * CHUNK_BYTES, b"in the way")
    appended = await store.pieces.append(arriving, 0, data)
    assert (appended.size, appended.outcome) == (2 * CHUNK_BYTES, Outcome.LOST)


async def test_what_comes_behind_what_was_folded_meanwhile_is_not_kept(store: Store) -> None:
    arriving, data = await begun(store), noise(CHUNK_BYTES)
    id = arriving.part.id
    await store.pieces.append(arriving, 0, data)
    await store.pieces.write_chunk(arriving, 0, CHUNK_BYTES)
    await store.arriving.fold(id, CHUNK_BYTES)
    await store.pieces.let_go(id, CHUNK_BYTES)
    late = await store.pieces.append(arriving, 0, b"late")
    assert (late.size, late.outcome) == (0, Outcome.LOST)
    assert await store.pieces.offset(id) == CHUNK_BYTES
    assert await store.audio.stored(id) == (0, 1)


async def test_what_comes_after_the_end_is_not_kept(store: Store) -> None:
    arriving = await begun(store)
    id = arriving.part.id
    await store.pieces.append(arriving, 0, b"one")
    await store.arriving.close(id)
    assert (await store.pieces.append(arriving, 3, b"two")).outcome is Outcome.OVER
    await store.uploads.stop(id)
    assert (await store.audio.delete(id)).left == 0
    for data in (b"three", noise(2 * CHUNK_BYTES)):
        assert await store.pieces.append(arriving, 0, data) == replace(
            await store.pieces.append(arriving, 0, data), size=0, outcome=Outcome.OVER
        )
    assert await store.audio.stored(id) == (0, 0)
    assert await all_of(store.audio.orphaned_chunks()) == []


async def test_who_was_taken_over_from_is_told_so_and_what_he_sent_counts(store: Store) -> None:
    arriving = await begun(store)
    first = await store.arriving.take_over(arriving.part.id)
    assert (await store.pieces.append(arriving, 0, b"one", first)).outcome is Outcome.KEPT
    second = await store.arriving.take_over(arriving.part.id)
    late = await store.pieces.append(arriving, 3, b"two", first)
    assert (late.size, late.outcome) == (3, Outcome.TAKEN_OVER)
    assert (await store.pieces.append(arriving, 6, b"three", second)).outcome is Outcome.KEPT
    assert await received(store, arriving) == b"onetwothree"


async def test_of_many_that_come_at_one_place_one_is_kept(store: Store) -> None:
    arriving = await begun(store)
    sent = [bytes([number]) * (number + 1) for number in range(40)]
    appended = await asyncio.gather(*(store.pieces.append(arriving, 0, data) for data in sent))
    kept = [data for data, each in zip(sent, appended, strict=True) if each.outcome is Outcome.KEPT]
    assert len(kept) == 1
    assert await received(store, arriving) == kept[0]


def in_chunks(data: bytes) -> list[memoryview]:
    return [memoryview(data)[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]


async def claimed(store: Store, id: PartId) -> Arriving:
    arriving = await store.arriving.claim(id)
    assert arriving is not None
    return arriving


async def test_whole_chunks_that_are_written_ahead_count_once_that_is_said(store: Store) -> None:
    data = noise(3 * CHUNK_BYTES + 17)
    id = (await begun(store)).part.id
    arriving = await claimed(store, id)
    assert (arriving.writer, arriving.is_claimed) == (1, True)
    assert await store.pieces.write_ahead(arriving, 0, in_chunks(data)[:2], 1)
    assert await store.pieces.write_ahead(arriving, 2, in_chunks(data)[2:3], 1)
    assert await store.pieces.offset(id) == 0
    assert await received(store, arriving) == b""
    first = await store.pieces.count(arriving, 2 * CHUNK_BYTES, 1)
    assert first == Appended(2 * CHUNK_BYTES, Outcome.KEPT, folded=2 * CHUNK_BYTES)
    assert await store.pieces.offset(id) == 2 * CHUNK_BYTES
    await store.arriving.declare(id, len(data))
    arriving = replace(arriving, folded=2 * CHUNK_BYTES)
    second = await store.pieces.count(arriving, 3 * CHUNK_BYTES, 1)
    assert second == Appended(CHUNK_BYTES, Outcome.KEPT, len(data), folded=3 * CHUNK_BYTES)
    assert (await store.pieces.append(arriving, 3 * CHUNK_BYTES, data[3 * CHUNK_BYTES :], 1)).outcome is Outcome.KEPT
    assert await received(store, arriving, 5) == data[5:]
    await store.arriving.close(id)
    assert await store.pieces.write_chunk(arriving, 3, 17)
    await store.pieces.write_file(arriving, len(data), METADATA)
    await store.uploads.accept(id, hashlib.sha256(data).hexdigest(), len(data))
    await store.pieces.let_go(id, ALL)
    assert b"".join([piece async for piece in store.audio.read(id)]) == data
    assert (await store.audio.delete(id)).left == 0


async def test_what_another_has_claimed_nobody_else_appends_to(store: Store) -> None:
    arriving = await begun(store)
    id = arriving.part.id
    await store.pieces.append(arriving, 0, b"one")
    first, second = await claimed(store, id), await claimed(store, id)
    late = [await store.pieces.append(arriving, at, b"late", writer) for at, writer in ((3, None), (7, first.writer))]
    assert [(each.size, each.outcome) for each in late] == [(0, Outcome.LOST), (0, Outcome.TAKEN_OVER)]
    assert (await store.pieces.append(arriving, 3, b"two", second.writer)).outcome is Outcome.LOST
    assert await store.pieces.offset(id) == 11, "who saw it may have gone on behind it"
    assert (await store.pieces.append(arriving, 11, b"two", second.writer)).outcome is Outcome.KEPT
    assert await received(store, arriving) == b"onelatelatetwo"


async def test_what_came_late_and_was_seen_is_cleared_by_nobody(store: Store) -> None:
    arriving = await begun(store)
    id = arriving.part.id
    await store.pieces.append(arriving, 0, b"one")
    first, second = await claimed(store, id), await claimed(store, id)
    late = await store.pieces.append(arriving, 3, b"two", first.writer)
    assert (late.size, late.outcome) == (0, Outcome.TAKEN_OVER)
    third = await claimed(store, id)
    assert (await store.pieces.append(arriving, 6, b"three", third.writer)).outcome is Outcome.KEPT
    await store.pieces.clear(id, 3, second.writer)
    assert await received(store, arriving) == b"onetwothree"


async def test_of_two_who_write_ahead_what_the_one_wrote_who_claimed_it_last_counts(store: Store) -> None:
    id, data = (await begun(store)).part.id, noise(2 * CHUNK_BYTES)
    first = await claimed(store, id)
    assert await store.pieces.write_ahead(first, 0, in_chunks(data[::-1])[:1], first.writer)
    second = await claimed(store, id)
    assert not await store.pieces.write_ahead(second, 0, in_chunks(data), second.writer), "another's is in its place"
    late = await store.pieces.count(first, CHUNK_BYTES, first.writer)
    assert (late.size, late.outcome) == (0, Outcome.TAKEN_OVER)
    await store.pieces.clear(id, 0, second.writer)
    assert await store.pieces.write_ahead(second, 0, in_chunks(data), second.writer)
    assert not await store.pieces.write_ahead(first, 1, in_chunks(data[::-1])[1:], first.writer)
    await store.pieces.clear(id, 0, first.writer)
    assert (await store.pieces.count(second, 2 * CHUNK_BYTES, second.writer)).outcome is Outcome.KEPT
    await store.pieces.clear(id, 2 * CHUNK_BYTES, second.writer + 1)
    assert await received(store, second) == data
    assert (await store.pieces.count(second, 3 * CHUNK_BYTES, second.writer)).outcome is Outcome.LOST


async def test_who_claims_it_finds_no_pieces_behind_what_has_been_received(store: Store) -> None:
    arriving = await begun(store)
    id = arriving.part.id
    await store.pieces.append(arriving, 0, b"one")
    first = await claimed(store, id)
    await store.pieces.append(arriving, 3, b"two", first.writer)
    await store.pieces.append(arriving, CHUNK_BYTES, b"far behind", first.writer)
    second = await claimed(store, id)
    await store.pieces.clear(id, 6, second.writer)
    for at, data in ((6, noise(CHUNK_BYTES - 6)), (CHUNK_BYTES, b"last")):
        assert (await store.pieces.append(arriving, at, data, second.writer)).outcome is Outcome.KEPT
    await store.pieces.clear(id, 0, first.writer)
    await store.pieces.clear(id, 6, second.writer)
    assert await received(store, arriving) == b"onetwo" + noise(CHUNK_BYTES - 6) + b"last"


async def test_what_is_written_ahead_behind_the_end_is_no_part_of_it(store: Store) -> None:
    id, data = (await begun(store)).part.id, noise(2 * CHUNK_BYTES)
    arriving = await claimed(store, id)
    await store.pieces.write_ahead(arriving, 0, in_chunks(data), arriving.writer)
    await store.pieces.count(arriving, CHUNK_BYTES, arriving.writer)
    await store.arriving.close(id)
    late = await store.pieces.count(replace(arriving, folded=CHUNK_BYTES), 2 * CHUNK_BYTES, arriving.writer)
    assert (late.size, late.outcome) == (0, Outcome.OVER)
    await store.pieces.write_file(arriving, CHUNK_BYTES, METADATA)
    await store.uploads.accept(id, hashlib.sha256(data[:CHUNK_BYTES]).hexdigest(), CHUNK_BYTES)
    assert b"".join([piece async for piece in store.audio.read(id)]) == data[:CHUNK_BYTES]
    assert await store.audio.stored(id) == (1, 2)
    await store.pieces.clear(id, CHUNK_BYTES, arriving.writer + 1)
    assert await store.audio.stored(id) == (1, 1)


async def test_what_has_ended_cannot_be_claimed(store: Store) -> None:
    closed, stopped = (await begun(store)).part.id, (await begun(store)).part.id
    await store.arriving.close(closed)
    await store.uploads.stop(stopped)
    assert [await store.arriving.claim(id) for id in (closed, stopped)] == [None, None]


async def test_what_is_written_ahead_of_what_is_given_up_goes_with_it(store: Store) -> None:
    id = (await begun(store)).part.id
    arriving = await claimed(store, id)
    await store.pieces.write_ahead(arriving, 0, in_chunks(noise(CHUNK_BYTES)), arriving.writer)
    assert set(await all_of(store.audio.orphaned_chunks())) == {id}
    await store.uploads.stop(id)
    assert (await store.audio.delete(id)).left == 0
    assert await store.audio.stored(id) == (0, 0)


async def test_many_recordings_at_once(store: Store) -> None:
    arriving = [await begun(store) for _ in range(20)]
    for at in range(0, 30, 3):
        await asyncio.gather(*(store.pieces.append(each, at, each.part.id[-3:].encode()) for each in arriving))
    for each in arriving:
        assert await received(store, each) == each.part.id[-3:].encode() * 10


async def test_what_is_given_up_leaves_nothing(store: Store) -> None:
    arriving = await begun(store)
    id = arriving.part.id
    await store.pieces.append(arriving, 0, noise(CHUNK_BYTES + 1))
    await store.pieces.write_chunk(arriving, 0, CHUNK_BYTES)
    await store.slices.announce(id, Slice(1), 3, "sum")
    await store.slices.keep(arriving, 1, b"one")
    assert (await store.audio.stored(id))[1] == 4
    assert set(await all_of(store.audio.orphaned_chunks())) == {id}
    deletion = await store.audio.delete(id)
    assert (deletion.chunks, deletion.left) == (4, 0)
    assert deletion.epoch == (arriving.envelope and arriving.envelope.epoch)
    assert await store.audio.stored(id) == (0, 0)
    assert await all_of(store.audio.orphaned_chunks()) == []
    assert [kept.index for kept in await store.slices.of(id)] == [1], "what is known of it is no audio"
    await store.uploads.stop(id)
    assert await store.records.forget(id, is_over=True)
    assert await store.slices.of(id) == []


async def test_how_much_of_whom_arrives(store: Store) -> None:
    assert await store.arriving.load(ANN.user_id) == Load(0, 0)
    arriving = [await begun(store) for _ in range(3)]
    await store.arriving.fold(arriving[0].part.id, 7 * CHUNK_BYTES)
    await store.uploads.stop(arriving[1].part.id)
    await store.queued()
    await store.uploads.begin(a_part())
    assert await store.arriving.load(ANN.user_id) == Load(2, 9 * CHUNK_BYTES)
    for number, data in enumerate((b"one", b"three")):
        await store.slices.announce(arriving[0].part.id, Slice(number), len(data), "sum")
        await store.slices.keep(arriving[0], number, data)
    assert await store.arriving.load(ANN.user_id) == Load(2, 9 * CHUNK_BYTES + 8)
    await store.slices.received(arriving[0].part.id, 0, 3)
    assert await store.arriving.load(ANN.user_id) == Load(2, 9 * CHUNK_BYTES + 5)
    assert await store.arriving.arriving_bytes() == 9 * CHUNK_BYTES + 5
    await store.uploads.stop(arriving[0].part.id)
    assert await store.arriving.arriving_bytes() == CHUNK_BYTES


async def test_what_is_heard_of_lives_longer_but_not_for_ever(store: Store) -> None:
    silent, heard = (await begun(store)).part.id, (await begun(store)).part.id
    assert await store.upkeep.abandon() == []
    await store.passes(TERMS.arrival_seconds - 1)
    await store.arriving.heard([heard])
    await store.passes(62)
    assert [part.id for part in await store.upkeep.abandon()] == [silent]
    assert (await store.upkeep.survey(24)).abandoned == 0
    for _ in range(3):
        await store.arriving.heard([heard])
        await store.passes(TERMS.arrival_seconds)
    assert (await store.upkeep.survey(24)).abandoned == 1
    assert [part.id for part in await store.upkeep.abandon()] == [heard]


async def test_what_is_held_does_not_expire_before_that_is_lifted(store: Store) -> None:
    await store.sessions.create(a_session())
    id = (await begun(store)).part.id
    await store.holds.place(S1)
    await store.passes(TERMS.arrival_seconds + 61)
    assert await store.upkeep.abandon() == []
    assert (await store.gauges.read()).arriving.overdue_seconds == 0
    await store.holds.lift(S1)
    assert (await store.gauges.read()).arriving.overdue_seconds > 0
    assert await store.upkeep.is_needed(24)
    assert [part.id for part in await store.upkeep.abandon()] == [id]


async def test_the_clock_set_back_ends_nothing_early(store: Store) -> None:
    id = (await begun(store)).part.id
    await store.passes(-3600)
    assert await store.upkeep.abandon() == []
    await store.arriving.heard([id])
    await store.passes(TERMS.arrival_seconds + 61)
    assert [part.id for part in await store.upkeep.abandon()] == [id]


async def test_a_finish_that_was_interrupted_is_found_after_a_while_and_not_each_time(store: Store) -> None:
    arriving = await begun(store)
    await begun(store)
    await store.arriving.close(arriving.part.id)
    assert await store.upkeep.unfinished() == []
    assert not await store.upkeep.is_needed(24)
    await store.passes(TERMS.settle_grace_seconds + 1)
    assert await store.upkeep.is_needed(24)
    assert (await store.upkeep.survey(24)).unfinished == 1
    assert await store.upkeep.unfinished() == [arriving.part.id]
    assert await store.upkeep.unfinished() == []
    await store.passes(TERMS.ring_again_seconds + 1)
    assert await store.upkeep.unfinished() == [arriving.part.id]


async def test_a_slice_waits_until_those_before_it_are_here(store: Store) -> None:
    arriving = await begun(store)
    id = arriving.part.id
    said = Slice(2, start=10.0, end=15.5, duration=5.5)
    data = noise(2 * CHUNK_BYTES + 3)
    kept = await store.slices.announce(id, said, len(data), "sum")
    assert (kept.state, kept.start, kept.end, kept.duration) == (SliceState.ANNOUNCED, 10.0, 15.5, 5.5)
    assert await store.slices.data(arriving, 2) is None
    await asyncio.gather(*(store.slices.keep(arriving, 2, data) for _ in range(3)))
    assert (await store.slices.announce(id, said, 9, "other")).sha256 == "sum"
    assert await store.slices.data(arriving, 2) == data
    assert (await store.audio.stored(id))[1] in (1, 3)
    await store.slices.announce(id, Slice(0), 1, "first")
    assert [(kept.index, kept.state.value) for kept in await store.slices.of(id)] == [(0, "announced"), (2, "waiting")]
    await store.slices.received(id, 2, len(data))
    await store.slices.received(id, 2, len(data))
    assert await store.slices.data(arriving, 2) is None
    await store.slices.keep(arriving, 2, data)
    assert await store.audio.stored(id) == (0, 0)
    assert (await store.slices.of(id))[1].state is SliceState.RECEIVED


async def test_the_key_of_what_arrives_is_needed(store: Store) -> None:
    arriving = await begun(store)
    assert await store.arriving.may_be_read(arriving)
    if arriving.envelope is None:
        return
    epoch = arriving.envelope.epoch
    assert await store.epochs.recordings(epoch) == 1
    await store.uploads.stop(arriving.part.id)
    assert await store.epochs.recordings(epoch) == 0
    stopped = await store.records.get(arriving.part.id)
    assert stopped is not None
    assert await store.closings.settle(stopped.id, stopped.rev, await store.audio.delete(stopped.id))
    assert (await store.arriving.find(stopped.id)).envelope is None  # type: ignore[union-attr]


async def test_what_answers_nothing_yet_is_placed_once(store: Store) -> None:
    apart = replace(a_part(), session_id=NOWHERE, question_id=QuestionId(""), take=0)
    arriving = await store.arriving.begin(apart, replace(PLAN, key="file:1"))
    until = arriving.part.created_at
    assert until is not None
    assert await store.records.unplaced(ANN.user_id, until) == [apart.id]
    assert await store.records.unplaced(ANN.user_id, until - timedelta(seconds=1)) == []
    assert await store.records.unplaced(UserId("bob"), until) == []
    place = replace(a_part(), id=apart.id, take=3)
    placed = await store.arriving.place(place)
    assert placed is not None
    assert (placed.part.session_id, placed.part.question_id, placed.part.take) == (
        place.session_id, place.question_id, 3,
    )  # fmt: skip
    assert placed == await store.arriving.find(apart.id) == await store.arriving.newest(ANN.user_id, "file:1")
    assert await store.records.unplaced(ANN.user_id, until) == []
    again = await store.arriving.place(replace(place, take=4))
    assert again is not None and again.part.take == 4
    assert await store.arriving.place(replace(place, question_id=QuestionId("q9"))) is None
    assert await store.arriving.close(apart.id)
    assert await store.arriving.place(place) is None


async def test_an_empty_slice_waits_and_is_received(store: Store) -> None:
    arriving = await begun(store)
    id = arriving.part.id
    await store.slices.announce(id, Slice(1), 0, "sum")
    await store.slices.keep(arriving, 1, b"")
    assert await store.slices.data(arriving, 1) == b""
    await store.slices.announce(id, Slice(0), 3, "sum")
    await store.slices.received(id, 0, 3)
    await store.slices.received(id, 1, 3)
    assert await store.slices.head(id) == Head(2, 3)


async def test_what_is_received_of_many_slices_is_known_without_looking_at_all(store: Store) -> None:
    arriving = await begun(store)
    id = arriving.part.id
    assert (await store.slices.head(id), await store.slices.bytes_behind(id, Head())) == (Head(), 0)
    for index, size in ((0, 10), (1, 20), (3, 40), (5, 80)):
        await store.slices.announce(id, Slice(index), size, "sum")
    await store.slices.keep(arriving, 3, b"x" * 40)
    assert (await store.slices.head(id), await store.slices.bytes_behind(id, Head())) == (Head(), 150)
    await store.slices.received(id, 0, 10)
    await store.slices.received(id, 1, 30)
    assert (await store.slices.head(id), await store.slices.bytes_behind(id, Head(2, 30))) == (Head(2, 30), 120)
    noted = await store.slices.one(id, 3)
    assert noted is not None and (noted.index, noted.size, noted.state) == (3, 40, SliceState.WAITING)
    assert await store.slices.one(id, 2) is None
