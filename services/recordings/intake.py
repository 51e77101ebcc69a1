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
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from services.errors import Problem, QuestionNotFound, SessionErased, StoreUnavailable, TakeSuperseded
from services.interviews.model import (
    Part,
    PartId,
    PartState,
    QuestionId,
    SessionId,
    Status,
    Viewer,
    answer_of,
    new_part_id,
)
from services.interviews.ports import Election, Elections, Sessions
from services.recordings.formats import FORMATS, estimated_seconds
from services.recordings.gathering import MOST_ANNOUNCED, gathered
from services.recordings.ports.audio import Audio, Incoming, Stored
from services.recordings.ports.records import Records, Uploads
from services.recordings.ports.workers import Doorbell
from services.recordings.upload_heartbeats import UploadHeartbeats

log = structlog.get_logger(__name__)

CLEAN_UP_SECONDS = 5.0
GIVEN_UP = "The recording could not be stored in time. Send it again."


@dataclass(frozen=True, slots=True)
class Numbered:
    """A take that has its number, and the newest election before it got that; see Take."""

    part: Part
    since: Election | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    sessions: Sessions
    uploads: Uploads
    audio: Audio
    doorbell: Doorbell
    records: Records
    heartbeats: UploadHeartbeats
    elections: Elections
    close: Callable[[Part], Awaitable[None]]
    supersede: Callable[..., Awaitable[int]]

    async def admit(self, session_id: SessionId, question_id: QuestionId, viewer: Viewer) -> None:
        """Refuse without numbering anything: SessionNotFound or QuestionNotFound."""
        session = await self.sessions.get(session_id, viewer)
        if session.question(question_id) is None:
            raise QuestionNotFound

    async def number(
        self, session_id: SessionId, question_id: QuestionId, viewer: Viewer, *, id: PartId | None = None
    ) -> Numbered:
        """The next take of an answer, before anything of it is read: SessionNotFound or QuestionNotFound.

        A take that is never received is a number that is left out, no more.
        """
        take = await self.sessions.next_take(session_id, question_id, viewer)
        part = Part(
            id=id or new_part_id(),
            session_id=session_id,
            question_id=question_id,
            user_id=take.owner,
            take=take.number,
            language=take.question.language,
            languages=take.question.languages,
            created_at=take.at,
        )
        return Numbered(part, take.since)

    async def receive(
        self,
        session_id: SessionId,
        question_id: QuestionId,
        viewer: Viewer,
        incoming: Incoming,
        *,
        id: PartId | None = None,
    ) -> Part:
        """Number a recording and take it in."""
        return await self.take_in(await self.number(session_id, question_id, viewer, id=id), incoming)

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
            await self._give_up(part, getattr(reason, "code", type(reason).__name__), record)
            if isinstance(reason, StoreUnavailable):
                await self._refuse_erased(part)
            raise
        if queued.id != part.id:
            await self._give_up(part, "the same recording is in work")
        await self._announce(queued)
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
                await self._give_up(part, getattr(reason, "code", type(reason).__name__), record)
            raise
        if whole is not None:
            await incoming.reserve(estimated_seconds(incoming.container, len(whole)))
        return whole, replace(incoming, data=data)

    async def _as_it_arrives(self, numbered: Numbered, incoming: Incoming) -> Part:
        part = numbered.part
        with self.heartbeats.one(part.id):
            data = self._watched(part.id, incoming.data)
            stored = await self.audio.store(part.id, data, _metadata(part, incoming))
        seconds = estimated_seconds(incoming.container, stored.size)
        await incoming.reserve(seconds)
        queued = _accepted(await self.uploads.accept(part.id, stored.sha256, stored.size, seconds, stored.epoch))
        if queued.id == part.id and not self.elections.none_since(numbered.since):
            await self._make_sure(part, stored)
        return queued

    async def _whole(self, numbered: Numbered, incoming: Incoming, data: bytes) -> Part:
        part = numbered.part
        stored = await self.audio.keep(part.id, data, _metadata(part, incoming))
        seconds = estimated_seconds(incoming.container, stored.size)
        sealed = replace(part, sha256=stored.sha256, bytes=stored.size, epoch=stored.epoch)
        kept = replace(sealed, estimated_seconds=seconds)
        queued = _accepted(await self.uploads.queue(kept))
        if queued.id == part.id and not self.elections.none_since(numbered.since):
            # The number is safe only where a majority has confirmed it by itself.
            await self._make_sure(part, stored if numbered.since is None else None)
        return queued

    async def recover(self, id: PartId) -> Part | None:
        """The part of an upload that was cut short, if it was accepted; else it never will be."""
        aborted = await self.uploads.abort(id)
        if aborted is not None:
            await self.close(aborted)
            return None
        part = await self.records.get(id)
        if part is None or part.state is PartState.ABORTED:
            return None
        if part.state is PartState.QUEUED:
            await self._announce(part)
        return part

    async def _begin(self, numbered: Numbered) -> None:
        """Keep the record; one that stays proves that the number did, which the same primary gave before."""
        await self.uploads.begin(numbered.part)
        if numbered.since is not None and not self.elections.none_since(numbered.since):
            raise StoreUnavailable(GIVEN_UP)

    async def _make_sure(self, part: Part, stored: Stored | None) -> None:
        """Once a majority has the accepted record, does it have what was stored? What it has not is taken back."""
        if stored is not None and await self.audio.is_whole(part.id, stored):
            return
        withdrawn = await self.uploads.withdraw(part.id)
        if withdrawn is not None:
            await self.close(withdrawn)
        raise StoreUnavailable(GIVEN_UP)

    async def _watched(self, id: PartId, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in data:
            if self.heartbeats.is_lost(id):
                raise StoreUnavailable(GIVEN_UP)
            yield piece

    async def _announce(self, part: Part) -> None:
        if not await self.sessions.show(part.session_id, answer_of(part)):
            await self.supersede(part, itself=True)
            if not await self._goes_on_as_newer(part):
                await self._refuse_erased(part)
                raise TakeSuperseded
        await self.doorbell.transcribe(part.id)
        if part.take > 1:
            with suppress(StoreUnavailable):  # who takes on an old take sees that it is one
                await self.supersede(part)

    async def _goes_on_as_newer(self, part: Part) -> bool:
        """Whether the same recording came again meanwhile, so that the part counts as a newer take."""
        now = await self.records.get(part.id)
        return now is not None and now.take > part.take and now.state is not PartState.SUPERSEDED

    async def _give_up(self, part: Part, reason: str, record: "_Once | None" = None) -> None:
        """Remove what was stored, also while the caller is being cancelled; the sweep does the rest."""
        log.info("upload given up", part=part.id, reason=reason)
        cleaning = asyncio.ensure_future(self._clean_up(part, record))
        try:
            await asyncio.wait_for(asyncio.shield(cleaning), CLEAN_UP_SECONDS)
        except (TimeoutError, asyncio.CancelledError, Problem):
            log.warning("upload left to the sweep", part=part.id)

    async def _clean_up(self, part: Part, record: "_Once | None") -> None:
        if record is not None:
            await record.over()
        aborted = await self.uploads.abort(part.id, part) or await self._given_up(part)
        if aborted is not None:
            await self.close(aborted)
        if await self.sessions.is_erased(part.session_id):
            await self.records.forget(part.id, is_over=True)

    async def _given_up(self, part: Part) -> Part | None:
        """The part, where another has ended it: what has come since then is to be removed once more."""
        now = await self.records.get(part.id)
        if now is None:
            return replace(part, state=PartState.ABORTED)
        return now if now.state is PartState.ABORTED else None

    async def _refuse_erased(self, part: Part) -> None:
        """SessionErased if that is why the recording is not taken in."""
        with suppress(StoreUnavailable):
            if await self.sessions.is_erased(part.session_id):
                raise SessionErased


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


def _accepted(queued: Part | None) -> Part:
    if queued is None:
        raise StoreUnavailable(GIVEN_UP)
    return queued


def _metadata(part: Part, incoming: Incoming) -> Mapping[str, object]:
    return {
        "session_id": part.session_id,
        "question_id": part.question_id,
        "user_id": part.user_id,
        "status": Status.QUEUED.value,
        "content_type": FORMATS[incoming.container].media_type,
    }
