"""How long records are kept: for each kind at least and at most so many days, each bound named by its rule.

Of several rules of a kind, the longest duty and the shortest limit count. What has reached its limit is removed by
the sweep, some at a time, and each removal is counted and told by the rule that asked for it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from services.interviews.model import SessionId
from services.operations.ports.holds import Holds
from services.operations.ports.retained import RecordKind, Retained
from services.recordings.ports.counters import Counters

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 200
DAY = 24 * 3600.0
LONGEST_DAYS = 36_500.0
# A delivery is recorded after the session's last event, should a process have died in between.
LATE_DAYS = 1.0
_BOUND = re.compile(r"(\d+(?:\.\d+)?)(?:\s+(\S.*))?")
# What goes with a session: to keep one of these for longer than the session is no use.
OF_SESSION = (RecordKind.RECORDINGS, RecordKind.EVENTS, RecordKind.DELIVERIES)


@dataclass(frozen=True, slots=True)
class Bound:
    """So many days, and by which rule."""

    days: float
    rule: str

    def __str__(self) -> str:
        return f"{self.days:g} days ({self.rule})"


def bounds_of(text: str, name: str) -> tuple[Bound, ...]:
    """What is written like `183 EU AI Act; 1460 CCR 11013`; a bound without a rule is named after its setting.

    None for 0. ValueError where that cannot be read.
    """
    return tuple(bound for part in text.split(";") if part.strip() and (bound := _bound(part.strip(), name)).days)


def _bound(text: str, name: str) -> Bound:
    form = "write it like 365, or like 183 EU AI Act; 1460 CCR 11013; 0 is no bound"
    found = _BOUND.fullmatch(text)
    if found is None:
        raise ValueError(f"holds {text!r}, which is no number of days: {form}")
    days = float(found[1])
    if days > LONGEST_DAYS or 0 < days < 1:
        raise ValueError(f"holds {days:g} days: a bound is 1 to {LONGEST_DAYS:g} days, or 0 for none")
    return Bound(days, (found[2] or name)[:100])


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of each kind: those that ask for least days, and those that allow most days."""

    least: Mapping[RecordKind, tuple[Bound, ...]]
    most: Mapping[RecordKind, tuple[Bound, ...]]

    def duty(self, kind: RecordKind) -> Bound | None:
        """What asks for the most days."""
        return max(self.least.get(kind, ()), key=lambda bound: bound.days, default=None)

    def limit(self, kind: RecordKind) -> Bound | None:
        """What allows the fewest days; None: for ever."""
        return min(self.most.get(kind, ()), key=lambda bound: bound.days, default=None)

    def conflicts(self, *, failed_audio_days: float, redelivery_days: float) -> list[str]:
        """Why the policy cannot be met, in a sentence each."""
        found = [_too_short(kind, self.duty(kind), self.limit(kind)) for kind in RecordKind]
        sessions = self.limit(RecordKind.SESSIONS)
        found += [_outlived(kind, self.duty(kind), sessions) for kind in OF_SESSION]
        found.append(_unexplained(self.limit(RecordKind.AUDIT), sessions))
        kept = "FAILED_AUDIO_HOURS keeps audio"
        found.append(_needed(RecordKind.RECORDINGS, self.limit(RecordKind.RECORDINGS), failed_audio_days, kept))
        found.append(
            _needed(RecordKind.DELIVERIES, self.limit(RecordKind.DELIVERIES), redelivery_days, "each is tried again")
        )
        return [sentence for sentence in found if sentence]


def _too_short(kind: RecordKind, duty: Bound | None, limit: Bound | None) -> str | None:
    if duty is None or limit is None or duty.days <= limit.days:
        return None
    return f"{kind.value} must be kept for {duty}, and may be kept for {limit}"


def _outlived(kind: RecordKind, duty: Bound | None, sessions: Bound | None) -> str | None:
    late = LATE_DAYS if kind is RecordKind.DELIVERIES else 0
    if duty is None or sessions is None or duty.days + late <= sessions.days:
        return None
    return f"{kind.value} must be kept for {duty}, and go with their sessions, which may be kept for {sessions}"


def _unexplained(audit: Bound | None, sessions: Bound | None) -> str | None:
    if audit is None or (sessions is not None and sessions.days <= audit.days):
        return None
    kept = f"may be kept for {sessions}" if sessions else "are kept for ever"
    return f"the audit log may be kept for {audit}, and sessions, which it explains, {kept}"


def _needed(kind: RecordKind, limit: Bound | None, days: float, why: str) -> str | None:
    if limit is None or limit.days >= days:
        return None
    return f"{kind.value} may be kept for {limit}, and {why} for {days:g} days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """`erase` forgets a session by a rule; whether it was begun."""

    policy: Policy
    retained: Retained
    holds: Holds
    counters: Counters
    erase: Callable[[SessionId, str], Awaitable[bool]]

    async def run(self) -> int:
        """One pass over all kinds; how many records went."""
        await self.holds.refresh()
        removed = 0
        for kind in RecordKind:
            if limit := self.policy.limit(kind):
                removed += await self._pass(kind, limit)
        return removed

    async def due(self) -> int:
        """How many records have reached their limit, counted no further than a pass goes."""
        limits = [(kind, limit) for kind in RecordKind if (limit := self.policy.limit(kind))]
        return sum([await self.retained.count(kind, limit.days * DAY, MOST_AT_ONCE) for kind, limit in limits])

    async def _pass(self, kind: RecordKind, limit: Bound) -> int:
        seconds = limit.days * DAY
        if kind is RecordKind.SESSIONS:
            ids = await self.retained.sessions(seconds, MOST_AT_ONCE)
            removed = sum([await self.erase(id, limit.rule) for id in ids])
        else:
            removed = await self.retained.remove(kind, seconds, MOST_AT_ONCE)
        if removed:
            log.info("removed by a rule", kind=kind.value, rule=limit.rule, number=removed)
            await self.counters.removed(kind.value, limit.rule, removed)
        return removed
