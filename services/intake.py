"""Taking in a recording, so that a crash at any point can be repaired.

1. number the take and keep a record `uploading`, which names the audio to come;
2. store the bytes as they arrive;
3. move the record to `queued`, with their hash and length;
4. show the answer as queued, unless a newer take is shown;
5. ring for a worker: if that is lost, the sweep rings again.

Once 3 is confirmed the recording will be transcribed.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from services.errors import Problem, QuestionNotFound, TakeSuperseded, UploadStalled
from services.formats import MEDIA_TYPES
from services.interview import Part, PartId, QuestionId, SessionId, Status, Viewer, answer_of
from services.ports import Audio, Doorbell, Incoming, Sessions, Stored, Uploads

log = structlog.get_logger(__name__)

TOUCH_SECONDS = 10.0
CLEAN_UP_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    sessions: Sessions
    uploads: Uploads
    audio: Audio
    doorbell: Doorbell
    close: Callable[[Part], Awaitable[None]]
    supersede: Callable[..., Awaitable[int]]
    clock: Callable[[], float] = time.monotonic

    async def admit(self, session_id: SessionId, question_id: QuestionId, viewer: Viewer) -> None:
        """Refuse before the body is read: SessionNotFound or QuestionNotFound."""
        session = await self.sessions.get(session_id, viewer)
        if session.question(question_id) is None:
            raise QuestionNotFound

    async def receive(self, session_id: SessionId, question_id: QuestionId, viewer: Viewer, incoming: Incoming) -> Part:
        """Store a recording and queue it; durable once this returns.

        TakeSuperseded if a newer recording was accepted meanwhile. Left by any
        error, it leaves no audio behind.
        """
        part = await self._begin(session_id, question_id, viewer)
        try:
            stored = await self.audio.store(part.id, self._watched(part.id, incoming.data), _metadata(part, incoming))
            queued = await self._accept(part, stored)
        except BaseException as reason:
            await self._give_up(part, reason)
            raise
        await self._announce(queued)
        return queued

    async def _begin(self, session_id: SessionId, question_id: QuestionId, viewer: Viewer) -> Part:
        take = await self.sessions.next_take(session_id, question_id, viewer)
        part = Part(
            id=PartId(secrets.token_hex(12)),
            session_id=session_id,
            question_id=question_id,
            user_id=take.owner,
            take=take.number,
            language=take.question.language,
        )
        await self.uploads.begin(part)
        return part

    async def _watched(self, id: PartId, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        touched = self.clock()
        async for piece in data:
            if self.clock() - touched > TOUCH_SECONDS:
                touched = self.clock()
                if not await self.uploads.touch(id):
                    raise UploadStalled
            yield piece

    async def _accept(self, part: Part, stored: Stored) -> Part:
        queued = await self.uploads.accept(part.id, stored.sha256, stored.size)
        if queued is None:
            raise UploadStalled
        return queued

    async def _announce(self, part: Part) -> None:
        if not await self.sessions.show(part.session_id, answer_of(part)):
            await self.supersede(part, itself=True)
            raise TakeSuperseded
        await self.doorbell.transcribe(part.id)
        if part.take > 1:
            await self.supersede(part)

    async def _give_up(self, part: Part, reason: BaseException) -> None:
        """Remove what was stored, also while the caller is being cancelled; the sweep does the rest."""
        log.info("upload given up", part=part.id, reason=getattr(reason, "code", type(reason).__name__))
        cleaning = asyncio.ensure_future(self._clean_up(part))
        try:
            await asyncio.wait_for(asyncio.shield(cleaning), CLEAN_UP_SECONDS)
        except (TimeoutError, asyncio.CancelledError, Problem):
            log.warning("upload left to the sweep", part=part.id)

    async def _clean_up(self, part: Part) -> None:
        aborted = await self.uploads.abort(part.id)
        if aborted is not None:
            await self.close(aborted)


def _metadata(part: Part, incoming: Incoming) -> Mapping[str, object]:
    return {
        "session_id": part.session_id,
        "question_id": part.question_id,
        "user_id": part.user_id,
        "status": Status.QUEUED.value,
        "content_type": MEDIA_TYPES[incoming.container],
    }
