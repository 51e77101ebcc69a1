"""Epochs begin and end while recordings arrive, are read and go: on a real folder and a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.folder_keyring import FolderKeyring
from services.adapters.mongo.audio import GridAudio
from services.adapters.mongo.epochs import MongoEpochs
from services.adapters.mongo.sealing import Sealing
from services.errors import KeyringUnavailable
from services.interviews.model import PartId, new_part_id
from services.operations.epochs import Epochs
from services.recordings.keys import LEAST_GRACE_SECONDS, Keys
from services.recordings.ports.keyring import EpochState

UPLOADS, READERS = 60, 8


class House:
    """Who seals and opens, and who tends; every look at a clock finds it past all that is remembered."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], folder: Path) -> None:
        self.keyring, self.journal = FolderKeyring(folder), MongoEpochs(database)
        ticks = count(step=LEAST_GRACE_SECONDS)
        self.keys = Keys(keyring=self.keyring, journal=self.journal, clock=lambda: float(next(ticks)))
        self.audio = GridAudio(database, Sealing(keys=self.keys, seals=True))
        self.epochs = Epochs(
            keyring=self.keyring, journal=self.journal, is_sealing=True, most_seconds=0.0, grace_seconds=0.0
        )
        self.over = asyncio.Event()

    async def tends(self) -> int:
        """Each pass begins an epoch, and ends those that no recording needs at once."""
        destroyed = 0
        while not self.over.is_set():
            destroyed += (await self.epochs.tend()).destroyed
        return destroyed

    async def uploads(self, number: int, refused: list[int]) -> tuple[PartId, bytes] | None:
        id, sound = new_part_id(), number.to_bytes(4, "big") * 90_000

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(sound), 50_000):
                yield sound[start : start + 50_000]

        try:
            await self.audio.store(id, pieces(), {})
        except KeyringUnavailable:
            refused.append(number)
            await self.audio.delete(id)
            return None
        return id, sound


async def test_no_recording_that_was_stored_loses_its_key(
    database: AsyncDatabase[dict[str, Any]], tmp_path: Path
) -> None:
    house, refused, waiting = House(database, tmp_path / "keys"), list[int](), list(range(UPLOADS))
    await house.epochs.ensure()
    tending = asyncio.create_task(house.tends())

    async def lane() -> int:
        heard = 0
        while waiting:
            stored = await house.uploads(waiting.pop(), refused)
            if stored is not None:
                id, sound = stored
                assert b"".join([piece async for piece in house.audio.read(id)]) == sound
                await house.audio.delete(id)
                heard += 1
        return heard

    heard = sum(await asyncio.gather(*(lane() for _ in range(READERS))))
    house.over.set()
    destroyed = await tending
    assert heard + len(refused) == UPLOADS
    assert heard > 0
    assert destroyed > 0
    for _ in range(3):
        await house.epochs.tend()
    states = {epoch.id: epoch.state for epoch in await house.journal.epochs()}
    there = await house.keyring.epochs()
    assert {id for id, state in states.items() if state is EpochState.DESTROYED}.isdisjoint(there)
    assert EpochState.LOST not in states.values()


@pytest.mark.parametrize("what", ["doom", "destroy"])
async def test_who_stored_while_its_key_went_is_refused(
    database: AsyncDatabase[dict[str, Any]], tmp_path: Path, what: str
) -> None:
    house = House(database, tmp_path / "keys")
    await house.epochs.ensure()
    (epoch,) = await house.keyring.epochs()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"sound"
        await getattr(house.keyring, what)(epoch)

    with pytest.raises(KeyringUnavailable):
        await house.audio.store(new_part_id(), pieces(), {})
