"""What GridFS must look like, and what happens when the database or the sender lets go."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from bson import ObjectId
from gridfs.asynchronous import AsyncGridFSBucket
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo import audio as module
from services.adapters.mongo.audio import GridAudio
from services.adapters.mongo.sealing import Sealing
from services.adapters.mongo.sessions import MongoSessions
from services.adapters.mongo.uploads import MongoUploads
from services.errors import AudioMissing, AudioSealBroken, KeyringUnavailable, StoreUnavailable
from services.recordings.ports.audio import Deletion
from services.recordings.ports.keyring import EpochId
from tests.services.adapters.stores import ANN, S1, a_part, keys_of, store_on_mongo
from tests.services.adapters.test_audio_contract import CHUNK, METADATA, all_of, everything, noise, pieces

Document = dict[str, Any]


@pytest.fixture
def audio(database: AsyncDatabase[Document]) -> GridAudio:
    return GridAudio(database)


async def refuse(client: AsyncMongoClient[Document], times: int, **fault: object) -> None:
    """Let the server answer the next commands of a kind with a fault."""
    await client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": fault})


@pytest.mark.parametrize("size", [1, CHUNK, 3 * CHUNK + 17])
async def test_any_gridfs_driver_can_read_it(database: AsyncDatabase[Document], audio: GridAudio, size: int) -> None:
    id, data = a_part().id, noise(size)
    await audio.store(id, pieces(data), METADATA)
    stream = await AsyncGridFSBucket(database).open_download_stream(ObjectId(id))
    assert await stream.read() == data
    chunks = await database["fs.chunks"].find({}, {"_id": False, "data": False}).sort("n").to_list()
    assert chunks == [{"files_id": ObjectId(id), "n": n} for n in range(-(-size // CHUNK))]


async def test_what_the_driver_wrote_can_be_read(database: AsyncDatabase[Document], audio: GridAudio) -> None:
    id, data = a_part().id, noise(3 * CHUNK)
    await AsyncGridFSBucket(database).upload_from_stream_with_id(ObjectId(id), id, data)
    assert b"".join([piece async for piece in audio.read(id)]) == data


async def test_chunks_are_written_while_more_arrives(database: AsyncDatabase[Document], audio: GridAudio) -> None:
    id, seen = a_part().id, list[int]()

    async def watched() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield noise(CHUNK)
            async with asyncio.timeout(60):
                while await database["fs.chunks"].count_documents({}) <= len(seen):
                    await asyncio.sleep(0.01)
            seen.append(await database["fs.chunks"].count_documents({}))

    await audio.store(id, watched(), METADATA)
    assert seen == [1, 2, 3, 4]


async def test_a_cancelled_store_leaves_nothing_after_its_deletion(
    database: AsyncDatabase[Document], audio: GridAudio
) -> None:
    for pause in (0.0, 0.001, 0.003, 0.01, 0.03):
        id = a_part().id
        storing = asyncio.create_task(audio.store(id, pieces(noise(80 * CHUNK)), METADATA))
        await asyncio.sleep(pause)
        storing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await storing
        assert (await audio.delete(id)).left == 0
    await asyncio.sleep(0.1)
    assert await database["fs.chunks"].count_documents({}) == 0
    assert await database["fs.files"].count_documents({}) == 0


async def test_what_is_kept_as_a_whole_is_over_when_its_caller_is_cancelled(
    database: AsyncDatabase[Document], audio: GridAudio
) -> None:
    for turns in range(30):
        id = a_part().id
        keeping = asyncio.create_task(audio.keep(id, noise(2 * CHUNK), METADATA))
        for _ in range(turns):
            await asyncio.sleep(0)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        assert (await audio.delete(id)).left == 0
    assert await database["fs.chunks"].count_documents({}) == 0
    assert await database["fs.files"].count_documents({}) == 0


@pytest.mark.parametrize(("collection", "lost"), [("fs.chunks", {"n": 1}), ("fs.chunks", {}), ("fs.files", {})])
async def test_what_was_rolled_back_is_noticed(
    database: AsyncDatabase[Document], audio: GridAudio, collection: str, lost: Document
) -> None:
    id = a_part().id
    stored = await audio.store(id, pieces(noise(3 * CHUNK)), METADATA)
    await database["anything"].insert_one({})  # a majority has this, and so what came before it
    assert await audio.is_whole(id, stored)
    await database[collection].delete_one(lost)
    assert not await audio.is_whole(id, stored)


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_a_recording_with_a_hole_is_missing(
    database: AsyncDatabase[Document], audio: GridAudio, lost: int
) -> None:
    id = a_part().id
    await audio.store(id, pieces(noise(3 * CHUNK)), METADATA)
    await database["fs.chunks"].delete_one({"n": lost})
    with pytest.raises(AudioMissing):
        assert [piece async for piece in audio.read(id)]


async def test_chunks_without_a_file_are_strays(database: AsyncDatabase[Document], audio: GridAudio) -> None:
    kept, stray = a_part().id, a_part().id
    for id in (kept, stray):
        await audio.store(id, pieces(noise(2 * CHUNK)), METADATA)
    await database["fs.files"].delete_one({"_id": ObjectId(stray)})
    assert await all_of(audio.orphaned_chunks()) == [stray]
    assert replace(await audio.delete(stray), at=None) == Deletion(0, 2, 0)
    assert await all_of(audio.orphaned_chunks()) == []


async def test_what_is_stored_is_looked_through_lot_by_lot(
    database: AsyncDatabase[Document], audio: GridAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEYS_PER_LOT", 3)
    ids = sorted(a_part().id for _ in range(10))
    for id in ids:
        await audio.store(id, pieces(noise(4 * CHUNK)), METADATA)  # more chunks than go into one lot
    strays = ids[::2]
    await database["fs.files"].delete_many({"_id": {"$in": [ObjectId(id) for id in strays]}})
    files = [lot async for lot in audio.orphaned_files()]
    assert [id for lot in files for id in lot] == ids[1::2]
    assert max(map(len, files)) == 3
    assert await all_of(audio.orphaned_chunks()) == strays


async def test_reading_may_be_left_early(audio: GridAudio) -> None:
    id = a_part().id
    await audio.store(id, pieces(noise(6 * CHUNK)), METADATA)
    reading = audio.read(id)
    assert hashlib.sha256(await anext(reading)).digest()
    await reading.aclose()  # type: ignore[attr-defined]


async def test_a_database_that_goes_away_while_storing(mongo: AsyncMongoClient[Document], audio: GridAudio) -> None:
    id = a_part().id
    await refuse(mongo, 2, failCommands=["insert"], closeConnection=True)
    with pytest.raises(StoreUnavailable):
        await audio.store(id, pieces(noise(3 * CHUNK)), METADATA)
    assert (await audio.delete(id)).left == 0


async def test_a_database_that_goes_away_before_it_says_whether_all_is_there(
    mongo: AsyncMongoClient[Document], audio: GridAudio
) -> None:
    id = a_part().id
    stored = await audio.store(id, pieces(noise(3 * CHUNK)), METADATA)
    await refuse(mongo, 2, failCommands=["aggregate"], closeConnection=True)
    with pytest.raises(StoreUnavailable):
        await audio.is_whole(id, stored)


@pytest.mark.parametrize("code", [189, 10107, 11602])
async def test_one_fault_is_tried_again_unseen(mongo: AsyncMongoClient[Document], audio: GridAudio, code: int) -> None:
    id, data = a_part().id, noise(2 * CHUNK)
    labels = ["RetryableWriteError"]
    await refuse(mongo, 1, failCommands=["insert", "update"], errorCode=code, errorLabels=labels)
    stored = await audio.store(id, pieces(data), METADATA)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()


async def test_an_unconfirmed_write_is_said_to_be_unconfirmed(
    mongo: AsyncMongoClient[Document], database: AsyncDatabase[Document]
) -> None:
    unconfirmed = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}
    for commands, call in (
        (["findAndModify"], MongoUploads(database).begin(a_part())),
        (["update"], MongoUploads(database).touch([a_part().id])),
    ):
        await refuse(mongo, 1, failCommands=commands, writeConcernError=unconfirmed)
        with pytest.raises(StoreUnavailable):
            await call


async def test_a_set_without_a_primary_is_said_to_be_unavailable(mongodb_url: str) -> None:
    elsewhere = mongodb_url.replace("rs0", "another")
    async with AsyncMongoClient[Document](elsewhere, serverSelectionTimeoutMS=50) as client:
        with pytest.raises(StoreUnavailable):
            await MongoSessions(client["test"]).get(S1, ANN)
        with pytest.raises(StoreUnavailable):
            await GridAudio(client["test"]).delete(a_part().id)


@pytest.mark.parametrize("size", [1, CHUNK, 3 * CHUNK + 17])
async def test_any_gridfs_driver_can_copy_what_is_sealed(database: AsyncDatabase[Document], size: int) -> None:
    """It has the form and the length of the recording, and nothing of its sound."""
    store, id, data = store_on_mongo(database, is_sealed=True), a_part().id, noise(size)
    await store.audio.store(id, pieces(data), METADATA)
    stream = await AsyncGridFSBucket(database).open_download_stream(ObjectId(id))
    seen = await stream.read()
    assert len(seen) == size
    assert seen != data
    chunks = await database["fs.chunks"].find({}, {"_id": False, "data": False}).sort("n").to_list()
    assert [set(chunk) for chunk in chunks] == [{"files_id", "n", "tag"}] * -(-size // CHUNK)
    file = await database["fs.files"].find_one({"_id": ObjectId(id)})
    assert file is not None
    assert (file["length"], set(file["metadata"]["sealed"])) == (size, {"version", "epoch", "key"})
    assert await store.epochs.recordings(EpochId(file["metadata"]["sealed"]["epoch"])) == 1


async def test_what_is_not_sealed_can_be_read_by_who_seals(database: AsyncDatabase[Document]) -> None:
    id, data = a_part().id, noise(2 * CHUNK)
    await GridAudio(database).store(id, pieces(data), METADATA)
    assert await everything(store_on_mongo(database, is_sealed=True), id) == data


async def test_what_is_sealed_can_be_read_by_who_seals_no_more(database: AsyncDatabase[Document]) -> None:
    store, id, data = store_on_mongo(database, is_sealed=True), a_part().id, noise(2 * CHUNK)
    await store.audio.store(id, pieces(data), METADATA)
    reading = GridAudio(database, Sealing(keys=keys_of(store.epochs), seals=False))
    assert b"".join([piece async for piece in reading.read(id)]) == data
    with pytest.raises(KeyringUnavailable):
        await anext(GridAudio(database).read(id))


@pytest.mark.parametrize(
    "change",
    [
        {"$set": {"data": b"x" * CHUNK}},
        {"$set": {"tag": b"x" * 16}},
        {"$unset": {"tag": True}},
        {"$set": {"tag": b""}},
    ],
)
@pytest.mark.parametrize("n", [0, 1])
async def test_a_changed_chunk_is_noticed(database: AsyncDatabase[Document], change: Document, n: int) -> None:
    store, id = store_on_mongo(database, is_sealed=True), a_part().id
    await store.audio.store(id, pieces(noise(2 * CHUNK)), METADATA)
    await database["fs.chunks"].update_one({"n": n}, change)
    with pytest.raises(AudioSealBroken):
        await everything(store, id)


async def test_chunks_cannot_change_places_or_recordings(database: AsyncDatabase[Document]) -> None:
    store, one, other = store_on_mongo(database, is_sealed=True), a_part().id, a_part().id
    for id in (one, other):
        await store.audio.store(id, pieces(noise(2 * CHUNK)), METADATA)
    first = await database["fs.chunks"].find_one({"files_id": ObjectId(one), "n": 0})
    second = await database["fs.chunks"].find_one({"files_id": ObjectId(one), "n": 1})
    assert first and second
    for place in ({"files_id": ObjectId(one), "n": 1}, {"files_id": ObjectId(other), "n": 0}):
        await database["fs.chunks"].update_one(place, {"$set": {name: first[name] for name in ("data", "tag")}})
    for id in (one, other):
        with pytest.raises(AudioSealBroken):
            await everything(store, id)
    key = {"$set": {"metadata.sealed.key": (await _file(database, other))["metadata"]["sealed"]["key"]}}
    await database["fs.files"].update_one({"_id": ObjectId(one)}, key)
    with pytest.raises(AudioSealBroken):
        await everything(store, one)


async def _file(database: AsyncDatabase[Document], id: str) -> Document:
    file = await database["fs.files"].find_one({"_id": ObjectId(id)})
    assert file is not None
    return file
