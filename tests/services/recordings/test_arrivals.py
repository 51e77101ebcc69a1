"""Recordings that arrive in pieces, on fakes: what senders are told, and what becomes of what they sent."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import pytest

from services.errors import (
    ArrivalsSaturated,
    AudioEmpty,
    AudioMissing,
    AudioTooLarge,
    ChecksumMismatch,
    LengthInconsistent,
    NotAudio,
    OffsetMismatch,
    Problem,
    SentByNumber,
    SessionNotFound,
    SliceDiffers,
    SliceInvalid,
    SlicesMissing,
    StorageShort,
    StoreUnavailable,
    TakeSuperseded,
    TooLargeToCheck,
    TooManyArrivals,
    TooMuchArriving,
    UploadComplete,
    UploadGone,
    UploadInUse,
    UploadNotFound,
    UploadStalled,
    UploadTakenOver,
)
from services.interviews.model import Part, PartId, PartState, SessionId, Status, UserId, Viewer
from services.recordings import ahead
from services.recordings.arrival_limits import ArrivalLimits
from services.recordings.arrivals import Arrival, Arrivals, Checksum, KeptSlice, Plan, Slice, SliceState
from services.recordings.known_arrivals import MOST_BEGUN
from services.recordings.ports.arrivals import Appended, Arriving, Listened, Load
from services.recordings.ports.audio import CHUNK_BYTES
from services.recordings.ringing import RINGS_AT_ONCE
from tests.in_memory import ADMIN, ALICE, BOB, Q1, Interior
from tests.logs import captured

AMR = b"#!AMR\n" + b"a" * 94
PLAN = Plan("tus", media_type="audio/amr", raw_metadata="filename Zg==")
ONE = Slice(0)


async def sent(*pieces: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if then is not None:
        raise then


class Scene:
    """A house with one session, and one process that takes recordings in."""

    def __init__(self, limits: ArrivalLimits | None = None) -> None:
        self.house = Interior(arrival_limits=limits or ArrivalLimits())
        self.arrivals: Arrivals = self.house.arrivals
        self.session = SessionId("")

    async def begun(self, plan: Plan = PLAN) -> PartId:
        self.session = self.session or await self.house.session()
        return (await self.arrivals.begin(self.session, Q1, ALICE, plan)).part.id

    async def appended(self, id: PartId, at: int, *pieces: bytes) -> Arrival:
        return await self.arrivals.append(id, ALICE, at, sent(*pieces))

    async def whole(self, id: PartId) -> bytes:
        return b"".join([piece async for piece in self.house.audio.read(id)])

    async def received(self, id: PartId, offset: int) -> None:
        """Once so many bytes have been."""
        while (await self.arrivals.find(id, ALICE)).offset < offset:
            await asyncio.sleep(0)

    def is_empty(self) -> bool:
        memory = self.house.memory
        return not any((memory.files, memory.chunks, any(memory.pieces.values()), any(memory.waiting.values())))


async def test_a_recording_in_pieces_becomes_an_answer_like_any_other() -> None:
    scene = Scene()
    id = await scene.begun()
    assert (await scene.appended(id, 0, AMR)).offset == 100
    assert (await scene.appended(id, 100, b"b" * 50)).offset == 150
    found = await scene.arrivals.find(id, ALICE)
    assert (found.offset, found.length, found.is_complete) == (150, None, False)
    assert (found.door, found.media_type, found.raw_metadata) == ("tus", "audio/amr", "filename Zg==")
    part = await scene.arrivals.finish(id, ALICE)
    assert (part.id, part.state, part.take, part.bytes) == (id, PartState.QUEUED, 1, 150)
    assert part.sha256 == hashlib.sha256(AMR + b"b" * 50).hexdigest()
    assert await scene.whole(id) == AMR + b"b" * 50
    answer = (await scene.house.sessions.get(scene.session, ALICE)).answers[Q1]
    assert (answer.status, scene.house.doorbell.to_transcribe) == (Status.QUEUED, [id])
    metadata = scene.house.memory.files[id]
    assert (metadata["content_type"], metadata["user_id"]) == ("audio/amr", "alice")
    assert not any(scene.house.memory.pieces.values())


async def test_a_finished_one_is_found_and_finished_again_whatever_became_of_it() -> None:
    scene = Scene()
    id = await scene.begun()
    await scene.appended(id, 0, AMR)
    first = await scene.arrivals.finish(id, ALICE)
    assert await scene.house.arrivals.finish(id, ALICE) == first
    await scene.house.work_off()
    found = await scene.house.arrivals.find(id, ALICE)
    assert (found.offset, found.length, found.is_complete) == (100, 100, True)
    assert (await scene.house.arrivals.finish(id, ALICE)).state is PartState.COMPLETED
    for arrivals in (scene.arrivals, scene.house.arrivals):
        with pytest.raises(UploadComplete):
            await arrivals.append(id, ALICE, 100, sent(b"more"))
        with pytest.raises(UploadComplete):
            await arrivals.abort(id, ALICE)
    assert scene.is_empty()


async def test_two_processes_take_turns() -> None:
    scene = Scene()
    id, other = await scene.begun(), scene.house.arrivals
    whole = AMR + hashlib.shake_128(b"x").digest(3 * CHUNK_BYTES)
    for number, start in enumerate(range(0, len(whole), 50_000)):
        turn = (scene.arrivals, other)[number % 2]
        assert (await turn.append(id, ALICE, start, sent(whole[start : start + 50_000]))).offset <= len(whole)
        await turn.close()
    assert (await other.finish(id, ALICE)).sha256 == hashlib.sha256(whole).hexdigest()
    assert await scene.whole(id) == whole


async def test_a_piece_is_taken_only_at_the_offset_that_was_received() -> None:
    scene = Scene()
    id = await scene.begun()
    await scene.appended(id, 0, AMR)
    for arrivals in (scene.arrivals, scene.house.arrivals):
        for at in (0, 99, 101, 10**9):
            with pytest.raises(OffsetMismatch) as refused:
                await arrivals.append(id, ALICE, at, sent(b"x"))
            assert (refused.value.expected, refused.value.provided) == (100, at)
    stale = scene.house.arrivals
    await stale.append(id, ALICE, 100, sent(b"other"))
    with pytest.raises(OffsetMismatch) as refused:
        await scene.arrivals.append(id, ALICE, 100, sent(b"mine"))
    assert refused.value.expected == 105
    assert (await scene.appended(id, 105, b"!")).offset == 106


async def test_what_came_before_it_broke_off_counts() -> None:
    scene = Scene()
    id = await scene.begun()
    with pytest.raises(UploadStalled):
        await scene.arrivals.append(id, ALICE, 0, sent(AMR, b"b" * 500_000, b"c", then=UploadStalled()))
    assert (await scene.arrivals.find(id, ALICE)).offset == 500_101
    assert (await scene.appended(id, 500_101, b"d")).offset == 500_102
    assert (await scene.arrivals.finish(id, ALICE)).bytes == 500_102
    assert await scene.whole(id) == AMR + b"b" * 500_000 + b"cd"


async def test_under_a_checksum_nothing_counts_before_it_is_right() -> None:
    scene = Scene(ArrivalLimits(most_staged_bytes=CHUNK_BYTES + 200))
    id, data = await scene.begun(), AMR + b"x" * CHUNK_BYTES
    wrong = Checksum("sha1", hashlib.sha256(data).digest())
    right = Checksum("sha256", hashlib.sha256(data).digest())
    for checksum, pieces, problem in (
        (wrong, (data,), ChecksumMismatch),
        (right, (data, b"more"), ChecksumMismatch),
        (right, (data, b"m" * 200), TooLargeToCheck),
    ):
        with pytest.raises(problem):
            await scene.arrivals.append(id, ALICE, 0, sent(*pieces), checksum=checksum)
        assert (await scene.arrivals.find(id, ALICE)).offset == 0
    with pytest.raises(UploadStalled):
        await scene.arrivals.append(id, ALICE, 0, sent(data, then=UploadStalled()), checksum=right)
    assert (await scene.arrivals.find(id, ALICE)).offset == 0
    assert (await scene.arrivals.append(id, ALICE, 0, sent(data), checksum=right)).offset == len(data)
    assert (await scene.arrivals.finish(id, ALICE)).sha256 == right.digest.hex()


async def test_a_length_may_be_said_once_and_must_be_met() -> None:
    scene = Scene()
    with pytest.raises(AudioEmpty):
        await scene.begun(Plan("tus", length=0))
    id = await scene.begun()
    assert (await scene.arrivals.append(id, ALICE, 0, sent(AMR), length=110)).length == 110
    for length in (50, 109, 111):
        with pytest.raises(LengthInconsistent):
            await scene.arrivals.append(id, ALICE, 100, sent(b"x"), length=length)
    with pytest.raises(LengthInconsistent):
        await scene.arrivals.finish(id, ALICE)
    with pytest.raises(LengthInconsistent):
        await scene.appended(id, 100, b"12345", b"123456")
    assert (await scene.arrivals.find(id, ALICE)).offset == 105
    assert (await scene.appended(id, 105, b"12345")).offset == 110
    with pytest.raises(LengthInconsistent):
        await scene.appended(id, 110, b"1")
    assert (await scene.arrivals.finish(id, ALICE)).bytes == 110


async def test_a_length_that_is_said_while_chunks_are_made_is_not_forgotten() -> None:
    scene = Scene()
    id, gate, pieces = await scene.begun(), asyncio.Event(), scene.arrivals.pieces
    write = pieces.write_chunk

    async def slowly(arriving: Arriving, n: int, size: int) -> bool:
        await gate.wait()
        return await write(arriving, n, size)

    async def rest() -> AsyncIterator[bytes]:
        yield b"end"
        gate.set()
        await scene.arrivals.close()

    pieces.write_chunk = slowly  # type: ignore[method-assign]
    at = (await scene.appended(id, 0, AMR, b"x" * 2 * CHUNK_BYTES)).offset
    last = await scene.arrivals.append(id, ALICE, at, rest(), length=at + 3, told=lambda _: None)
    assert (last.offset, last.length) == (at + 3, at + 3)


async def test_a_length_that_was_said_to_another_process_is_learned() -> None:
    scene = Scene()
    id, other = await scene.begun(), scene.house.arrivals
    await scene.appended(id, 0, AMR)
    await other.append(id, ALICE, 100, sent(), length=150)
    last = await scene.appended(id, 100, b"b" * 50)
    assert (last.offset, last.length) == (150, 150)


async def test_what_is_no_audio_is_refused_with_the_first_bytes_that_tell() -> None:
    scene = Scene()
    id = await scene.begun()
    with pytest.raises(NotAudio):
        await scene.appended(id, 0, b"<html>" * 100)
    with pytest.raises(UploadGone):
        await scene.arrivals.find(id, ALICE)
    id = await scene.begun()
    await scene.appended(id, 0, b"<html>")
    await scene.appended(id, 6, b"<")
    with pytest.raises(NotAudio):
        await scene.appended(id, 7, b"x" * 64)
    id = await scene.begun()
    await scene.appended(id, 0, b"<html>")
    with pytest.raises(NotAudio):
        await scene.arrivals.finish(id, ALICE)
    id = await scene.begun()
    with pytest.raises(AudioEmpty):
        await scene.arrivals.finish(id, ALICE)
    assert scene.is_empty()
    id = await scene.begun()
    for at, byte in enumerate(AMR):
        await scene.appended(id, at, bytes([byte]))
    assert (await scene.arrivals.finish(id, ALICE)).bytes == 100


async def test_only_its_owner_and_operators_know_of_it() -> None:
    scene = Scene()
    id = await scene.begun()
    for arrivals in (scene.arrivals, scene.house.arrivals):
        calls: list[Call] = [
            lambda a: a.find(id, BOB),
            lambda a: a.append(id, BOB, 0, sent(AMR)),
            lambda a: a.finish(id, BOB),
            lambda a: a.abort(id, BOB),
            lambda a: a.put(id, BOB, ONE, sent(AMR)),
            lambda a: a.find(PartId("0" * 24), ALICE),
        ]
        for call in calls:
            with pytest.raises(UploadNotFound):
                await call(arrivals)
    with pytest.raises(SessionNotFound):
        await scene.arrivals.begin(scene.session, Q1, BOB, PLAN)
    assert (await scene.arrivals.find(id, ADMIN)).offset == 0


@pytest.mark.parametrize("viewer", [ALICE, ADMIN], ids=["its owner", "an admin"])
async def test_what_was_given_up_is_gone_with_a_receipt(viewer: Viewer) -> None:
    scene = Scene()
    id = await scene.begun()
    await scene.appended(id, 0, AMR, b"x" * (2 * CHUNK_BYTES))
    await scene.arrivals.close()
    await scene.arrivals.abort(id, viewer)
    for arrivals in (scene.arrivals, scene.house.arrivals):
        calls: list[Call] = [
            lambda a: a.find(id, ALICE),
            lambda a: a.append(id, ALICE, 100, sent(AMR)),
            lambda a: a.finish(id, ALICE),
            lambda a: a.abort(id, ALICE),
            lambda a: a.put(id, ALICE, ONE, sent(AMR)),
        ]
        for call in calls:
            with pytest.raises(UploadGone):
                await call(arrivals)
    assert scene.is_empty()
    assert list(scene.house.memory.receipts) == [id]


async def test_what_nothing_more_comes_of_expires() -> None:
    scene = Scene()
    id = await scene.begun()
    await scene.appended(id, 0, AMR)
    scene.house.memory.clock.advance(500)
    assert (await scene.house.sweep.run(24)).abandoned == 0
    await scene.appended(id, 100, b"x")
    while scene.house.memory.rows[id].arrival is not None and (await scene.house.sweep.run(24)).abandoned == 0:
        await scene.arrivals.close()
        scene.house.memory.clock.advance(100)
    with pytest.raises(UploadGone):
        await scene.appended(id, 101, b"x")
    assert scene.is_empty()
    assert 1100 <= (scene.house.memory.clock.now - scene.house.part(id).created_at).total_seconds() < 1400  # type: ignore[operator]


async def test_a_process_that_knew_nothing_of_it_puts_the_end_off_too() -> None:
    scene = Scene()
    id = await scene.begun()
    for at in range(3):
        scene.house.memory.clock.advance(500)
        other = scene.house.arrivals
        await other.append(id, ALICE, 100 * at, sent(AMR))
        await other.close()
        assert (await scene.house.sweep.run(24)).abandoned == 0
    assert (await scene.arrivals.find(id, ALICE)).offset == 300


async def test_an_open_recording_is_waited_for_by_analyze_and_does_not_show() -> None:
    scene = Scene()
    id = await scene.begun()
    assert Q1 not in (await scene.house.sessions.get(scene.session, ALICE)).answers
    assert await scene.house.records.newest_takes(scene.session) == {Q1: 1}
    await scene.arrivals.abort(id, ALICE)
    assert await scene.house.records.newest_takes(scene.session) == {}


async def test_the_same_recording_as_one_in_work_is_that_one() -> None:
    scene = Scene()
    first, second = await scene.begun(), await scene.begun()
    for id in (first, second):
        await scene.appended(id, 0, AMR)
    assert (await scene.arrivals.finish(first, ALICE)).id == first
    for arrivals in (scene.arrivals, scene.arrivals, scene.house.arrivals):
        assert ((same := await arrivals.finish(second, ALICE)).id, same.take) == (first, 2)
    found = await scene.arrivals.find(second, ALICE)
    assert (found.offset, found.is_complete) == (100, True)
    assert list(scene.house.memory.files) == [first]
    with pytest.raises(UploadComplete):
        await scene.appended(second, 100, b"x")


async def test_an_older_take_that_is_finished_late_is_not_kept() -> None:
    scene = Scene()
    id = await scene.begun()
    await scene.appended(id, 0, AMR)
    newest = await scene.house.upload(scene.session)
    with pytest.raises(TakeSuperseded):
        await scene.arrivals.finish(id, ALICE)
    assert list(scene.house.memory.files) == [newest.id]
    assert (await scene.arrivals.find(id, ALICE)).is_complete


async def test_what_was_declared_of_the_whole_is_held_to() -> None:
    scene = Scene()
    id = await scene.begun(Plan("draft", sha256=hashlib.sha256(AMR).hexdigest()))
    await scene.appended(id, 0, AMR)
    assert (await scene.arrivals.finish(id, ALICE)).id == id
    id = await scene.begun(Plan("draft", sha256="0" * 64))
    await scene.appended(id, 0, AMR + b"x")
    with pytest.raises(ChecksumMismatch):
        await scene.arrivals.finish(id, ALICE)
    with pytest.raises(UploadGone):
        await scene.arrivals.find(id, ALICE)


Call = Callable[[Arrivals], Awaitable[object]]


class Slow:
    """A sender who stops after what he sent, until he is told to go on."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.waits, self.goes_on = pieces, asyncio.Event(), asyncio.Event()

    async def data(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        self.waits.set()
        await self.goes_on.wait()
        yield b"the rest"


async def test_of_two_who_send_at_once_the_second_waits_or_takes_over() -> None:
    scene = Scene()
    id, slow = await scene.begun(), Slow(AMR)
    first = asyncio.create_task(scene.arrivals.append(id, ALICE, 0, slow.data()))
    await slow.waits.wait()
    with pytest.raises(UploadInUse):
        await scene.appended(id, 0, AMR)
    taking = asyncio.create_task(scene.arrivals.append(id, ALICE, 100, sent(b"mine"), takes_over=True))
    with pytest.raises(UploadTakenOver):
        await first
    assert (await taking).offset == 104
    assert (await scene.arrivals.finish(id, ALICE)).sha256 == hashlib.sha256(AMR + b"mine").hexdigest()


@pytest.mark.parametrize("later", range(4))
async def test_of_several_who_take_over_at_once_each_has_his_turn(later: int) -> None:
    """As one who asks how far it is, and goes on before he is told."""
    scene = Scene()
    id, slow = await scene.begun(), Slow(AMR)
    first = asyncio.create_task(scene.arrivals.append(id, ALICE, 0, slow.data()))
    await slow.waits.wait()
    second = asyncio.create_task(scene.arrivals.interrupt(id, ALICE))
    for _ in range(later):
        await asyncio.sleep(0)
    assert (await scene.arrivals.append(id, ALICE, 100, sent(b"mine"), takes_over=True)).offset == 104
    await second
    with pytest.raises(UploadTakenOver):
        await first


async def test_who_is_silent_is_followed_by_who_comes_after_him() -> None:
    """As one whose network has changed, and whose connection nobody has closed."""
    scene = Scene()
    id, slow = await scene.begun(), Slow(AMR)
    first = asyncio.create_task(scene.arrivals.append(id, ALICE, 0, slow.data()))
    await slow.waits.wait()
    scene.house.memory.clock.advance(2)
    assert (await scene.arrivals.located(id, ALICE)).offset == 0
    with pytest.raises(UploadInUse):
        await scene.appended(id, 0, AMR)
    scene.house.memory.clock.advance(2)
    assert (await scene.arrivals.located(id, ALICE)).offset == 100
    with pytest.raises(UploadTakenOver):
        await first
    assert (await scene.appended(id, 100, b"more")).offset == 104


async def test_who_is_silent_loses_his_turn_to_who_asks_for_nothing_first() -> None:
    scene = Scene()
    id, slow = await scene.begun(), Slow(AMR)
    first = asyncio.create_task(scene.arrivals.append(id, ALICE, 0, slow.data()))
    await slow.waits.wait()
    scene.house.memory.clock.advance(4)
    with pytest.raises(OffsetMismatch) as mismatch:
        await scene.appended(id, 0, AMR)
    assert mismatch.value.expected == 100
    with pytest.raises(UploadTakenOver):
        await first
    assert (await scene.arrivals.find(id, ALICE)).offset == 100


async def test_of_those_that_began_together_few_ask_for_a_number_of_their_own_at_once() -> None:
    scene = Scene(ArrivalLimits(most_of_user=1000))
    take_over, asked = scene.arrivals.records.take_over, list[PartId]()

    async def noted(id: PartId) -> int | None:
        asked.append(id)
        return await take_over(id)

    scene.arrivals.records.take_over = noted  # type: ignore[method-assign]
    ids, sent_by_now, at_once = [await scene.begun() for _ in range(64)], list[int](), list[int]()

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(60):
            yield AMR if number == 0 else b"x"
            await asyncio.sleep(0)

    def told(_: int) -> None:
        sent_by_now.append(1)
        if len(sent_by_now) % len(ids) == 0:
            at_once.append(len(asked) - sum(at_once))

    await asyncio.gather(*(scene.arrivals.append(id, ALICE, 0, pieces(), told=told) for id in ids))
    assert sorted(asked) == sorted(ids)
    assert max(at_once) <= len(ids) / 4


async def test_what_came_counts_while_more_is_waited_for_and_a_writer_at_another_process_takes_over() -> None:
    scene = Scene()
    id, slow = await scene.begun(), Slow(AMR, b"x" * 300_000)
    first = asyncio.create_task(scene.arrivals.append(id, ALICE, 0, slow.data()))
    await slow.waits.wait()
    at, other = CHUNK_BYTES, scene.house.arrivals
    await scene.received(id, at)
    assert (await other.append(id, ALICE, at, sent(b"other"))).offset == at + 5
    slow.goes_on.set()
    with pytest.raises(UploadTakenOver):
        await first
    assert (await scene.arrivals.find(id, ALICE)).offset == at + 5


async def test_who_is_taken_over_while_what_he_sent_comes_to_count_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    id, count = await scene.begun(), scene.house.pieces.count
    counts, is_over = asyncio.Event(), asyncio.Event()

    async def counted(arriving: Arriving, until: int, writer: int) -> Appended:
        counts.set()
        await is_over.wait()
        for _ in range(10):  # whoever has nothing more to send waits for what counts
            await asyncio.sleep(0)
        return await count(arriving, until, writer)

    async def data() -> AsyncIterator[bytes]:
        yield AMR + b"x" * (4 * CHUNK_BYTES - len(AMR))
        await counts.wait()
        await scene.house.arriving.claim(id)
        is_over.set()

    monkeypatch.setattr(scene.house.pieces, "count", counted)
    monkeypatch.setattr(ahead, "MOST_AHEAD_SECONDS", 0.0)
    with pytest.raises(UploadTakenOver):
        await scene.arrivals.append(id, ALICE, 0, data())


async def test_who_breaks_off_after_a_write_that_failed_is_told_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    id, failed = await scene.begun(), asyncio.Event()

    async def append(*_: object) -> Appended:
        failed.set()
        raise StoreUnavailable

    async def data() -> AsyncIterator[bytes]:
        yield b"x" * CHUNK_BYTES
        await failed.wait()
        await asyncio.sleep(0)
        raise UploadStalled

    await scene.appended(id, 0, AMR)
    monkeypatch.setattr(scene.house.pieces, "append", append)
    with pytest.raises(StoreUnavailable):
        await scene.arrivals.append(id, ALICE, 100, data())


async def test_what_nobody_foresaw_of_one_recording_is_told_at_once_and_keeps_no_other_from_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene()
    damaged, sound = await scene.begun(), await scene.begun()
    write_chunk = scene.house.pieces.write_chunk

    async def written(arriving: Arriving, n: int, size: int) -> bool:
        if arriving.part.id == damaged:
            raise ValueError
        return await write_chunk(arriving, n, size)

    monkeypatch.setattr(scene.house.pieces, "write_chunk", written)
    with captured() as lines:
        for at in (0, 150_000):
            await asyncio.gather(*(scene.appended(id, at, AMR.ljust(150_000)) for id in (damaged, sound)))
        await scene.arrivals.close()
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["an arrival cannot be tended"]
    assert [len(scene.house.memory.chunks.get(id, ())) for id in (damaged, sound)] == [0, 1]


async def test_a_request_goes_on_with_the_chunk_that_the_one_before_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    id, read, starts = await scene.begun(), scene.house.pieces.read, []

    def noted(arriving: Arriving, start: int = 0) -> AsyncIterator[bytes]:
        starts.append(start)
        return read(arriving, start)

    monkeypatch.setattr(scene.house.pieces, "read", noted)
    await scene.appended(id, 0, AMR, b"x" * 599_900)
    others = [await scene.begun() for _ in range(MOST_BEGUN)]
    for at in (600_000, 1_200_000):
        await scene.appended(id, at, b"y" * 600_000)
    assert starts == []
    for other in others:
        await scene.appended(other, 0, AMR, b"x" * 599_900)
    await scene.appended(id, 1_800_000, b"z" * 600_000)
    assert starts == [1_800_000 - 1_800_000 % CHUNK_BYTES], "few are held"
    part = await scene.arrivals.finish(id, ALICE)
    whole = AMR + b"x" * 599_900 + b"y" * 1_200_000 + b"z" * 600_000
    assert (part.sha256, await scene.whole(id)) == (hashlib.sha256(whole).hexdigest(), whole)


async def test_many_that_are_due_at_once_are_asked_about_together_and_each_is_rung_for() -> None:
    scene = Scene()
    number = 3 * RINGS_AT_ONCE
    house, records = scene.house, scene.arrivals.records
    listened, asked = records.listened, list[int]()

    async def counted(ids: Collection[PartId]) -> dict[PartId, Listened]:
        asked.append(len(ids))
        return await listened(ids)

    records.listened = counted  # type: ignore[method-assign]
    ids = [await scene.begun() for _ in range(number)]
    for id in ids:
        await scene.appended(id, 0, AMR)
    assert not house.doorbell.to_transcribe
    house.memory.clock.advance(20)
    for id in ids:
        await scene.appended(id, 100, b"x" * 100)
    await scene.arrivals.close()
    assert sorted(house.doorbell.to_transcribe) == sorted(ids)
    assert max(asked) == RINGS_AT_ONCE
    assert len(asked) <= number // RINGS_AT_ONCE + 2


async def test_what_ends_while_all_are_listed_is_left_out() -> None:
    scene = Scene()
    goes_on, gone = await scene.begun(), await scene.begun()
    pieces = scene.arrivals.pieces
    offset = pieces.offset

    async def ends(id: PartId) -> int:
        if id == gone:
            raise AudioMissing
        return await offset(id)

    pieces.offset = ends  # type: ignore[method-assign]
    assert [arrival.part.id for arrival in await scene.arrivals.arriving(ALICE)] == [goes_on]


async def test_what_was_finished_while_it_arrives_takes_nothing_more() -> None:
    scene = Scene()
    id, slow = await scene.begun(), Slow(b"x" * 300_000)
    await scene.appended(id, 0, AMR)
    first = asyncio.create_task(scene.arrivals.append(id, ALICE, 100, slow.data()))
    await slow.waits.wait()
    await scene.received(id, CHUNK_BYTES)
    part = await scene.house.arrivals.finish(id, ALICE)
    slow.goes_on.set()
    with pytest.raises(UploadComplete):
        await first
    assert part.bytes == len(await scene.whole(id)) >= 100
    assert not any(scene.house.memory.pieces.values())


async def test_what_is_finished_is_finished_once_for_all_who_ask() -> None:
    scene = Scene()
    id = await scene.begun()
    await scene.appended(id, 0, AMR, b"x" * 600_000)
    arrivals = [scene.arrivals, scene.arrivals, scene.house.arrivals, scene.house.arrivals]
    parts = await asyncio.gather(*(each.finish(id, ALICE) for each in arrivals))
    assert {(part.id, part.bytes, part.take) for part in parts} == {(id, 600_100, 1)}
    assert len(scene.house.memory.files) == 1


async def test_who_finishes_what_another_has_just_finished_is_answered_alike() -> None:
    scene = Scene()
    id = await scene.begun()
    await scene.appended(id, 0, AMR)
    pieces, other = scene.arrivals.pieces, scene.house.arrivals
    read = pieces.read

    async def late(arriving: Arriving, start: int = 0) -> AsyncIterator[bytes]:
        pieces.read = read  # type: ignore[method-assign]
        await other.finish(id, ALICE)
        async for piece in read(arriving, start):
            yield piece

    pieces.read = late  # type: ignore[method-assign]
    assert (await scene.arrivals.finish(id, ALICE)).state is PartState.QUEUED


async def test_what_is_finished_while_it_is_looked_at_is_told_of_as_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    id = await scene.begun()
    await scene.appended(id, 0, AMR)
    offset = scene.house.pieces.offset

    async def late(id: PartId) -> int:
        monkeypatch.setattr(scene.house.pieces, "offset", offset)
        await scene.house.arrivals.finish(id, ALICE)
        return await offset(id)

    monkeypatch.setattr(scene.house.pieces, "offset", late)
    found = await scene.arrivals.find(id, ALICE)
    assert (found.offset, found.is_complete) == (100, True)


async def test_a_load_that_could_not_be_read_is_read_again() -> None:
    scene = Scene(ArrivalLimits(most_bytes_of_user=4 * CHUNK_BYTES))
    records = scene.arrivals.records
    load, troubles = records.load, list[Exception]()

    async def away(user_id: UserId) -> Load:
        if troubles:
            raise troubles.pop()
        return await load(user_id)

    records.load = away  # type: ignore[method-assign]
    id = await scene.begun()
    await scene.appended(id, 0, AMR)
    troubles.append(StoreUnavailable())
    scene.house.memory.clock.advance(10)  # what was read as it was begun is old then
    with pytest.raises(StoreUnavailable):
        await scene.appended(id, 100, b"x" * CHUNK_BYTES)
    assert (await scene.appended(id, 100, b"x" * CHUNK_BYTES)).offset == 100 + CHUNK_BYTES


def loads_asked_of(scene: Scene) -> list[UserId]:
    """Whose the store is asked for from now on."""
    records = scene.arrivals.records
    load, asked = records.load, list[UserId]()

    async def noted(user_id: UserId) -> Load:
        asked.append(user_id)
        return await load(user_id)

    records.load = noted  # type: ignore[method-assign]
    return asked


async def test_what_a_user_has_arriving_is_read_once_for_the_beginning_and_what_follows() -> None:
    scene = Scene()
    asked = loads_asked_of(scene)
    first = await scene.begun()
    await scene.appended(first, 0, AMR, b"x" * CHUNK_BYTES)
    assert len(asked) == 1
    await scene.begun()
    assert len(asked) == 2, "the second is counted anew"


async def test_what_a_user_has_arriving_is_read_again_before_much_has_come() -> None:
    mb = 1024 * 1024
    scene = Scene(ArrivalLimits(most_bytes_of_user=20 * mb))
    asked = loads_asked_of(scene)
    id = await scene.begun()
    for at in range(3):
        scene.house.memory.clock.advance(3600)
        await scene.appended(id, at * mb, (AMR + b"x" * mb)[:mb])
    assert len(asked) == 2, "a tenth of what may still come has come once"


async def test_limits_hold_before_anything_is_kept() -> None:
    mb = 1024 * 1024
    limits = ArrivalLimits(most_bytes=mb, most_of_user=2, most_bytes_of_user=mb)
    scene = Scene(limits)
    with pytest.raises(AudioTooLarge):
        await scene.begun(Plan("tus", length=mb + 1))
    first, second = await scene.begun(), await scene.begun()
    with pytest.raises(AudioTooLarge):
        await scene.appended(first, 0, AMR, b"x" * (mb - 100), b"!")
    with pytest.raises(TooManyArrivals):
        await scene.begun()
    await scene.arrivals.close()
    scene.house.memory.clock.advance(10)
    with pytest.raises(TooMuchArriving):
        await scene.appended(second, 0, AMR, b"x" * CHUNK_BYTES)
    assert (await scene.appended(second, 0, AMR)).offset == 100


@pytest.mark.parametrize("problem", [StorageShort, ArrivalsSaturated])
async def test_where_there_is_no_room_what_has_arrived_is_kept(problem: type[Problem]) -> None:
    scene = Scene(ArrivalLimits(most_bytes_of_all=3 * CHUNK_BYTES))
    id = await scene.begun()
    await scene.appended(id, 0, AMR)
    if problem is StorageShort:
        scene.house.room.free = 10
    else:
        for _ in range(3):
            await scene.house.arrivals.begin(scene.session, Q1, ALICE, PLAN)
    scene.house.memory.clock.advance(10)
    for call in (scene.appended(id, 100, b"x"), scene.begun()):
        with pytest.raises(problem) as refused:
            await call
        assert refused.value.retry_after
    assert (await scene.arrivals.find(id, ALICE)).offset == 100
    scene.house.room.free = None
    scene.house.memory.rows = {id: scene.house.memory.rows[id]}
    scene.house.memory.clock.advance(10)
    assert (await scene.appended(id, 100, b"x")).offset == 101


async def test_what_one_request_brought_before_there_was_no_room_counts() -> None:
    scene = Scene()
    id = await scene.begun()

    async def data() -> AsyncIterator[bytes]:
        yield AMR.ljust(4 * CHUNK_BYTES)
        while not scene.house.memory.ahead.get(id):
            await asyncio.sleep(0)
        scene.house.room.free = 10
        scene.house.memory.clock.advance(60)
        yield bytes(4 * CHUNK_BYTES)

    with pytest.raises(StorageShort):
        await scene.arrivals.append(id, ALICE, 0, data())
    assert (await scene.arrivals.find(id, ALICE)).offset == 4 * CHUNK_BYTES


async def test_slices_come_in_any_order_and_twice() -> None:
    scene = Scene()
    id = await scene.begun(Plan("slices"))
    slices = [AMR, b"one" * 200_000, b"two", b"three"]
    for index in (3, 1, 3, 0, 1, 2, 0, 3):
        await scene.arrivals.put(id, ALICE, Slice(index, start=float(index)), sent(slices[index]))
    found = await scene.arrivals.find(id, ALICE)
    assert found.offset == sum(map(len, slices))
    assert [(kept.index, kept.state.value, kept.start, kept.size) for kept in found.slices] == [
        (index, "received", float(index), len(slices[index])) for index in range(4)
    ]
    assert found.missing() == ()
    assert (await scene.arrivals.finish(id, ALICE)).sha256 == hashlib.sha256(b"".join(slices)).hexdigest()
    assert (await scene.arrivals.put(id, ALICE, Slice(2), sent(b"two"))).state.value == "received"
    with pytest.raises(UploadComplete):
        await scene.arrivals.put(id, ALICE, Slice(4), sent(b"four"))


async def test_what_comes_in_slices_takes_nothing_by_offset() -> None:
    scene = Scene()
    id = await scene.begun(Plan("slices"))
    await scene.arrivals.put(id, ALICE, Slice(0), sent(AMR))
    for at, takes_over in ((len(AMR), False), (len(AMR), True)):
        with pytest.raises(SentByNumber):
            await scene.arrivals.append(id, ALICE, at, sent(b"more"), takes_over=takes_over)
    assert (await scene.arrivals.find(id, ALICE)).offset == len(AMR)


@pytest.mark.parametrize(("ends", "problem"), [("abort", UploadGone), ("finish", UploadComplete)])
async def test_a_slice_that_waits_for_what_has_just_ended_is_not_acknowledged(
    ends: str, problem: type[Problem]
) -> None:
    scene = Scene()
    id = await scene.begun(Plan("slices"))
    await scene.arrivals.put(id, ALICE, Slice(0), sent(AMR))
    slices = scene.arrivals.slices
    announce = slices.announce

    async def late(id: PartId, slice: Slice, size: int, sha256: str) -> KeptSlice:
        await getattr(scene.house.arrivals, ends)(id, ALICE)
        return await announce(id, slice, size, sha256)

    slices.announce = late  # type: ignore[method-assign]
    with pytest.raises(problem):
        await scene.arrivals.put(id, ALICE, Slice(2), sent(b"two"))


@pytest.mark.parametrize("look", ["one", "data"])
async def test_what_waits_behind_a_slice_that_another_moves_at_the_end_is_a_part_of_it(look: str) -> None:
    scene = Scene()
    id = await scene.begun(Plan("slices"))
    for index, piece in ((1, b"one"), (2, b"two")):
        await scene.arrivals.put(id, ALICE, Slice(index), sent(piece))
    slices, dies_at = scene.house.slices, 1
    looked, data = getattr(slices, look), slices.data

    async def dies(arriving: Arriving, index: int) -> bytes | None:
        if index == dies_at:
            raise StoreUnavailable
        return await data(arriving, index)

    async def first_comes() -> None:
        slices.data = dies  # type: ignore[method-assign]
        with pytest.raises(StoreUnavailable):
            await scene.house.arrivals.put(id, ALICE, Slice(0), sent(AMR))
        slices.data = data  # type: ignore[method-assign]

    async def meanwhile(*of: Any) -> Any:
        nonlocal dies_at
        if of[1] == 1 and dies_at == 1:
            dies_at = 2
            await first_comes()
        return await looked(*of)

    await first_comes()
    setattr(slices, look, meanwhile)
    assert (await scene.arrivals.finish(id, ALICE)).bytes == len(AMR) + 6
    assert await scene.whole(id) == AMR + b"onetwo"


@pytest.mark.parametrize("again", ["the end", "a slice"])
async def test_what_is_told_again_while_it_is_finished_is_answered_alike(again: str) -> None:
    scene = Scene()
    id = await scene.begun(Plan("slices"))
    await scene.arrivals.put(id, ALICE, Slice(1), sent(b"one"))
    slices, finished = scene.house.slices, list[Part]()
    data = slices.data

    async def dies(arriving: Arriving, index: int) -> bytes | None:
        raise StoreUnavailable

    async def late(arriving: Arriving, index: int) -> bytes | None:
        waits, slices.data = await data(arriving, index), data  # type: ignore[method-assign]
        finished.append(await scene.house.arrivals.finish(id, ALICE))
        return waits

    slices.data = dies  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await scene.arrivals.put(id, ALICE, Slice(0), sent(AMR))
    slices.data = late  # type: ignore[method-assign]
    if again == "the end":
        assert await scene.arrivals.finish(id, ALICE) == finished[0]
    else:
        assert (await scene.arrivals.put(id, ALICE, Slice(0), sent(AMR))).state is SliceState.RECEIVED
    assert await scene.whole(id) == AMR + b"one"


async def test_what_is_missing_is_said_before_it_is_finished() -> None:
    scene = Scene()
    id = await scene.begun(Plan("slices"))
    await scene.arrivals.put(id, ALICE, Slice(1), sent(b"one"))
    assert (await scene.arrivals.put(id, ALICE, Slice(4), sent(b"four"))).state.value == "waiting"
    waiting = await scene.arrivals.find(id, ALICE)
    assert (waiting.offset, waiting.missing(), waiting.missing(7)) == (0, (0, 2, 3), (0, 2, 3, 5, 6))
    for total, missing in ((0, (0, 2, 3)), (6, (0, 2, 3, 5))):
        with pytest.raises(SlicesMissing) as refused:
            await scene.arrivals.finish(id, ALICE, slices=total)
        assert refused.value.indices == missing
    for index, data in enumerate((AMR, b"one", b"two", b"three", b"four")):
        await scene.arrivals.put(id, ALICE, Slice(index), sent(data))
    assert (await scene.arrivals.finish(id, ALICE, slices=5)).bytes == 115


async def test_a_slice_that_is_another_one_is_refused() -> None:
    scene = Scene(ArrivalLimits(most_staged_bytes=1000, most_bytes=1500))
    id = await scene.begun(Plan("slices"))
    await scene.arrivals.put(id, ALICE, Slice(0), sent(AMR))
    await scene.arrivals.put(id, ALICE, Slice(2), sent(b"two"))
    for index in (0, 2):
        with pytest.raises(SliceDiffers):
            await scene.arrivals.put(id, ALICE, Slice(index), sent(b"another"))
    for slice in (Slice(-1), Slice(100_000), Slice(1, start=-1.0), Slice(1, end=float("nan"))):
        with pytest.raises(SliceInvalid):
            await scene.arrivals.put(id, ALICE, slice, sent(b"x"))
    with pytest.raises(TooLargeToCheck):
        await scene.arrivals.put(id, ALICE, Slice(1), sent(b"x" * 1001))
    await scene.arrivals.put(id, ALICE, Slice(1), sent(b"x" * 1000))
    with pytest.raises(AudioTooLarge):
        await scene.arrivals.put(id, ALICE, Slice(3), sent(b"x" * 1000))


async def test_slices_at_two_processes_at_once() -> None:
    scene = Scene()
    id = await scene.begun(Plan("slices"))
    slices = [AMR, *(bytes([number]) * 40_000 for number in range(1, 20))]
    both = (scene.arrivals, scene.house.arrivals)
    await asyncio.gather(
        *(
            both[(index + again) % 2].put(id, ALICE, Slice(index), sent(data))
            for again in range(2)
            for index, data in reversed(list(enumerate(slices)))
        )
    )
    part = await scene.arrivals.finish(id, ALICE, slices=20)
    assert part.sha256 == hashlib.sha256(b"".join(slices)).hexdigest()
    assert not any(scene.house.memory.waiting.values())
