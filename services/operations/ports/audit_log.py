"""What operators did and read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.interviews.model import UserId
from services.operations.ports.views import Place


class Action(StrEnum):
    RETRY = "retry"
    FAIL = "fail"
    SCORE = "score"
    SWEEP = "sweep"
    READ = "read"
    ERASE = "erase"
    HOLD = "hold"
    LIFT = "lift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What an operator is about to do: who, what, on what, as it stands before, and why."""

    who: UserId
    action: Action
    on: Mapping[str, object]
    before: Mapping[str, object]
    request_id: str
    reason: str | None = None


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    BROKE_OFF = "broke_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A deed in the log, and what came of it; no outcome where the process ended before it was known."""

    id: str
    at: datetime
    deed: Deed
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    after: Mapping[str, object] | None = None


class AuditLog(Protocol):
    """What operators did. Entries are added, and never changed or removed."""

    async def begin(self, deed: Deed) -> str:
        """Note what is about to be done, before it is; the entry's id."""

    async def end(self, id: str, outcome: Outcome, after: Mapping[str, object]) -> None:
        """Note what came of it; the first outcome that is noted stands."""

    async def page(self, before: Place | None, limit: int) -> list[Entry]:
        """Entries, newest first, of the time before that place."""
