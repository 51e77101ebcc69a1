"""What Audio promises, in memory and on GridFS."""

import hashlib
from collections.abc import AsyncIterator

import pytest

from services.errors import AudioMissing
from services.interviews.model import PartId
from tests.services.adapters.stores import Store, a_part, store_in_memory, store_on_mongo

CHUNK = 255 * 1024
METADATA = {"session_id": "$s", "question_id": "q1", "user_id": "ann", "status": "queued"}


@pytest.fixture(params=["memory", "memory, sealed", "mongo", "mongo, sealed"])
def store(request: pytest.FixtureRequest) -> Store:
    place, _, sealed = request.param.partition(", ")
    if place == "memory":
        return store_in_memory(is_sealed=bool(sealed))
    return store_on_mongo(request.getfixturevalue("database"), is_sealed=bool(sealed))


async def pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def broken(data: bytes) -> AsyncIterator[bytes]:
    async for piece in pieces(data):
        yield piece
    raise ConnectionResetError


async def all_of(lots: AsyncIterator[list[PartId]]) -> list[PartId]:
    return [id async for ids in lots for id in ids]


async def everything(store: Store, id: PartId) -> bytes:
    return b"".join([piece async for piece in store.audio.read(id)])


def noise(size: int) -> bytes:
    return hashlib.shake_128(b"noise").digest(size)


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17])
async def test_what_was_stored_is_read(store: Store, size: int) -> None:
    id, data = a_part().id, noise(size)
    stored = await store.audio.store(id, pieces(data), METADATA)
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert await everything(store, id) == data


async def test_what_is_sealed_names_its_epoch_until_it_is_gone(store: Store) -> None:
    id = a_part().id
    stored = await store.audio.store(id, pieces(b"sound"), METADATA)
    assert await store.epochs.sealed_under() == ({stored.epoch} if stored.epoch else set())
    await store.audio.delete(id)
    assert await store.epochs.sealed_under() == set()


@pytest.mark.parametrize("start", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 16, 2 * CHUNK + 17])
async def test_what_was_stored_is_read_from_any_byte_on(store: Store, start: int) -> None:
    id, data = a_part().id, noise(2 * CHUNK + 17)
    await store.audio.store(id, pieces(data), METADATA)
    assert b"".join([piece async for piece in store.audio.read(id, start)]) == data[start:]


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
async def test_what_is_kept_as_a_whole_is_like_what_was_stored(store: Store, size: int) -> None:
    id, data = a_part().id, noise(size)
    kept = await store.audio.keep(id, data, METADATA)
    assert (kept.size, kept.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert await everything(store, id) == data
    await store.queued()
    assert await store.audio.is_whole(id, kept)
    assert (await store.audio.delete(id)).left == 0
    assert not await store.audio.is_whole(id, kept)


@pytest.mark.parametrize("size", [1, CHUNK, 2 * CHUNK + 1])
async def test_what_was_stored_is_whole_until_it_is_deleted(store: Store, size: int) -> None:
    id = a_part().id
    stored = await store.audio.store(id, pieces(noise(size)), METADATA)
    await store.queued()  # a majority has this, and so what came before it
    assert await store.audio.is_whole(id, stored)
    await store.audio.delete(id)
    assert not await store.audio.is_whole(id, stored)


@pytest.mark.parametrize("size", [1000, CHUNK, 3 * CHUNK])
async def test_the_size_of_the_pieces_does_not_matter(store: Store, size: int) -> None:
    id, data = a_part().id, noise(3 * CHUNK)
    await store.audio.store(id, pieces(data, size), METADATA)
    assert await everything(store, id) == data


async def test_what_was_deleted_is_gone(store: Store) -> None:
    id = a_part().id
    await store.audio.store(id, pieces(noise(1000)), METADATA)
    for removed in (1, 0):
        deletion = await store.audio.delete(id)
        assert (deletion.files, deletion.chunks, deletion.left) == (removed, removed, 0)
    with pytest.raises(AudioMissing):
        await everything(store, id)
    assert await all_of(store.audio.orphaned_files()) == await all_of(store.audio.orphaned_chunks()) == []


async def test_only_what_is_meant_is_deleted(store: Store) -> None:
    one, other = a_part().id, a_part().id
    for id in (one, other):
        await store.audio.store(id, pieces(id.encode()), METADATA)
    await store.audio.delete(one)
    assert await everything(store, other) == other.encode()
    assert await all_of(store.audio.orphaned_files()) == [other]


async def test_a_source_that_breaks_leaves_nothing_that_a_deletion_does_not_remove(store: Store) -> None:
    id = a_part().id
    with pytest.raises(ConnectionResetError):
        await store.audio.store(id, broken(noise(3 * CHUNK)), METADATA)
    with pytest.raises(AudioMissing):
        await everything(store, id)
    assert await all_of(store.audio.orphaned_chunks()) == [id]
    assert await all_of(store.audio.orphaned_files()) == []
    deletion = await store.audio.delete(id)
    assert deletion.files == 0 and deletion.chunks > 0 and deletion.left == 0
    assert await all_of(store.audio.orphaned_chunks()) == []


async def test_marking_what_is_not_there_is_no_error(store: Store) -> None:
    await store.audio.mark(a_part().id, "processing")
    assert await all_of(store.audio.orphaned_files()) == []
