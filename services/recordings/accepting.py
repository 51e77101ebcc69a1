"""How a stored recording becomes an answer, or nothing of it stays; whichever way it came.

Once its record is `queued` the answer shows it, unless a newer take is shown, and a worker is rung for; if that is
lost, the sweep rings again. Where the same recording of the same answer is in work already, that one goes on as the
newest take, and what came a second time is removed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from services.errors import Problem, SessionErased, StoreUnavailable, TakeSuperseded
from services.interviews.model import Part, PartState, Status, answer_of
from services.interviews.ports import Sessions
from services.recordings.formats import FORMATS, Container
from services.recordings.ports.audio import Audio, Stored
from services.recordings.ports.records import Records, Uploads
from services.recordings.ports.workers import Doorbell

log = structlog.get_logger(__name__)

CLEAN_UP_SECONDS = 5.0
GIVEN_UP = "The recording could not be stored in time. Send it again."


async def _nothing() -> None:
    """Where nothing is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepting:
    sessions: Sessions
    uploads: Uploads
    audio: Audio
    doorbell: Doorbell
    records: Records
    close: Callable[[Part], Awaitable[None]]
    supersede: Callable[..., Awaitable[int]]

    async def announce(self, part: Part) -> None:
        """Show an accepted recording and ring for a worker; TakeSuperseded, SessionErased."""
        if not await self.sessions.show(part.session_id, answer_of(part)):
            await self.supersede(part, itself=True)
            if not await self._goes_on_as_newer(part):
                await self.refuse_erased(part)
                raise TakeSuperseded
        await self.doorbell.transcribe(part.id, first=part.checkpoint is not None)
        if part.take > 1:
            with suppress(StoreUnavailable):  # who takes on an old take sees that it is one
                await self.supersede(part)

    async def make_sure(self, part: Part, stored: Stored | None) -> None:
        """Once a majority has the accepted record, does it have what was stored? What it has not is taken back."""
        if stored is not None and await self.audio.is_whole(part.id, stored):
            return
        withdrawn = await self.uploads.withdraw(part.id)
        if withdrawn is not None:
            await self.close(withdrawn)
        raise StoreUnavailable(GIVEN_UP)

    async def give_up(self, part: Part, reason: str, over: Callable[[], Awaitable[None]] = _nothing) -> None:
        """Remove what was stored, once nothing is on its way; the sweep does what is left.

        Also while the caller is being cancelled.
        """
        log.info("upload given up", part=part.id, reason=reason)
        cleaning = asyncio.ensure_future(self._clean_up(part, over))
        try:
            await asyncio.wait_for(asyncio.shield(cleaning), CLEAN_UP_SECONDS)
        except (TimeoutError, asyncio.CancelledError, Problem):
            log.warning("upload left to the sweep", part=part.id)

    async def refuse_erased(self, part: Part) -> None:
        """SessionErased if that is why the recording is not taken in."""
        with suppress(StoreUnavailable):
            if await self.sessions.is_erased(part.session_id):
                raise SessionErased

    async def _goes_on_as_newer(self, part: Part) -> bool:
        """Whether the same recording came again meanwhile, so that the part counts as a newer take."""
        now = await self.records.get(part.id)
        return now is not None and now.take > part.take and now.state is not PartState.SUPERSEDED

    async def _clean_up(self, part: Part, over: Callable[[], Awaitable[None]]) -> None:
        await over()
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


def accepted(queued: Part | None) -> Part:
    """The part, if it was accepted."""
    if queued is None:
        raise StoreUnavailable(GIVEN_UP)
    return queued


def metadata_of(part: Part, container: Container) -> Mapping[str, object]:
    """What stands in a recording's file besides its name and length."""
    return {
        "session_id": part.session_id,
        "question_id": part.question_id,
        "user_id": part.user_id,
        "status": Status.QUEUED.value,
        "content_type": FORMATS[container].media_type,
    }
