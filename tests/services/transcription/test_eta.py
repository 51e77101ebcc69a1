from services.errors import StoreUnavailable
from services.interviews.model import SessionId, UserId
from services.recordings.ports.backlog import Load
from services.transcription.eta import Eta


class Backlog:
    """Tells what it is told to, or cannot be reached."""

    def __init__(self, *loads: Load) -> None:
        self._loads = list(loads)

    async def load(self, session_id: SessionId | None) -> Load:
        if not self._loads:
            raise StoreUnavailable
        return self._loads.pop(0)

    async def queued_seconds(self, user_id: UserId) -> float:
        return 0.0


async def test_an_accepted_upload_is_not_refused_because_its_wait_cannot_be_told() -> None:
    now = 0.0
    eta = Eta(backlog=Backlog(Load(ahead=10, slots=1, seconds_each=2.0)), clock=lambda: now)
    known = await eta.of_all()
    now = 100.0
    assert await eta.of_all() == known > 1


async def test_where_nothing_was_ever_known_it_is_asked_again_soon() -> None:
    assert await Eta(backlog=Backlog()).of_all() == 1
