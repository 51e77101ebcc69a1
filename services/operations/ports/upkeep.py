"""What the sweep needs from the records."""

from dataclasses import dataclass
from typing import Protocol

from services.interviews.model import Failure, Part, PartId


@dataclass(frozen=True, slots=True)
class Findings:
    """How many records the sweep's looks would find now."""

    due: int
    silent: int
    exhausted: int
    abandoned: int
    unsettled: int
    unscored: int
    expired: int
    unfinished: int = 0
    unheard: int = 0


class Upkeep(Protocol):
    """What the sweep looks for. Each call takes on a bounded number of records."""

    async def take_turn(self, subject: str, seconds: float) -> bool:
        """Begin a pass of this kind; False if one began within so many seconds, by the store's own clock.

        Where that was set back, one that would have begun later is none.
        """

    async def is_needed(self, hours: float) -> bool:
        """Whether any of `reclaim`, `bury`, `abandon`, `unfinished`, `unsettled`, `unscored`, `expire` and `unheard`
        would find something, in one look."""

    async def due(self, limit: int) -> list[PartId]:
        """Queued parts that are due and were not rung for a while, longest first; marks them as rung."""

    async def count_due(self, most: int = 1000) -> int:
        """How many queued parts are due, counted no further than this."""

    async def unheard(self, limit: int) -> list[PartId]:
        """Recordings that arrive, may be due, and have nobody who listens; not the same again for a while."""

    async def reclaim(self) -> list[Part]:
        """Parts whose worker fell silent, with deliveries left: processing -> queued."""

    async def bury(self, failure: Failure) -> list[Part]:
        """Parts whose worker fell silent, with no deliveries left: processing -> failed, audio kept."""

    async def abandon(self) -> list[Part]:
        """Uploads that fell silent, and recordings in pieces that expired: uploading -> aborted."""

    async def unfinished(self) -> list[PartId]:
        """Recordings in pieces of which somebody began the finish some time ago; not the same again for a while."""

    async def unsettled(self) -> list[Part]:
        """Ended parts for which something remains to be done for some seconds already."""

    async def put_off(self, id: PartId, seconds: float) -> None:
        """Have `unsettled` pass over the part for so long, so that it reaches those after it."""

    async def unscored(self) -> list[PartId]:
        """Completed parts whose scoring is overdue."""

    async def expire(self, hours: float) -> list[Part]:
        """Failed parts whose audio was kept for so many hours: the audio is no longer kept."""

    async def forget_sums(self) -> int:
        """Let go of the hashes of recordings that ended a day ago and are gone; of how many.

        Until then a request that is repeated is held against them. What is held keeps its own.
        """

    async def survey(self, hours: float) -> Findings:
        """Count what `count_due`, `reclaim`, `bury`, ... would find, and change nothing."""

    async def owned(self, ids: list[PartId]) -> set[PartId]:
        """Those of the ids whose audio a record still needs or is just receiving."""
