"""Whether what is stored of recordings is what the records say, both ways.

It goes by the records and never by age alone; what arrives, and what ended just
now, is passed over. What it finds it looks at once more before it is told, since
uploads, workers and the sweep go on meanwhile.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.errors import AudioKeyGone, AudioMissing, AudioSealBroken
from services.interviews.model import Part, PartId, PartState
from services.operations.ports.inventory import Inventory, Kept, StoredChunk, StoredFile
from services.recordings.ports.audio import CHUNK_BYTES, Audio
from services.recordings.ports.utterances import Utterances

ARRIVING_SECONDS = 900.0
NEEDED = frozenset({PartState.QUEUED, PartState.PROCESSING})


class Damage(StrEnum):
    """What can be wrong with a stored recording."""

    ORPHANED_FILE = "orphaned_file"
    ORPHANED_CHUNKS = "orphaned_chunks"
    MISSING = "missing"
    CHUNKS_MISSING = "chunks_missing"
    LENGTH_WRONG = "length_wrong"
    SUM_WRONG = "sum_wrong"
    SEAL_BROKEN = "seal_broken"
    KEY_GONE = "key_gone"
    STRAY_UTTERANCES = "stray_utterances"


ORPHANED = frozenset({Damage.ORPHANED_FILE, Damage.ORPHANED_CHUNKS})
# Nothing of the sound is left in these.
NOTHING_LEFT = frozenset({Damage.MISSING, Damage.KEY_GONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that is wrong, and whether it was mended."""

    damage: Damage
    id: PartId
    detail: str = ""
    is_mended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageCheck:
    """`close` drives a record to its end, `abort` is that of Uploads; `looked` is told how many were looked at."""

    inventory: Inventory
    audio: Audio
    utterances: Utterances
    close: Callable[[Part], Awaitable[None]]
    abort: Callable[[PartId], Awaitable[object]]
    looked: Callable[[int], None] = lambda _: None

    async def run(self, *, repair: bool = False, contents: bool = True) -> AsyncIterator[Found]:
        """What is wrong; `contents` reads every recording, `repair` deletes what nobody needs or can read."""
        async for found in self._all(contents):
            yield await self._mended(found) if repair else found

    async def _all(self, contents: bool) -> AsyncIterator[Found]:
        async for files in self.inventory.files():
            for found in await self._of_files(files, contents):
                yield found
            self.looked(len(files))
        async for ids in self.inventory.loose_chunks():
            for found in await self._unneeded(ids, Damage.ORPHANED_CHUNKS):
                yield found
        async for ids in self.inventory.needing():
            for found in await self._missing(ids):
                yield found
        async for folded in self.inventory.arriving():
            for found in await self._of_arrivals(folded):
                yield found
            self.looked(len(folded))
        for found in await self._stray_utterances():
            yield found

    async def _of_files(self, files: Sequence[StoredFile], contents: bool) -> list[Found]:
        ids = [file.id for file in files]
        records, chunks = await self.inventory.records(ids), await self.inventory.chunks(ids)
        needed = [file for file in files if _needs(records.get(file.id))]
        found = await self._unneeded([id for id in ids if not _is_of_use(records.get(id))], Damage.ORPHANED_FILE)
        for file in needed:
            wrong = _wrong_form(file, chunks.get(file.id, []), records[file.id].part)
            if wrong is None and contents:
                wrong = await self._wrong_content(records[file.id].part)
            if wrong is not None and await self._is_still_so(wrong.id):
                found.append(wrong)
        return found

    async def _wrong_content(self, part: Part) -> Found | None:
        digest = hashlib.sha256()
        try:
            async for piece in self.audio.read(part.id):
                digest.update(piece)
        except AudioKeyGone:
            return Found(damage=Damage.KEY_GONE, id=part.id)
        except AudioSealBroken:
            return Found(damage=Damage.SEAL_BROKEN, id=part.id)
        except AudioMissing:
            return Found(damage=Damage.CHUNKS_MISSING, id=part.id, detail="it ends too early")
        if part.sha256 is not None and digest.hexdigest() != part.sha256:
            return Found(damage=Damage.SUM_WRONG, id=part.id, detail=f"sha256 {digest.hexdigest()}")
        return None

    async def _unneeded(self, ids: Sequence[PartId], damage: Damage) -> list[Found]:
        """Those that no record needs, and that are old enough not to be on their way."""
        ages, records = await self.inventory.ages(ids), await self.inventory.records(ids)
        old = [id for id in ids if ages[id] > ARRIVING_SECONDS and not _is_of_use(records.get(id))]
        return [Found(damage=damage, id=id, detail=_about(records.get(id))) for id in old]

    async def _missing(self, ids: Sequence[PartId]) -> list[Found]:
        there = await self.inventory.chunks(ids)
        found = [Found(damage=Damage.MISSING, id=id) for id in ids if id not in there]
        return [one for one in found if await self._is_still_so(one.id) and not await self.inventory.chunks([one.id])]

    async def _of_arrivals(self, folded: Mapping[PartId, int]) -> list[Found]:
        """Those that lack a whole chunk below what is said to be in chunks."""
        there = await self.inventory.chunks(list(folded))
        whole = {id: {chunk.n for chunk in chunks if chunk.size == CHUNK_BYTES} for id, chunks in there.items()}
        lacking = {id: set(range(size // CHUNK_BYTES)) - whole.get(id, set()) for id, size in folded.items()}
        records = await self.inventory.records([id for id, numbers in lacking.items() if numbers])
        return [
            Found(damage=Damage.CHUNKS_MISSING, id=id, detail=f"it arrives, and lacks chunk {min(lacking[id])}")
            for id, kept in records.items()
            if kept.part.state is PartState.UPLOADING
        ]

    async def _stray_utterances(self) -> list[Found]:
        """What was said in recordings that need it no more; what ended just now is being closed."""
        ids = await self.utterances.strays()
        records = await self.inventory.records(ids)
        strays = [id for id in ids if not _is_of_use(records.get(id))]
        return [Found(damage=Damage.STRAY_UTTERANCES, id=id, detail=_about(records.get(id))) for id in strays]

    async def _is_still_so(self, id: PartId) -> bool:
        return _needs((await self.inventory.records([id])).get(id))

    async def _mended(self, found: Found) -> Found:
        if found.damage is Damage.STRAY_UTTERANCES:
            await self.utterances.forget(found.id)
            return replace(found, is_mended=True)
        if found.damage in ORPHANED:
            await self.abort(found.id)
            if await self._is_still_so(found.id):
                return found  # its record has come since
            deletion = await self.audio.delete(found.id)
            return replace(found, is_mended=not deletion.left)
        if found.damage in NOTHING_LEFT and (part := await self.inventory.let_go(found.id)) is not None:
            await self.close(part)
            return replace(found, is_mended=True)
        return found


def _needs(kept: Kept | None) -> bool:
    """Whether the recording has to be there, and whole."""
    return kept is not None and (kept.part.state in NEEDED or kept.part.keep_audio)


def _is_of_use(kept: Kept | None) -> bool:
    """Whether it may be there: needed, arriving, or of a record that ended just now."""
    if kept is None:
        return False
    return _needs(kept) or kept.part.state is PartState.UPLOADING or kept.seconds < ARRIVING_SECONDS


def _about(kept: Kept | None) -> str:
    return "no record" if kept is None else f"its record is {kept.part.state.value}"


def _wrong_form(file: StoredFile, chunks: Sequence[StoredChunk], part: Part) -> Found | None:
    """What is wrong by numbers and sizes alone."""
    numbers = {chunk.n for chunk in chunks}
    expected = -(-file.length // file.chunk_bytes)
    if absent := sorted(set(range(expected)) - numbers):
        detail = f"{len(absent)} of {expected}, the first is number {absent[0]}"
        return Found(damage=Damage.CHUNKS_MISSING, id=file.id, detail=detail)
    for chunk in chunks:
        whole = min(file.chunk_bytes, file.length - chunk.n * file.chunk_bytes)
        if chunk.size != whole:
            detail = f"chunk {chunk.n} has {chunk.size} bytes in place of {max(0, whole)}"
            return Found(damage=Damage.LENGTH_WRONG, id=file.id, detail=detail)
    if part.bytes != file.length:
        detail = f"{file.length} bytes, and its record says {part.bytes}"
        return Found(damage=Damage.LENGTH_WRONG, id=file.id, detail=detail)
    return None
