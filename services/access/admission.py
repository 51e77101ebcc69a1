"""Who may come in now: refused before anything is read, with the seconds after which to try again."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from services.access.ports import RateLimits
from services.errors import (
    BodiesSaturated,
    ListenersSaturated,
    NobodyListens,
    RateLimited,
    TooManyBodies,
    TooManyListeners,
    TooManyMicrophoneTests,
    TooManyUploads,
    TooMuchQueued,
    UploadsSaturated,
)
from services.interviews.model import UserId, Viewer
from services.lately import FRESH_SECONDS, Lately
from services.recordings.ports.backlog import Backlog

ADDRESS = "address"
REQUESTS = "requests"
UPLOADS = "uploads"
MICROPHONE_TESTS = "microphone_tests"
UPLOAD_AGAIN_SECONDS = 2.0
LISTEN_AGAIN_SECONDS = 5.0
BODY_AGAIN_SECONDS = 2.0
TEST_AGAIN_SECONDS = 5.0


@dataclass(slots=True)
class Account:
    """One user's recordings: what waited when that was read last, and the seconds that were reserved since.

    What was queued before the reading began is in it; what is queued meanwhile counts twice until the next.
    """

    waiting: Lately[float]
    seconds: float = 0.0
    queued: float = 0.0
    before: float = 0.0

    def look(self) -> None:
        """Begin to read what waits, where it is not known of late."""
        if not self.waiting.is_fresh:
            self.before = self.queued
            self.waiting.look()

    async def others(self, own: float) -> float:
        """The seconds that wait or arrive, but for these."""
        self.look()
        return await self.waiting.get() + self.seconds - self.before - own


@dataclass(slots=True, kw_only=True)
class Slot:
    """An upload's place, and what it reserves of the time that its user's recordings may wait."""

    account: Account
    most: float
    wait: Callable[[], Awaitable[int]]
    own: float = 0.0

    async def reserve(self, seconds: float) -> None:
        """Reserve so many seconds, in place of those before; TooMuchQueued where others have used up what may wait."""
        self.account.seconds += seconds - self.own
        self.own = seconds
        if await self.account.others(self.own) > self.most:
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
    clock: Callable[[], float] = time.monotonic
    most_tests_of_user: int = 2
    most_tests: int = 64
    in_flight: Counter[UserId] = field(default_factory=Counter, init=False)
    accounts: dict[UserId, Account] = field(default_factory=dict, init=False)
    listening: Counter[UserId] = field(default_factory=Counter, init=False)
    arriving: Counter[UserId] = field(default_factory=Counter, init=False)
    testing: Counter[UserId] = field(default_factory=Counter, init=False)

    async def address(self, address: str) -> None:
        """Count a request of a client address; RateLimited."""
        _refuse_faster(await self.limits.hit(ADDRESS, address))

    async def request(self, viewer: Viewer) -> None:
        """Count a request of a user; RateLimited."""
        _refuse_faster(await self.limits.hit(REQUESTS, viewer.user_id))

    async def visit(self, address: str, viewer: Viewer) -> None:
        """Count a request of both at once; RateLimited."""
        _refuse_faster(await self.limits.hit_each((ADDRESS, address), (REQUESTS, viewer.user_id)))

    @asynccontextmanager
    async def upload(self, viewer: Viewer, *, is_new: bool = True) -> AsyncIterator[Slot]:
        """Count an upload while it is in flight: TooManyUploads, UploadsSaturated or RateLimited.

        What may wait is asked for meanwhile, and told by the first `reserve` of the slot. One that goes on,
        as it is not new, counts against no rate of uploads.
        """
        user = viewer.user_id
        self._enter(user)
        try:
            if is_new:
                _refuse_faster(await self.limits.hit(UPLOADS, user))
            account = self.accounts.get(user) or self._opened(user)
            account.look()
            slot = Slot(account=account, most=self.most_queued_seconds, wait=self.wait)
            try:
                yield slot
            except BaseException:
                account.seconds -= slot.own
                raise
            account.queued += slot.own
        finally:
            _leave(self.in_flight, user)
            self._forget_later(user)

    def _opened(self, user: UserId) -> Account:
        waiting = Lately(read=partial(self.backlog.queued_seconds, user), clock=self.clock)
        self.accounts[user] = account = Account(waiting)
        return account

    def _forget_later(self, user: UserId) -> None:
        """Of who has nothing in flight, nothing is held for longer than it is of use."""
        if user not in self.in_flight and user in self.accounts:
            asyncio.get_running_loop().call_later(2 * FRESH_SECONDS, self._forget, user)

    def _forget(self, user: UserId) -> None:
        account = self.accounts.get(user)
        if account is not None and user not in self.in_flight and not account.waiting.is_fresh:
            del self.accounts[user]

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

    @asynccontextmanager
    async def microphone_test(self, viewer: Viewer) -> AsyncIterator[None]:
        """Count a test until it is answered; TooManyMicrophoneTests, RateLimited, or NobodyListens where many wait."""
        user = viewer.user_id
        if self.testing[user] >= self.most_tests_of_user:
            raise TooManyMicrophoneTests(retry_after=TEST_AGAIN_SECONDS)
        if self.testing.total() >= self.most_tests:
            raise NobodyListens(retry_after=TEST_AGAIN_SECONDS)
        self.testing[user] += 1
        try:
            _refuse_faster(await self.limits.hit(MICROPHONE_TESTS, user))
            yield
        finally:
            _leave(self.testing, user)

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
