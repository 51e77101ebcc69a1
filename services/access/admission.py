"""Who may come in now: refused before anything is read, with the seconds after which to try again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.access.ports import RateLimits
from services.errors import (
    BodiesSaturated,
    ListenersSaturated,
    RateLimited,
    TooManyBodies,
    TooManyListeners,
    TooManyUploads,
    TooMuchQueued,
    UploadsSaturated,
)
from services.interviews.model import UserId, Viewer
from services.recordings.ports.backlog import Backlog

ADDRESS = "address"
REQUESTS = "requests"
UPLOADS = "uploads"
UPLOAD_AGAIN_SECONDS = 2.0
LISTEN_AGAIN_SECONDS = 5.0
BODY_AGAIN_SECONDS = 2.0


@dataclass(slots=True)
class Reserved:
    """The seconds of one user's recordings that arrive or have arrived, while any of his uploads is in flight."""

    seconds: float = 0.0
    queued: float = 0.0


@dataclass(slots=True, kw_only=True)
class Slot:
    """An upload's place: what waited when it began, and what was reserved by others since."""

    reserved: Reserved
    waited: float
    before: float
    most: float
    wait: Callable[[], Awaitable[int]]
    own: float = 0.0

    async def reserve(self, seconds: float) -> None:
        """Reserve so many seconds, in place of those before; TooMuchQueued where others have used up what may wait."""
        self.reserved.seconds += seconds - self.own
        self.own = seconds
        if self.waited + self.reserved.seconds - self.before - self.own > self.most:
            raise TooMuchQueued(retry_after=await self.wait())


@dataclass(slots=True, kw_only=True)
class Admission:
    """The numbers in flight are this process's; the rates are everybody's who shares the port's store."""

    limits: RateLimits
    backlog: Backlog
    wait: Callable[[], Awaitable[int]]
    most_uploads_of_user: int
    most_uploads: int
    most_queued_seconds: float
    most_listeners_of_user: int = 50
    most_listeners: int = 5000
    most_bodies_of_user: int = 64
    most_bodies: int = 512
    in_flight: Counter[UserId] = field(default_factory=Counter, init=False)
    reserved: dict[UserId, Reserved] = field(default_factory=dict, init=False)
    listening: Counter[UserId] = field(default_factory=Counter, init=False)
    arriving: Counter[UserId] = field(default_factory=Counter, init=False)

    async def address(self, address: str) -> None:
        """Count a request of a client address; RateLimited."""
        _refuse_faster(await self.limits.hit(ADDRESS, address))

    async def request(self, viewer: Viewer) -> None:
        """Count a request of a user; RateLimited."""
        _refuse_faster(await self.limits.hit(REQUESTS, viewer.user_id))

    async def visit(self, address: str, viewer: Viewer) -> None:
        """Count a request of both at once; RateLimited."""
        waits = await asyncio.gather(self.limits.hit(ADDRESS, address), self.limits.hit(REQUESTS, viewer.user_id))
        for wait in waits:
            _refuse_faster(wait)

    @asynccontextmanager
    async def upload(self, viewer: Viewer) -> AsyncIterator[Slot]:
        """Count an upload while it is in flight, with what it reserves of the time that may wait.

        TooManyUploads, UploadsSaturated, RateLimited, or TooMuchQueued.
        """
        user = viewer.user_id
        self._enter(user)
        reserved = self.reserved.setdefault(user, Reserved())
        try:
            slot = await self._slot(viewer, reserved)
            try:
                await slot.reserve(0.0)
                yield slot
            except BaseException:
                reserved.seconds -= slot.own
                raise
            reserved.queued += slot.own
        finally:
            _leave(self.in_flight, user)
            if user not in self.in_flight:
                del self.reserved[user]

    async def _slot(self, viewer: Viewer, reserved: Reserved) -> Slot:
        before = reserved.queued
        wait, queued = await asyncio.gather(
            self.limits.hit(UPLOADS, viewer.user_id), self.backlog.queued_seconds(viewer.user_id)
        )
        _refuse_faster(wait)
        return Slot(reserved=reserved, waited=queued, before=before, most=self.most_queued_seconds, wait=self.wait)

    @asynccontextmanager
    async def listener(self, viewer: Viewer) -> AsyncIterator[None]:
        """Count who waits for events; TooManyListeners or ListenersSaturated."""
        if self.listening[viewer.user_id] >= self.most_listeners_of_user:
            raise TooManyListeners(retry_after=LISTEN_AGAIN_SECONDS)
        if self.listening.total() >= self.most_listeners:
            raise ListenersSaturated(retry_after=LISTEN_AGAIN_SECONDS)
        self.listening[viewer.user_id] += 1
        try:
            yield
        finally:
            _leave(self.listening, viewer.user_id)

    def enter_body(self, viewer: Viewer) -> Callable[[], None]:
        """Count a body that is on its way, until what is returned is called; TooManyBodies or BodiesSaturated."""
        user = viewer.user_id
        if self.arriving[user] >= self.most_bodies_of_user:
            raise TooManyBodies(retry_after=BODY_AGAIN_SECONDS)
        if self.arriving.total() >= self.most_bodies:
            raise BodiesSaturated(retry_after=BODY_AGAIN_SECONDS)
        self.arriving[user] += 1
        return lambda: _leave(self.arriving, user)

    def _enter(self, user: UserId) -> None:
        if self.in_flight[user] >= self.most_uploads_of_user:
            raise TooManyUploads(retry_after=UPLOAD_AGAIN_SECONDS)
        if self.in_flight.total() >= self.most_uploads:
            raise UploadsSaturated(retry_after=UPLOAD_AGAIN_SECONDS)
        self.in_flight[user] += 1


def _refuse_faster(wait: float | None) -> None:
    if wait is not None:
        raise RateLimited(retry_after=wait)


def _leave(counter: Counter[UserId], user: UserId) -> None:
    counter[user] -= 1
    if not counter[user]:
        del counter[user]
