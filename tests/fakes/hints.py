"""Hints in memory."""

import asyncio

from services.events.ports import Heard
from services.interviews.model import SessionId


class FakeHints:
    """What is announced is heard at once, or by nobody while it is broken."""

    def __init__(self) -> None:
        self.ears: list[Heard] = []
        self.broken = False

    def announce(self, id: SessionId) -> None:
        for heard in [] if self.broken else self.ears:
            heard(id)

    async def listen(self, heard: Heard) -> None:
        self.ears.append(heard)
        heard(None)
        try:
            await asyncio.Event().wait()
        finally:
            self.ears.remove(heard)
