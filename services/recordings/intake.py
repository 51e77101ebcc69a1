"""Taking in a recording, so that a crash at any point can be repaired.

1. number the take, and keep a record `uploading`, which names the audio to come;
2. store the bytes as they arrive, if there is room for them to wait;
3. move the record to `queued`, with their hash and length;
4. show the answer as queued, unless a newer take is shown;
5. ring for a worker: if that is lost, the sweep rings again.

A small recording that is here as a whole before anything is stored has no record
`uploading`: it is stored, and 3 keeps its record, `queued`. Whoever finds audio
without a record and means to remove it keeps a record `aborted` first, under the
same id, so that only one of the two can be.

Of the first three only 3 waits for a majority, and then that majority has what
came before it too, unless another primary was elected meanwhile: then it is
asked whether all is there. Once that is known the recording will be
transcribed. Where 3 finds the same recording of the same answer in work
already, that one goes on as the newest take, and the bytes that came a second
time are removed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace

from services.errors import QuestionNotFound, StoreUnavailable
from services.interviews.model import Part, PartId, PartState, QuestionId, SessionId, Viewer
from services.interviews.ports import Elections, Sessions
from services.recordings.accepting import GIVEN_UP, Accepting, accepted, metadata_of
from services.recordings.formats import estimated_seconds
from services.recordings.gathering import MOST_ANNOUNCED, gathered
from services.recordings.numbering import Numbered, next_take
from services.recordings.ports.audio import Audio, Incoming
from services.recordings.ports.records import Records, Uploads
from services.recordings.upload_heartbeats import UploadHeartbeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    sessions: Sessions
    uploads: Uploads
    audio: Audio
    records: Records
    heartbeats: UploadHeartbeats
    elections: Elections
    accepting: Accepting

    async def admit(self, session_id: SessionId, question_id: QuestionId, viewer: Viewer) -> None:
        """Refuse without numbering anything: SessionNotFound or QuestionNotFound."""
        session = await self.sessions.get(session_id, viewer)
        if session.question(question_id) is None:
            raise QuestionNotFound

    async def number(
        self,
        session_id: SessionId,
        question_id: QuestionId,
        viewer: Viewer,
        *,
        id: PartId | None = None,
        channels: int | None = None,
    ) -> Numbered:
        """The next take of an answer, before anything of it is read: SessionNotFound or QuestionNotFound.

        A take that is never received is a number that is left out, no more.
        """
        return await next_take(self.sessions, session_id, question_id, viewer, id, channels)

    async def receive(
        self,
        session_id: SessionId,
        question_id: QuestionId,
        viewer: Viewer,
        incoming: Incoming,
        *,
        id: PartId | None = None,
        channels: int | None = None,
    ) -> Part:
        """Number a recording and take it in."""
        numbered = await self.number(session_id, question_id, viewer, id=id, channels=channels)
        return await self.take_in(numbered, incoming)

    async def take_in(self, numbered: Numbered, incoming: Incoming) -> Part:
        """Store a numbered recording under its id and queue it; durable once this returns.

        A part of another id is the same recording, which was in work already.
        TakeSuperseded if a newer recording was accepted meanwhile, TooMuchQueued
        if others were accepted that leave no room for it to wait. Left by any
        error, it leaves no audio behind.
        """
        part, record = numbered.part, _Once(lambda: self._begin(numbered))
        whole, incoming = await self._at_hand(part, incoming, record)
        try:
            if whole is None:
                await record.kept()
                queued = await self._as_it_arrives(numbered, incoming)
            else:
                queued = await self._whole(numbered, incoming, whole)
        except BaseException as reason:
            await self.accepting.give_up(part, _code_of(reason), record.over)
            if isinstance(reason, StoreUnavailable):
                await self.accepting.refuse_erased(part)
            raise
        if queued.id != part.id:
            await self.accepting.give_up(part, "the same recording is in work")
        await self.accepting.announce(queued)
        return queued

    async def _at_hand(self, part: Part, incoming: Incoming, record: "_Once") -> tuple[bytes | None, Incoming]:
        """The recording as a whole, if it is small and here soon, and there is room for it to wait.

        One that is not here soon has its record from then on, like any that is arriving.
        """
        if incoming.announced > MOST_ANNOUNCED:
            return None, incoming
        try:
            whole, data = await gathered(incoming.data, record.begin)
        except BaseException as reason:
            if record.is_begun:
                await self.accepting.give_up(part, _code_of(reason), record.over)
            raise
        if whole is not None:
            await incoming.reserve(estimated_seconds(incoming.container, len(whole)))
        return whole, replace(incoming, data=data)

    async def _as_it_arrives(self, numbered: Numbered, incoming: Incoming) -> Part:
        part = numbered.part
        with self.heartbeats.one(part.id):
            data = self._watched(part.id, incoming.data)
            stored = await self.audio.store(part.id, data, metadata_of(part, incoming.container))
        seconds = estimated_seconds(incoming.container, stored.size)
        await incoming.reserve(seconds)
        queued = accepted(await self.uploads.accept(part.id, stored.sha256, stored.size, seconds, stored.epoch))
        if queued.id == part.id and not self.elections.none_since(numbered.since):
            await self.accepting.make_sure(part, stored)
        return queued

    async def _whole(self, numbered: Numbered, incoming: Incoming, data: bytes) -> Part:
        part = numbered.part
        stored = await self.audio.keep(part.id, data, metadata_of(part, incoming.container))
        seconds = estimated_seconds(incoming.container, stored.size)
        sealed = replace(part, sha256=stored.sha256, bytes=stored.size, epoch=stored.epoch)
        kept = replace(sealed, estimated_seconds=seconds)
        queued = accepted(await self.uploads.queue(kept))
        if queued.id == part.id and not self.elections.none_since(numbered.since):
            # The number is safe only where a majority has confirmed it by itself.
            await self.accepting.make_sure(part, stored if numbered.since is None else None)
        return queued

    async def recover(self, id: PartId) -> Part | None:
        """The part of an upload that was cut short, if it was accepted; else it never will be."""
        aborted = await self.uploads.abort(id)
        if aborted is not None:
            await self.accepting.close(aborted)
            return None
        part = await self.records.get(id)
        if part is None or part.state is PartState.ABORTED:
            return None
        if part.state is PartState.QUEUED:
            await self.accepting.announce(part)
        return part

    async def _begin(self, numbered: Numbered) -> None:
        """Keep the record; one that stays proves that the number did, which the same primary gave before."""
        await self.uploads.begin(numbered.part)
        if numbered.since is not None and not self.elections.none_since(numbered.since):
            raise StoreUnavailable(GIVEN_UP)

    async def _watched(self, id: PartId, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in data:
            if self.heartbeats.is_lost(id):
                raise StoreUnavailable(GIVEN_UP)
            yield piece


@dataclass(slots=True)
class _Once:
    """Work that is begun at most once, here or by a timer."""

    work: Callable[[], Coroutine[None, None, None]]
    _task: asyncio.Task[None] | None = None

    @property
    def is_begun(self) -> bool:
        return self._task is not None

    def begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self.work())

    async def kept(self) -> None:
        """Once it is done; with its trouble, if it had any."""
        if self._task is None:
            await self.work()
        else:
            await asyncio.shield(self._task)

    async def over(self) -> None:
        """Once it is no longer on its way, however it ended."""
        if self._task is not None:
            await asyncio.wait((self._task,))
            self._task.exception()


def _code_of(reason: BaseException) -> str:
    return str(getattr(reason, "code", type(reason).__name__))
