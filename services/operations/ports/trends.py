"""What came, ended and waited lately, minute by minute."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class TrendSpan(StrEnum):
    """The last hour by minutes, or the last day by quarters of an hour."""

    HOUR = "hour"
    DAY = "day"

    @property
    def bins(self) -> int:
        return 60 if self is TrendSpan.HOUR else 96

    @property
    def minutes(self) -> int:
        """Of each bin."""
        return 1 if self is TrendSpan.HOUR else 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """What is known of some minutes; nothing where it is not `seen`. `waiting` is the most that waited at once."""

    since: datetime
    seen: bool = False
    accepted: int = 0
    completed: int = 0
    failed: int = 0
    waiting: int | None = None


class Trends(Protocol):
    """Minutes of the last day. They are noted once a minute, and forgotten after a day."""

    async def note(self) -> None:
        """Note each minute that is over and not noted yet, an hour back at most; of the newest also what waits."""

    async def bins(self, span: TrendSpan) -> list[Bin]:
        """The span up to now, oldest first, the newest bin not yet over."""
