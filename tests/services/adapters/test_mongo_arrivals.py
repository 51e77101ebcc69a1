"""Recordings in pieces on a real mongod: sealed, by two processes, with a database that refuses or is gone."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Sequence
from types import ModuleType
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo import group_commit, pieces, slices
from services.adapters.mongo.elections import MongoElections
from services.adapters.mongo.group_commit import GroupCommit
from services.adapters.mongo.pieces import MongoPieces
from services.errors import (
    AudioSealBroken,
    OffsetMismatch,
    Problem,
    StoreUnavailable,
    UploadComplete,
    UploadGone,
    UploadTakenOver,
)
from services.interviews.model import PartId, PartState, SessionId
from services.recordings.arrivals import Arrivals, Plan, Slice
from services.recordings.folding import Folding
from services.recordings.ports.arrivals import SLICES, Arriving, Head, KeptSlice
from services.recordings.ports.audio import CHUNK_BYTES
from tests.at_length import long_but
from tests.in_memory import ALICE, Q1, Interior
from tests.processes import PORTS
from tests.services.adapters.stores import a_part, store_on_mongo
from tests.services.adapters.test_mongo_audio import refuse

Document = dict[str, Any]
HEAD = b"#!AMR\n"
WHOLE = HEAD + hashlib.shake_128(b"noise").digest(3 * CHUNK_BYTES + 1234)


@pytest.fixture
def house(database: AsyncDatabase[Document]) -> Interior:
    house, ports = Interior(), store_on_mongo(database, is_sealed=True)
    for name in PORTS:
        if name != "doorbell":
            setattr(house, name, getattr(ports, name))
    house.elections = MongoElections(database)
    return house


async def cut(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def begun(house: Interior) -> tuple[SessionId, PartId]:
    session = await house.session()
    return session, (await house.arrivals.begin(session, Q1, ALICE, Plan("tus"))).part.id


async def sends(arrivals: Arrivals, id: PartId, at: int = 0, size: int = 60_001) -> None:
    """All that is behind this byte, going on from where it is told that it should."""
    while at < len(WHOLE):
        try:
            at = (await arrivals.append(id, ALICE, at, once(WHOLE[at : at + size]))).offset
        except (OffsetMismatch, UploadTakenOver):
            at = (await arrivals.find(id, ALICE)).offset
    await arrivals.close()


async def stored(house: Interior, id: PartId) -> bytes:
    return b"".join([piece async for piece in house.audio.read(id)])


async def test_no_byte_of_the_sound_is_in_the_database(house: Interior, database: AsyncDatabase[Document]) -> None:
    _, id = await begun(house)
    said = b"a voice that nobody else may hear. " * 20_000
    await house.arrivals.append(id, ALICE, 0, once(HEAD + said))
    for collection in ("pieces", "fs.chunks"):
        async for row in database[collection].find():
            assert b"nobody else" not in row["data"]
    await house.arrivals.finish(id, ALICE)
    assert await stored(house, id) == HEAD + said
    assert await database["pieces"].count_documents({}) == 0


@pytest.mark.parametrize("change", [{"data": b"x" * 10}, {"tag": b"x" * 16}, {"nonce": b"\x80" * 12}, {"nonce": b""}])
async def test_a_changed_piece_is_noticed(house: Interior, database: AsyncDatabase[Document], change: Document) -> None:
    _, id = await begun(house)
    await house.arrivals.append(id, ALICE, 0, once(HEAD + b"0123"))
    await database["pieces"].update_one({"recording": ObjectId(id)}, {"$set": change})
    with pytest.raises(AudioSealBroken):
        await house.arrivals.finish(id, ALICE)


@pytest.mark.parametrize("change", [{"data": b"x" * 10}, {"tag": b"x" * 16}, {"nonce": b"\x80" * 12}, {"nonce": b""}])
async def test_a_changed_chunk_that_came_as_one_is_noticed(
    house: Interior, database: AsyncDatabase[Document], change: Document
) -> None:
    _, id = await begun(house)
    await house.arrivals.append(id, ALICE, 0, once(WHOLE[: 2 * CHUNK_BYTES]))
    rows = await database["fs.chunks"].find({"files_id": ObjectId(id)}, sort=[("n", 1)]).to_list()
    assert [(row["n"], len(row["nonce"])) for row in rows] == [(0, 12), (1, 12)]
    await house.arrivals.finish(id, ALICE)
    assert await stored(house, id) == WHOLE[: 2 * CHUNK_BYTES]
    sealed = {name: rows[1][name] for name in ("data", "tag", "nonce")}
    for changed in (change, sealed):  # what stands in the other chunk is not this one either
        await database["fs.chunks"].update_one({"files_id": ObjectId(id), "n": 0}, {"$set": changed})
        with pytest.raises(AudioSealBroken):
            await stored(house, id)


async def test_pieces_cannot_change_places_or_recordings(house: Interior, database: AsyncDatabase[Document]) -> None:
    ids = [(await begun(house))[1] for _ in range(2)]
    for id in ids:
        await house.arrivals.append(id, ALICE, 0, once(HEAD + b"0123456789"))
        await house.arrivals.append(id, ALICE, 16, once(b"0123456789abcdef"))
    of_first = await database["pieces"].find({"recording": ObjectId(ids[0])}, sort=[("offset", 1)]).to_list()
    sealed = {name: of_first[0][name] for name in ("data", "tag", "nonce")}
    for place in ({"recording": ObjectId(ids[0]), "offset": 16}, {"recording": ObjectId(ids[1]), "offset": 0}):
        await database["pieces"].update_one(place, {"$set": sealed})
    for id in ids:
        with pytest.raises(AudioSealBroken):
            await house.arrivals.finish(id, ALICE)


@pytest.mark.parametrize("sizes", [(60_001, 60_001), (600_000, 600_000), (60_001, 600_000)])
async def test_two_processes_that_send_at_once_keep_the_bytes_in_order(house: Interior, sizes: tuple[int, int]) -> None:
    _, id = await begun(house)
    both = [house.arrivals, house.arrivals]
    await asyncio.gather(*(sends(arrivals, id, size=size) for arrivals, size in zip(both, sizes, strict=True)))
    parts = await asyncio.gather(*(arrivals.finish(id, ALICE) for arrivals in both))
    assert {part.sha256 for part in parts} == {hashlib.sha256(WHOLE).hexdigest()}
    assert await stored(house, id) == WHOLE


@pytest.mark.parametrize(
    ("commands", "fault"),
    long_but(
        (["insert", "update", "delete", "findAndModify"], {"closeConnection": True}),
        of=[
            (["insert"], {"closeConnection": True}),
            (["find"], {"closeConnection": True}),
            (["insert", "update", "delete", "findAndModify"], {"closeConnection": True}),
            (["insert"], {"writeConcernError": {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "timed out"}}),
            (["insert"], {"errorCode": 14031}),
            (["update"], {"errorCode": 11602, "errorLabels": []}),
        ],
    ),
)
async def test_nothing_that_was_acknowledged_is_lost_where_the_database_is_in_trouble(
    mongo: AsyncMongoClient[Document], house: Interior, commands: list[str], fault: Document
) -> None:
    _, id = await begun(house)
    arrivals, at = house.arrivals, 0
    for number in range(12):
        await refuse(mongo, number % 4, failCommands=commands, **fault)
        size = (40, 70_000, CHUNK_BYTES, 3 * CHUNK_BYTES)[number % 3]
        try:
            arrival = await arrivals.append(id, ALICE, at, once(WHOLE[at : at + size]))
            assert arrival.offset == min(len(WHOLE), at + size)
        except (StoreUnavailable, OffsetMismatch):
            pass  # what was not confirmed may count all the same, and be seen a moment later
        await arrivals.close()
        await mongo.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
        offset = (await house.arrivals.find(id, ALICE)).offset
        assert offset >= at
        at = offset
        found = await house.arriving.find(id)
        assert found is not None
        read = b"".join([piece async for piece in house.pieces.read(found)])
        assert len(read) >= at  # a majority may have had more of it meanwhile
        assert WHOLE.startswith(read)
    await sends(arrivals, id, at)
    assert (await arrivals.finish(id, ALICE)).sha256 == hashlib.sha256(WHOLE).hexdigest()


async def test_two_processes_in_turns_take_in_one_recording_in_large_requests(
    house: Interior, database: AsyncDatabase[Document]
) -> None:
    _, id = await begun(house)
    first, second = house.arrivals, house.arrivals
    size, at = 600_000, 0
    for number, begin in enumerate(range(0, len(WHOLE), size)):
        arrivals = (first, first, second)[number % 3]
        at = (await arrivals.append(id, ALICE, begin, once(WHOLE[begin : begin + size]))).offset
        await arrivals.close()
        assert at == (await house.arrivals.find(id, ALICE)).offset == min(len(WHOLE), begin + size)
    assert (await first.finish(id, ALICE)).sha256 == hashlib.sha256(WHOLE).hexdigest()
    assert await stored(house, id) == WHOLE
    assert await database["pieces"].count_documents({}) == 0


@pytest.mark.parametrize("size", long_but(300_000, of=[50_000, 300_000, 600_000]))
async def test_slices_of_any_size_that_two_processes_take_in_at_once(house: Interior, size: int) -> None:
    session = await house.session()
    slices = [WHOLE[start : start + size] for start in range(0, len(WHOLE), size)]
    for _ in range(3):
        id = (await house.arrivals.begin(session, Q1, ALICE, Plan("slices"))).part.id
        both = [house.arrivals, house.arrivals]
        await asyncio.gather(
            *(each.put(id, ALICE, Slice(n), once(data)) for n, data in enumerate(slices) for each in both)
        )
        parts = await asyncio.gather(*(each.finish(id, ALICE, slices=len(slices)) for each in both))
        assert {part.sha256 for part in parts} == {hashlib.sha256(WHOLE).hexdigest()}


async def test_what_a_process_that_died_had_written_ahead_is_in_nobodys_way(
    house: Interior, database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, id = await begun(house)
    dying = house.arrivals

    async def cut_off(*_: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(house.pieces, "count", cut_off)
        with pytest.raises(StoreUnavailable):
            await dying.append(id, ALICE, 0, once(WHOLE))
    assert await database["fs.chunks"].count_documents({}) == 3
    assert (await house.arrivals.find(id, ALICE)).offset == 0
    await sends(house.arrivals, id, size=100_000)
    assert (await house.arrivals.finish(id, ALICE)).sha256 == hashlib.sha256(WHOLE).hexdigest()
    assert await stored(house, id) == WHOLE


async def test_what_others_have_seen_of_it_is_not_taken_from_under_them(
    house: Interior, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, id = await begun(house)
    slow, other = house.arrivals, house.arrivals
    await slow.append(id, ALICE, 0, once(WHOLE[:1000]))
    await house.arriving.claim(id)  # by one who broke off before anything of his counted
    look, is_kept, goes_on = GroupCommit.look, asyncio.Event(), asyncio.Event()

    async def late(group: GroupCommit, ids: list[str]) -> dict[str, Document]:
        monkeypatch.setattr(GroupCommit, "look", look)
        is_kept.set()
        await goes_on.wait()
        return await look(group, ids)

    monkeypatch.setattr(GroupCommit, "look", late)
    sending = asyncio.create_task(slow.append(id, ALICE, 1000, once(WHOLE[1000:2000])))
    await is_kept.wait()
    assert (await other.find(id, ALICE)).offset == 2000
    assert (await other.append(id, ALICE, 2000, once(WHOLE[2000:3000]))).offset == 3000
    goes_on.set()
    with pytest.raises(OffsetMismatch):
        await sending
    assert (await house.arrivals.find(id, ALICE)).offset == 3000
    assert (await other.finish(id, ALICE)).sha256 == hashlib.sha256(WHOLE[:3000]).hexdigest()


class Held:
    """One call of a function, which comes to its end once it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, where: object, name: str, *, first: bool) -> None:
        self.is_there, self.goes_on, self.is_over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._call, self._first = getattr(where, name), first
        monkeypatch.setattr(where, name, self._held)

    async def _held(self, *arguments: Any, **named: Any) -> Any:
        """The database goes on with what it was asked, also where nobody waits for that any more."""
        return await asyncio.shield(asyncio.ensure_future(self._work(*arguments, **named)))

    async def _work(self, *arguments: Any, **named: Any) -> Any:
        done = await self._call(*arguments, **named) if self._first else None
        self.is_there.set()
        await self.goes_on.wait()
        done = done if self._first else await self._call(*arguments, **named)
        self.is_over.set()
        return done


@pytest.mark.parametrize(
    ("at", "size", "module"),
    [
        (0, 1000, group_commit),
        (CHUNK_BYTES - 500, 1000, group_commit),
        (CHUNK_BYTES - 500, pieces.MOST_BYTES_IN_TURN + 1, pieces),
    ],
)
async def test_a_piece_whose_sender_is_gone_does_not_outlast_the_end(
    house: Interior, monkeypatch: pytest.MonkeyPatch, at: int, size: int, module: ModuleType
) -> None:
    """Also one that lies in two chunks."""
    _, id = await begun(house)
    if at:
        await house.arrivals.append(id, ALICE, 0, once(WHOLE[:at]))
    keeping = Held(monkeypatch, module, "inserted", first=False)
    sending = asyncio.create_task(
        house.arrivals.append(id, ALICE, at, once(WHOLE[at : at + size]), told=lambda _: None)
    )
    await keeping.is_there.wait()
    sending.cancel()
    await asyncio.wait({sending})
    await house.arrivals.abort(id, ALICE)
    keeping.goes_on.set()
    await keeping.is_over.wait()
    group: GroupCommit = house.pieces._group  # type: ignore[attr-defined]
    if group._working is not None:
        await group._working
    await asyncio.gather(*group._looking, *house.pieces._keeping)  # type: ignore[attr-defined]
    assert await house.audio.stored(id) == (0, 0)


async def test_recorders_that_come_to_the_end_of_a_chunk_together_share_inserts(
    house: Interior, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [(await begun(house))[1] for _ in range(20)]
    for id in ids:
        await house.arrivals.append(id, ALICE, 0, once(WHOLE[: CHUNK_BYTES - 500]))
    sizes, insert = list[int](), group_commit.inserted

    async def inserted(collection: AsyncCollection[Document], documents: list[Document], *, ordered: bool) -> set[int]:
        sizes.append(len(documents))
        return await insert(collection, documents, ordered=ordered)

    for module in (group_commit, pieces):
        monkeypatch.setattr(module, "inserted", inserted)
    at = CHUNK_BYTES - 500
    await asyncio.gather(*(house.arrivals.append(id, ALICE, at, once(WHOLE[at : at + 6144])) for id in ids))
    assert sum(sizes) == 2 * len(ids)
    assert len(sizes) < len(ids)
    assert {(await house.arrivals.find(id, ALICE)).offset for id in ids} == {at + 6144}


async def test_while_chunks_are_on_their_way_more_go(house: Interior, monkeypatch: pytest.MonkeyPatch) -> None:
    _, id = await begun(house)
    writing = Held(monkeypatch, house.pieces, "write_ahead", first=False)
    write, numbers, second = house.pieces.write_ahead, list[int](), asyncio.Event()

    async def noted(arriving: Arriving, n: int, chunks: Sequence[memoryview], writer: int) -> bool:
        numbers.append(n)
        if len(numbers) > 1:
            second.set()
        return await write(arriving, n, chunks, writer)

    monkeypatch.setattr(house.pieces, "write_ahead", noted)
    sending = asyncio.create_task(house.arrivals.append(id, ALICE, 0, cut(WHOLE)))
    await second.wait()
    assert numbers == [0, 1]
    assert (await house.arrivals.find(id, ALICE)).offset == 0
    writing.goes_on.set()
    assert (await sending).offset == len(WHOLE)
    assert (await house.arrivals.finish(id, ALICE)).sha256 == hashlib.sha256(WHOLE).hexdigest()
    assert await stored(house, id) == WHOLE


@pytest.mark.parametrize("failing", [0, 1])
async def test_of_chunks_that_were_on_their_way_together_none_counts_behind_one_that_is_not_kept(
    house: Interior, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    _, id = await begun(house)
    write = house.pieces.write_ahead

    async def troubled(arriving: Arriving, n: int, chunks: Sequence[memoryview], writer: int) -> bool:
        if n == failing:
            raise StoreUnavailable
        return await write(arriving, n, chunks, writer)

    with monkeypatch.context() as patch:
        patch.setattr(house.pieces, "write_ahead", troubled)
        with pytest.raises(StoreUnavailable):
            await house.arrivals.append(id, ALICE, 0, cut(WHOLE))
    at = (await house.arrivals.find(id, ALICE)).offset
    assert at <= failing * CHUNK_BYTES
    await sends(house.arrivals, id, at=at, size=100_000)
    assert (await house.arrivals.finish(id, ALICE)).sha256 == hashlib.sha256(WHOLE).hexdigest()
    assert await stored(house, id) == WHOLE


@pytest.mark.parametrize("is_finished", [False, True])
async def test_chunks_that_come_after_the_end_do_not_stay(
    house: Interior, monkeypatch: pytest.MonkeyPatch, is_finished: bool
) -> None:
    _, id = await begun(house)
    slow, other = house.arrivals, house.arrivals
    await slow.append(id, ALICE, 0, once(WHOLE[:CHUNK_BYTES]))
    writing = Held(monkeypatch, house.pieces, "write_ahead", first=False)
    sending = asyncio.create_task(slow.append(id, ALICE, CHUNK_BYTES, once(WHOLE[CHUNK_BYTES : 2 * CHUNK_BYTES])))
    await writing.is_there.wait()
    await (other.finish(id, ALICE) if is_finished else other.abort(id, ALICE))
    writing.goes_on.set()
    with pytest.raises((UploadComplete, UploadGone)):
        await sending
    assert await house.audio.stored(id) == ((1, 1) if is_finished else (0, 0))


async def ended_by(house: Interior, id: PartId, *, is_heard: bool) -> None:
    """Another process gives it up, or finishes it, and a worker hears it to its end."""
    if not is_heard:
        await house.arrivals.abort(id, ALICE)
        return
    await house.arrivals.finish(id, ALICE)
    await house.work_off()
    assert await house.audio.stored(id) == (0, 0)


@pytest.mark.parametrize("is_heard", [False, True])
async def test_a_chunk_that_is_made_while_it_ends_does_not_stay(
    house: Interior, monkeypatch: pytest.MonkeyPatch, is_heard: bool
) -> None:
    _, id = await begun(house)
    folding = house.arrivals
    making = Held(monkeypatch, house.pieces, "_from", first=True)
    for at in (0, 150_000):
        await folding.append(id, ALICE, at, once(WHOLE[at : at + 150_000]))
    await making.is_there.wait()
    monkeypatch.undo()
    await ended_by(house, id, is_heard=is_heard)
    making.goes_on.set()
    await folding.close()
    assert await house.audio.stored(id) == (0, 0)


@pytest.mark.parametrize("is_heard", [False, True])
async def test_of_what_is_finished_while_it_ends_nothing_stays(
    house: Interior, monkeypatch: pytest.MonkeyPatch, is_heard: bool
) -> None:
    _, id = await begun(house)
    await house.arrivals.append(id, ALICE, 0, once(WHOLE))
    writing = Held(monkeypatch, house.pieces, "write_file", first=False)
    finishing = asyncio.create_task(house.arrivals.finish(id, ALICE))
    await writing.is_there.wait()
    monkeypatch.undo()
    await ended_by(house, id, is_heard=is_heard)
    writing.goes_on.set()
    if is_heard:
        assert (await finishing).state is PartState.COMPLETED
    else:
        with pytest.raises(UploadGone):
            await finishing
    assert await house.audio.stored(id) == (0, 0)


@pytest.mark.parametrize("is_heard", [False, True])
async def test_a_slice_that_waits_for_what_ends_does_not_stay(
    house: Interior, monkeypatch: pytest.MonkeyPatch, is_heard: bool
) -> None:
    arrivals, session = house.arrivals, await house.session()
    id = (await arrivals.begin(session, Q1, ALICE, Plan(SLICES))).part.id
    await arrivals.put(id, ALICE, Slice(0), once(WHOLE[:1000]))
    announcing = Held(monkeypatch, house.slices, "announce", first=False)
    putting = asyncio.create_task(arrivals.put(id, ALICE, Slice(2), once(WHOLE[2000:3000])))
    await announcing.is_there.wait()
    monkeypatch.undo()
    await ended_by(house, id, is_heard=is_heard)
    announcing.goes_on.set()
    with pytest.raises(UploadComplete if is_heard else UploadGone):
        await putting
    assert await house.audio.stored(id) == (0, 0)


async def test_who_measures_what_another_finishes_meanwhile_is_answered_alike(
    house: Interior, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, session = house.arrivals, house.arrivals, await house.session()
    id = (await first.begin(session, Q1, ALICE, Plan("tus", length=1000))).part.id
    await first.append(id, ALICE, 0, once(WHOLE[:1000]))
    measuring = Held(monkeypatch, house.pieces, "offset", first=False)
    late = asyncio.create_task(second.finish(id, ALICE))
    await measuring.is_there.wait()
    part = await first.finish(id, ALICE)
    measuring.goes_on.set()
    assert (await late).sha256 == part.sha256 == hashlib.sha256(WHOLE[:1000]).hexdigest()


async def test_of_many_documents_full_batches_go_side_by_side_and_what_is_left_gathers(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    inserted, sizes, most = group_commit.inserted, list[int](), group_commit.MOST_DOCUMENTS
    three, goes_on = asyncio.Event(), asyncio.Event()

    async def counted(collection: Any, documents: list[Document], *, ordered: bool) -> set[int]:
        sizes.append(len(documents))
        if len(sizes) == 3:
            three.set()
        await goes_on.wait()
        return await inserted(collection, documents, ordered=ordered)

    monkeypatch.setattr(group_commit, "inserted", counted)
    group = GroupCommit(
        collection=database["pieces"], records=database["parts"], shown={"state": True}, is_useless=lambda *_: False
    )
    places = [{"recording": ObjectId(), "offset": 0, "size": 1, "data": b"x"} for _ in range(3 * most + 8)]
    keeping = asyncio.gather(*(group.keep(place) for place in places))
    async with asyncio.timeout(60):
        await three.wait()
        goes_on.set()
        assert all(is_kept for is_kept, _ in await keeping)
    assert sizes == [most, most, most, 8]


async def test_many_that_wait_are_told_together_that_the_database_is_gone(
    mongo: AsyncMongoClient[Document], house: Interior
) -> None:
    ids = [(await begun(house))[1] for _ in range(10)]
    arrivals = house.arrivals
    await refuse(mongo, 4, failCommands=["insert"], closeConnection=True)
    told = await asyncio.gather(
        *(arrivals.append(id, ALICE, 0, once(HEAD + b"x")) for id in ids), return_exceptions=True
    )
    await mongo.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert any(isinstance(each, StoreUnavailable) for each in told)
    assert all(isinstance(each, Problem) or not isinstance(each, BaseException) for each in told)
    for id in ids:
        at = (await arrivals.find(id, ALICE)).offset
        assert (await arrivals.append(id, ALICE, at, once((HEAD + b"x")[at:] or b"y"))).offset >= 7


async def test_nothing_is_kept_before_the_index_is_there(database: AsyncDatabase[Document]) -> None:
    await database["pieces"].drop_indexes()
    store = store_on_mongo(database)
    arriving = await store.arriving.begin(a_part(), Plan("tus"))
    for _ in range(2):
        await MongoPieces(database).append(arriving, 0, b"one")
    assert await database["pieces"].count_documents({}) == 1


async def test_what_is_made_a_chunk_while_it_is_read_is_read(house: Interior, monkeypatch: pytest.MonkeyPatch) -> None:
    _, id = await begun(house)
    arriving, reader = await house.arriving.find(id), house.pieces
    assert arriving is not None
    await reader.append(arriving, 0, WHOLE)
    look = reader._from  # type: ignore[attr-defined]

    async def late(part: PartId, at: int) -> object:
        monkeypatch.setattr(reader, "_from", look)
        await Folding(records=house.arriving, pieces=reader).whole_chunks(arriving, len(WHOLE))
        while rows := await look(part, at):
            await asyncio.sleep(0)  # a majority lets go of them a moment later
        return rows

    monkeypatch.setattr(reader, "_from", late)
    assert b"".join([piece async for piece in reader.read(arriving)]) == WHOLE


async def test_very_many_slices_are_read_beside_the_loop_and_what_waits_is_summed_where_it_lies(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, threads, made = store_on_mongo(database), [], slices._slice
    arriving = await store.arriving.begin(a_part(), Plan(SLICES))
    id = arriving.part.id
    for index in range(3):
        await store.slices.announce(id, Slice(index), 10 * (index + 1), "sum")

    def noted(row: Document) -> KeptSlice:
        threads.append(threading.current_thread())
        return made(row)

    monkeypatch.setattr(slices, "MANY", 2)
    monkeypatch.setattr(slices, "_slice", noted)
    assert [each.index for each in await store.slices.of(id)] == [0, 1, 2]
    assert threads
    assert threading.main_thread() not in threads

    def find(*_: object, **__: object) -> None:
        raise AssertionError("each is fetched")

    monkeypatch.setattr(AsyncCollection, "find", find)
    assert await store.slices.bytes_behind(id, Head(1, 10)) == 50
