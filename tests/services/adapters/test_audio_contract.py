"""What Audio promises, in memory and on GridFS."""

import hashlib
from collections.abc import AsyncIterator

import pytest

from services.errors import AudioMissing
from services.interviews.model import PartId
from services.recordings.ports.audio import Deletion
from tests.services.adapters.stores import House, a_part

CHUNK = 255 * 1024
METADATA = {"session_id": "$s", "question_id": "q1", "user_id": "ann", "status": "queued"}


async def pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def broken(data: bytes) -> AsyncIterator[bytes]:
    async for piece in pieces(data):
        yield piece
    raise ConnectionResetError


async def all_of(lots: AsyncIterator[list[PartId]]) -> list[PartId]:
    return [id async for ids in lots for id in ids]


async def everything(house: House, id: PartId) -> bytes:
    return b"".join([piece async for piece in house.audio.read(id)])


def noise(size: int) -> bytes:
    return hashlib.shake_128(b"noise").digest(size)


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17])
async def test_what_was_stored_is_read(house: House, size: int) -> None:
    id, data = a_part().id, noise(size)
    stored = await house.audio.store(id, pieces(data), METADATA)
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert await everything(house, id) == data


@pytest.mark.parametrize("size", [1, CHUNK, 2 * CHUNK + 1])
async def test_what_was_stored_is_whole_until_it_is_deleted(house: House, size: int) -> None:
    id = a_part().id
    stored = await house.audio.store(id, pieces(noise(size)), METADATA)
    await house.queued()  # a majority has this, and so what came before it
    assert await house.audio.is_whole(id, stored)
    await house.audio.delete(id)
    assert not await house.audio.is_whole(id, stored)


@pytest.mark.parametrize("size", [1000, CHUNK, 3 * CHUNK])
async def test_the_size_of_the_pieces_does_not_matter(house: House, size: int) -> None:
    id, data = a_part().id, noise(3 * CHUNK)
    await house.audio.store(id, pieces(data, size), METADATA)
    assert await everything(house, id) == data


async def test_what_was_deleted_is_gone(house: House) -> None:
    id = a_part().id
    await house.audio.store(id, pieces(noise(1000)), METADATA)
    assert await house.audio.delete(id) == Deletion(1, 1, 0)
    assert await house.audio.delete(id) == Deletion(0, 0, 0)
    with pytest.raises(AudioMissing):
        await everything(house, id)
    assert await all_of(house.audio.stray_files()) == await all_of(house.audio.stray_chunks()) == []


async def test_only_what_is_meant_is_deleted(house: House) -> None:
    one, other = a_part().id, a_part().id
    for id in (one, other):
        await house.audio.store(id, pieces(id.encode()), METADATA)
    await house.audio.delete(one)
    assert await everything(house, other) == other.encode()
    assert await all_of(house.audio.stray_files()) == [other]


async def test_a_source_that_breaks_leaves_nothing_that_a_deletion_does_not_remove(house: House) -> None:
    id = a_part().id
    with pytest.raises(ConnectionResetError):
        await house.audio.store(id, broken(noise(3 * CHUNK)), METADATA)
    with pytest.raises(AudioMissing):
        await everything(house, id)
    assert await all_of(house.audio.stray_chunks()) == [id]
    assert await all_of(house.audio.stray_files()) == []
    deletion = await house.audio.delete(id)
    assert deletion.files == 0 and deletion.chunks > 0 and deletion.left == 0
    assert await all_of(house.audio.stray_chunks()) == []


async def test_marking_what_is_not_there_is_no_error(house: House) -> None:
    await house.audio.mark(a_part().id, "processing")
    assert await all_of(house.audio.stray_files()) == []
