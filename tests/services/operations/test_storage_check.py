"""Each kind of damage to stored recordings, planted on MongoDB: found, told, and mended where that loses nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient, monitoring
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.inventory import MongoInventory
from services.interviews.model import Checkpoint, Failure, Part, PartId
from services.interviews.transcript import Utterance, silence
from services.operations.storage_check import ARRIVING_SECONDS, Damage, Found, StorageCheck
from services.recordings.ports.arrivals import Plan
from services.recordings.ports.audio import CHUNK_BYTES
from tests.services.adapters.stores import Store, a_part, store_on_mongo

Document = dict[str, Any]
AN_HOUR = 3600
DATA = bytes(range(256)) * (3 * CHUNK_BYTES // 256) + b"and some"


def of_an_hour_ago() -> PartId:
    seconds = int.from_bytes(ObjectId().binary[:4], "big") - AN_HOUR
    return PartId(str(ObjectId(seconds.to_bytes(4, "big") + ObjectId().binary[4:])))


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


@dataclass
class Stage:
    database: AsyncDatabase[Document]
    store: Store
    closed: list[PartId] = field(default_factory=list)

    async def stored(self, id: PartId | None = None) -> Part:
        """A recording that waits, and is whole."""
        part = replace(a_part(), id=id or of_an_hour_ago())
        await self.store.uploads.begin(part)
        stored = await self.store.audio.store(part.id, pieces(DATA + part.id.encode()), {"status": "queued"})
        queued = await self.store.uploads.accept(part.id, stored.sha256, stored.size)
        assert queued is not None
        return queued

    async def kept(self) -> Part:
        """A recording that failed and is kept."""
        part = await self.stored()
        claimed = await self.store.claims.claim(part.id, "worker")
        assert claimed is not None
        failed = await self.store.claims.fail(part.id, claimed.fence, Failure("x", "y"), keep_audio=True)
        assert failed is not None
        return failed

    async def check(self, **options: bool) -> list[Found]:
        async def close(part: Part) -> None:
            self.closed.append(part.id)
            await self.store.audio.delete(part.id)

        inventory, abort = MongoInventory(self.database), self.store.uploads.abort
        check = StorageCheck(
            inventory=inventory,
            audio=self.store.audio,
            utterances=self.store.utterances,
            close=close,
            abort=abort,
        )
        return [found async for found in check.run(**options)]

    async def kinds(self, **options: bool) -> list[tuple[Damage, PartId, bool]]:
        return [(found.damage, found.id, found.is_mended) for found in await self.check(**options)]

    @property
    def chunks(self) -> Any:
        return self.database["fs.chunks"]

    @property
    def files(self) -> Any:
        return self.database["fs.files"]


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def stage(request: pytest.FixtureRequest, database: AsyncDatabase[Document]) -> Stage:
    return Stage(database, store_on_mongo(database, is_sealed=request.param))


async def test_what_is_whole_is_no_finding(stage: Stage) -> None:
    for _ in range(3):
        await stage.stored()
    await stage.kept()
    assert await stage.check() == []
    assert await stage.check(repair=True) == []


async def test_files_and_chunks_that_nobody_needs_go_if_that_is_asked_for(stage: Stage) -> None:
    one, other = of_an_hour_ago(), of_an_hour_ago()
    for id in (one, other):
        await stage.store.audio.store(id, pieces(DATA), {})
    await stage.files.delete_one({"_id": ObjectId(other)})
    expected = {(Damage.ORPHANED_FILE, one), (Damage.ORPHANED_CHUNKS, other)}
    assert {(damage, id) for damage, id, _ in await stage.kinds()} == expected
    assert {(damage, id) for damage, id, is_mended in await stage.kinds(repair=True) if is_mended} == expected
    assert await stage.check() == []
    assert await stage.chunks.count_documents({}) == 0


async def test_what_arrives_is_not_touched(stage: Stage) -> None:
    arriving = replace(a_part(), id=of_an_hour_ago())
    await stage.store.uploads.begin(arriving)
    await stage.store.audio.store(arriving.id, pieces(DATA), {})
    unknown, loose = a_part().id, a_part().id
    for id in (unknown, loose):
        await stage.store.audio.store(id, pieces(DATA), {})
    await stage.files.delete_one({"_id": ObjectId(loose)})
    assert await stage.check(repair=True) == []
    assert await stage.chunks.count_documents({}) == 12


async def test_what_arrives_in_pieces_is_no_finding_unless_a_chunk_of_it_is_gone(stage: Stage) -> None:
    store = stage.store
    arriving = await store.arriving.begin(replace(a_part(), id=of_an_hour_ago()), Plan("tus"))
    await store.pieces.append(arriving, 0, bytes(2 * CHUNK_BYTES + 100))
    for n in range(2):
        await store.pieces.write_chunk(arriving, n, CHUNK_BYTES)
    assert await stage.check(repair=True) == []
    await store.arriving.fold(arriving.part.id, 2 * CHUNK_BYTES)
    await store.pieces.let_go(arriving.part.id, 2 * CHUNK_BYTES)
    assert await stage.check(repair=True) == []
    await stage.chunks.delete_one({"n": 1})
    assert await stage.kinds(repair=True) == [(Damage.CHUNKS_MISSING, arriving.part.id, False)]
    await stage.database["parts"].delete_one({"_id": arriving.part.id})
    assert (Damage.ORPHANED_CHUNKS, arriving.part.id, True) in await stage.kinds(repair=True)
    assert await stage.database["pieces"].count_documents({}) == 0


async def test_what_ended_just_now_is_not_touched_and_later_is(stage: Stage) -> None:
    part = await stage.kept()
    await stage.database["parts"].update_one({"_id": part.id}, {"$set": {"keep_audio": False}})
    assert await stage.check(repair=True) == []
    await stage.store.passes(ARRIVING_SECONDS + 1)
    assert await stage.kinds(repair=True) == [(Damage.ORPHANED_FILE, part.id, True)]


async def test_a_missing_chunk_is_named(stage: Stage) -> None:
    part = await stage.stored()
    await stage.chunks.delete_one({"files_id": ObjectId(part.id), "n": 1})
    (found,) = await stage.check(repair=True)
    assert (found.damage, found.id, found.is_mended) == (Damage.CHUNKS_MISSING, part.id, False)
    assert found.detail == "1 of 4, the first is number 1"
    assert await stage.chunks.count_documents({}) == 3


async def test_a_short_chunk_is_named(stage: Stage) -> None:
    part = await stage.stored()
    await stage.chunks.update_one({"files_id": ObjectId(part.id), "n": 2}, {"$set": {"data": b"short"}})
    (found,) = await stage.check(contents=False)
    assert found.damage is Damage.LENGTH_WRONG
    assert found.detail == f"chunk 2 has 5 bytes in place of {CHUNK_BYTES}"


async def test_a_length_that_is_not_the_records_is_named(stage: Stage) -> None:
    part = await stage.stored()
    await stage.database["parts"].update_one({"_id": part.id}, {"$set": {"bytes": 7}})
    assert [damage for damage, _, _ in await stage.kinds(contents=False)] == [Damage.LENGTH_WRONG]


async def test_changed_bytes_are_named_and_a_quick_look_does_not_see_them(stage: Stage) -> None:
    part = await stage.stored()
    chunk = await stage.chunks.find_one({"files_id": ObjectId(part.id), "n": 0})
    changed = bytes([chunk["data"][0] ^ 1]) + bytes(chunk["data"])[1:]
    await stage.chunks.update_one({"_id": chunk["_id"]}, {"$set": {"data": changed}})
    assert await stage.check(contents=False) == []
    is_sealed = "tag" in chunk
    expected = Damage.SEAL_BROKEN if is_sealed else Damage.SUM_WRONG
    assert await stage.kinds(repair=True) == [(expected, part.id, False)]


async def test_a_record_without_its_recording_is_named_and_a_kept_one_let_go(stage: Stage) -> None:
    waiting, kept = await stage.stored(), await stage.kept()
    for part in (waiting, kept):
        await stage.store.audio.delete(part.id)
    expected = {(Damage.MISSING, waiting.id, False), (Damage.MISSING, kept.id, True)}
    assert set(await stage.kinds(repair=True)) == expected
    assert stage.closed == [kept.id]
    assert await stage.kinds() == [(Damage.MISSING, waiting.id, False)]


async def test_a_recording_whose_key_is_gone_is_named_and_a_kept_one_let_go(database: AsyncDatabase[Document]) -> None:
    stage = Stage(database, store_on_mongo(database, is_sealed=True))
    waiting, kept = await stage.stored(), await stage.kept()
    gone = {"metadata.sealed.epoch": "0-gone"}
    await stage.files.update_many({}, {"$set": gone})
    assert set(await stage.kinds(repair=True)) == {
        (Damage.KEY_GONE, waiting.id, False),
        (Damage.KEY_GONE, kept.id, True),
    }
    assert await stage.chunks.count_documents({"files_id": ObjectId(kept.id)}) == 0


class Overheard(monitoring.CommandListener):
    """Notes every read."""

    def __init__(self) -> None:
        self.reads: list[Document] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in ("find", "aggregate"):
            self.reads.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


async def test_no_look_goes_without_an_index(mongodb_url: str, database: AsyncDatabase[Document]) -> None:
    listener = Overheard()
    async with AsyncMongoClient[Document](mongodb_url, event_listeners=[listener]) as client:
        stage = Stage(client[database.name], store_on_mongo(client[database.name]))
        await ensure_indexes(stage.database)
        await stage.stored()
        await stage.kept()
        await stage.store.audio.store(of_an_hour_ago(), pieces(DATA), {})
        listener.reads.clear()
        await stage.check()
        reads = [read for read in listener.reads if read.get("find") or read.get("aggregate")]
        assert len(reads) > 5
        for read in reads:
            known = {name: value for name, value in read.items() if name not in ("lsid", "$clusterTime", "$db")}
            plan = await database.command({"explain": known, "verbosity": "queryPlanner"})
            assert "COLLSCAN" not in str(plan), read


async def test_words_that_no_record_needs_are_found_and_go(stage: Stage) -> None:
    store, said = stage.store, Utterance(number=0, start=0.0, transcript=silence(1.0))
    working, given_up = await stage.stored(), await stage.stored()
    for part in (working, given_up):
        claimed = await store.claims.claim(part.id, "worker")
        assert claimed is not None
        assert await store.claims.settle(claimed, said, Checkpoint(stretches=1)) is not None
    await store.claims.fail(given_up.id, 1, Failure("x", "y"), keep_audio=False)
    await store.audio.delete(given_up.id)
    assert await stage.kinds() == [], "it ended just now"
    await store.passes(AN_HOUR)
    assert await stage.kinds() == [(Damage.STRAY_UTTERANCES, given_up.id, False)]
    assert await stage.kinds(repair=True) == [(Damage.STRAY_UTTERANCES, given_up.id, True)]
    assert await stage.kinds() == []
    assert await store.utterances.settled(working.id) == [said]


async def test_a_database_whose_indexes_are_not_made_yet_is_looked_through_too(stage: Stage) -> None:
    part = await stage.stored()
    await stage.chunks.delete_many({})
    await stage.files.delete_many({})
    await stage.database["parts"].drop_indexes()
    assert await stage.kinds() == [(Damage.MISSING, part.id, False)]
    await ensure_indexes(stage.database)
