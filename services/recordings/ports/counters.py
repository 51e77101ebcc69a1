"""What the operators are shown."""

from collections.abc import Mapping
from typing import Protocol

from services.background import Kind


class Counters(Protocol):
    """Sums that outlive processes. A crash may lose one; none is counted twice."""

    async def sent(self, outcome: str) -> None:
        """Count one try to deliver to a webhook."""

    async def restarted(self, kind: Kind) -> None:
        """Count one restart of this kind of background work."""

    async def removed(self, kind: str, rule: str, number: int) -> None:
        """Count records of a kind that were removed because a rule says so."""

    async def receipted(self, what: str, number: int) -> None:
        """Count receipts that are made without the end of a recording, or `conflicts`: numbers that others took."""

    async def swept(self, subject: str, counts: Mapping[str, int]) -> None:
        """Count one pass of the `sweep` or the `audit`, and what it did."""
