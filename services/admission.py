"""Who may come in now: refused before anything is read, with the seconds after which to try again."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.errors import RateLimited, TooManyUploads, TooMuchQueued, UploadsSaturated
from services.interview import UserId, Viewer
from services.ports.access import RateLimits
from services.ports.records import Backlog

ADDRESS = "address"
REQUESTS = "requests"
UPLOADS = "uploads"
UPLOAD_AGAIN_SECONDS = 2.0


@dataclass(slots=True, kw_only=True)
class Admission:
    """The numbers in flight are this process's; the rates are everybody's who shares the port's store."""

    limits: RateLimits
    backlog: Backlog
    wait: Callable[[], Awaitable[int]]
    most_uploads_of_user: int
    most_uploads: int
    most_queued_seconds: float
    in_flight: Counter[UserId] = field(default_factory=Counter, init=False)

    async def address(self, address: str) -> None:
        """Count a request of a client address; RateLimited."""
        await self._count(ADDRESS, address)

    async def request(self, viewer: Viewer) -> None:
        """Count a request of a user; RateLimited."""
        await self._count(REQUESTS, viewer.user_id)

    @asynccontextmanager
    async def upload(self, viewer: Viewer) -> AsyncIterator[None]:
        """Count an upload while it is in flight.

        TooManyUploads, UploadsSaturated, RateLimited, or TooMuchQueued.
        """
        self._enter(viewer.user_id)
        try:
            await self._count(UPLOADS, viewer.user_id)
            await self._refuse_more_to_queue(viewer.user_id)
            yield
        finally:
            self._leave(viewer.user_id)

    def _enter(self, user: UserId) -> None:
        if self.in_flight[user] >= self.most_uploads_of_user:
            raise TooManyUploads(retry_after=UPLOAD_AGAIN_SECONDS)
        if self.in_flight.total() >= self.most_uploads:
            raise UploadsSaturated(retry_after=UPLOAD_AGAIN_SECONDS)
        self.in_flight[user] += 1

    def _leave(self, user: UserId) -> None:
        self.in_flight[user] -= 1
        if not self.in_flight[user]:
            del self.in_flight[user]

    async def _refuse_more_to_queue(self, user: UserId) -> None:
        if await self.backlog.queued_seconds(user) > self.most_queued_seconds:
            raise TooMuchQueued(retry_after=await self.wait())

    async def _count(self, budget: str, who: str) -> None:
        wait = await self.limits.hit(budget, who)
        if wait is not None:
            raise RateLimited(retry_after=wait)
