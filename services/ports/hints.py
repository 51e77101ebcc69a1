"""What the use cases need to say, and to hear, that a session has news."""

from collections.abc import Callable
from typing import Protocol

from services.interview import SessionId

Heard = Callable[[SessionId | None], None]


class Hints(Protocol):
    """A hint may be lost, doubled or late; who hears one goes and reads."""

    def announce(self, id: SessionId) -> None:
        """Say to every process that this session has news. Never waits and never fails."""

    async def listen(self, heard: Heard) -> None:
        """Pass on what any process announces, for ever; None where announcements may have been missed."""
