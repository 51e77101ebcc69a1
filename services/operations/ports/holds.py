"""Legal holds: sessions of which nothing may go by a clock or a wish."""

from typing import Protocol

from services.interviews.model import SessionId


class Holds(Protocol):
    async def place(self, id: SessionId) -> bool:
        """Hold a session, with all that belongs to it; False where there is no such session."""

    async def lift(self, id: SessionId) -> bool:
        """Hold it no longer; False where it was not held."""

    async def refresh(self) -> int:
        """Have what came to a held session since then be held too; how many are held."""
