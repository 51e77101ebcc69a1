"""How things stand, for the operators."""

from typing import Protocol

from services.operations.readings import Reading


class Gauges(Protocol):
    async def read(self) -> Reading:
        """How things stand now."""
