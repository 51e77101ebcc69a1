"""Ending what a session has of recordings: who works on one is shut out, its audio goes, then its record.

A recording that is arriving is ended first, and its record stays until whoever takes it in has noticed, or is
silent for so long that nothing of it can come any more: until then more chunks may be written.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from services.interviews.erasable import OfSession, Subject
from services.interviews.model import PartId
from services.recordings.ports.audio import Audio
from services.recordings.ports.records import Records, Uploads

ERASED = "erased"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingsErasable:
    """The port Erasable; a user's recordings go with his sessions, and by themselves where they have none yet."""

    uploads: Uploads
    records: Records
    audio: Audio
    issue: Callable[..., Awaitable[object]]

    async def found(self, subject: Subject) -> Mapping[str, int]:
        ids = await self._ids(subject)
        stored = [await self.audio.stored(id) for id in ids]
        counts = {"parts": len(ids), "files": sum(files for files, _ in stored), "chunks": sum(n for _, n in stored)}
        return {name: count for name, count in counts.items() if count}

    async def erase(self, subject: Subject) -> int:
        for id in await self._ids(subject):
            await self.uploads.stop(id)
            if await self._deleted(id):
                await self.records.forget(id)
        return len(await self._ids(subject))

    async def _ids(self, subject: Subject) -> list[PartId]:
        if isinstance(subject, OfSession):
            return await self.records.of_session(subject.session_id)
        return await self.records.unplaced(subject.user_id, subject.until)

    async def _deleted(self, id: PartId) -> bool:
        """Whether nothing of the recording is there any more; if there was one, a receipt says so."""
        deletion = await self.audio.delete(id)
        part = await self.records.get(id)
        log.info("audio deleted", part=id, session=part.session_id if part else None, left=deletion.left)
        if part is not None and not deletion.left and (part.sha256 or deletion.files or deletion.chunks):
            await self.issue(part, deletion, ended_as=ERASED)
        return not deletion.left
