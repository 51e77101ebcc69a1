"""How much may arrive in pieces: of one recording, of a user, of all, and while there is room for it."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from services.errors import ArrivalsSaturated, AudioTooLarge, StorageShort, TooManyArrivals, TooMuchArriving
from services.interviews.model import UserId
from services.lately import Lately
from services.recordings.ports.arrivals import ArrivalRecords, Load, Room

MEGABYTE = 1024 * 1024
LOOK_SECONDS = 5.0
FULL_AGAIN_SECONDS = 30.0
# What may come, of what still may, before it is looked again at what has.
SHARE_UNSEEN = 0.1
MOST_KNOWN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalLimits:
    """How much may arrive in pieces."""

    most_bytes: int = 500 * MEGABYTE
    most_staged_bytes: int = 16 * MEGABYTE
    most_of_user: int = 64
    most_bytes_of_user: int = 4096 * MEGABYTE
    most_bytes_of_all: int = 65536 * MEGABYTE
    least_free_bytes: int = 1024 * MEGABYTE


@dataclass(slots=True, kw_only=True)
class ArrivalRoom:
    """Refuses what goes beyond the limits, before anything of it is kept.

    Figures may be some seconds old; a user's, as old as little has come since. So a limit may be passed by a tenth of
    what was left of it, for each process.
    """

    limits: ArrivalLimits
    records: ArrivalRecords
    room: Room
    clock: Callable[[], float] = time.monotonic
    _free: Lately[int | None] = field(init=False)
    _of_all: Lately[int] = field(init=False)
    _of_users: OrderedDict[UserId, "UsersLoad"] = field(default_factory=OrderedDict, init=False)

    def __post_init__(self) -> None:
        self._free = Lately(read=self.room.free_bytes, clock=self.clock, seconds=LOOK_SECONDS)
        self._of_all = Lately(read=self.records.arriving_bytes, clock=self.clock, seconds=LOOK_SECONDS)

    def size(self, bytes: int) -> None:
        """AudioTooLarge for more than one recording may have."""
        if bytes > self.limits.most_bytes:
            raise AudioTooLarge.over(self.limits.most_bytes)

    async def another(self, user_id: UserId) -> None:
        """One more recording of this user; TooManyArrivals, and what `more` raises."""
        load = await self._of_user(user_id).now()
        if load.recordings >= self.limits.most_of_user:
            raise TooManyArrivals(retry_after=FULL_AGAIN_SECONDS)
        self._refuse(load)
        await self._room()

    async def more(self, user_id: UserId, bytes: int) -> None:
        """So many more bytes of this user's; TooMuchArriving, ArrivalsSaturated, StorageShort."""
        if bytes:
            self._refuse(await self._of_user(user_id).with_more(bytes))
        await self._room()

    async def _room(self) -> None:
        free = await self._free.roughly()
        if free is not None and free < self.limits.least_free_bytes:
            raise StorageShort(retry_after=FULL_AGAIN_SECONDS)
        if await self._of_all.roughly() > self.limits.most_bytes_of_all:
            raise ArrivalsSaturated(retry_after=FULL_AGAIN_SECONDS)

    def _of_user(self, user_id: UserId) -> "UsersLoad":
        load = self._of_users.pop(user_id, None)
        if load is None:
            lately = Lately(read=partial(self.records.load, user_id), clock=self.clock, seconds=LOOK_SECONDS)
            load = UsersLoad(lately, self.limits.most_bytes_of_user)
        self._of_users[user_id] = load
        while len(self._of_users) > MOST_KNOWN:
            self._of_users.popitem(last=False)
        return load

    def _refuse(self, load: Load) -> None:
        if load.bytes > self.limits.most_bytes_of_user:
            raise TooMuchArriving(retry_after=FULL_AGAIN_SECONDS)


@dataclass(slots=True)
class UsersLoad:
    """What of a user arrives, as the store said last, and how many bytes have come here since."""

    lately: Lately[Load]
    most: int
    _seen: Load | None = field(default=None, init=False)
    _since: int = field(default=0, init=False)

    async def now(self) -> Load:
        """As the store says."""
        return await self._look(self.lately.again())

    async def with_more(self, bytes: int) -> Load:
        """With so many bytes to come: the store is asked again before much has come of what still may."""
        self._since += bytes
        if self._seen is None or self._since > SHARE_UNSEEN * (self.most - self._seen.bytes):
            return await self._look(self.lately.get())
        return self._seen

    async def _look(self, asked: Awaitable[Load]) -> Load:
        self._seen = await asked
        self._since = 0
        return self._seen
