import asyncio

from services.errors import StoreUnavailable
from services.interviews.model import SessionId, UserId
from services.recordings.ports.backlog import Pace
from services.transcription.eta import Eta


class Backlog:
    """Tells what waits as often as it is told to, and cannot be reached then."""

    def __init__(self, times: int = 0) -> None:
        self.left = times
        self.asked = 0

    async def ahead(self, session_id: SessionId | None) -> int:
        self.asked += 1
        self.left -= 1
        if self.left < 0:
            raise StoreUnavailable
        return 10

    async def pace(self) -> Pace:
        return Pace(slots=1, seconds_each=2.0)

    async def queued_seconds(self, user_id: UserId) -> float:
        return 0.0


async def test_an_accepted_upload_is_not_refused_because_its_wait_cannot_be_told() -> None:
    now = 0.0
    eta = Eta(backlog=Backlog(1), clock=lambda: now)
    known = await eta.of_all()
    now = 100.0
    assert await eta.of_all() == known > 1


async def test_where_nothing_was_ever_known_it_is_asked_again_soon() -> None:
    assert await Eta(backlog=Backlog()).of_all() == 1


async def test_whoever_asks_within_a_second_asks_once() -> None:
    now, backlog = 0.0, Backlog(2)
    eta = Eta(backlog=backlog, clock=lambda: now)
    eta.look()
    assert len(set(await asyncio.gather(*[eta.of_all() for _ in range(20)]))) == 1
    assert backlog.asked == 1
    now = 1.0
    await eta.of_all()
    await asyncio.sleep(0)
    assert backlog.asked == 2
