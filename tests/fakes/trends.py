"""What came and ended by minutes, in memory; the contract tests hold it to what MongoDB does."""

from datetime import UTC, datetime, timedelta

from services.interviews.model import PartState
from services.operations.ports.trends import Bin, TrendSpan
from tests.fakes.memory import Memory

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FakeTrends:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def note(self) -> None:
        end = _minute_of(self._memory.clock.after(-2))
        for minute in range(max(end - 60, max(self._memory.minutes, default=0) + 1), end):
            rows = self._memory.rows.values()
            waiting = len(self._memory.having(lambda row: row.part.state is PartState.QUEUED))
            self._memory.minutes[minute] = Bin(
                since=_start_of(minute),
                seen=True,
                accepted=len([row for row in rows if _is_in(row.accepted_at, minute)]),
                completed=self._ended(PartState.COMPLETED, minute),
                failed=self._ended(PartState.FAILED, minute),
                waiting=waiting if minute == end - 1 else None,
            )

    def _ended(self, state: PartState, minute: int) -> int:
        rows = self._memory.having(lambda row: row.part.state is state and _is_in(row.part.completed_at, minute))
        return len(rows)

    async def bins(self, span: TrendSpan) -> list[Bin]:
        newest = _minute_of(self._memory.clock.now) // span.minutes
        return [self._bin(number, span.minutes) for number in range(newest - span.bins + 1, newest + 1)]

    def _bin(self, number: int, minutes: int) -> Bin:
        first = number * minutes
        each = [self._memory.minutes[one] for one in range(first, first + minutes) if one in self._memory.minutes]
        return Bin(
            since=_start_of(first),
            seen=bool(each),
            accepted=sum(one.accepted for one in each),
            completed=sum(one.completed for one in each),
            failed=sum(one.failed for one in each),
            waiting=max((one.waiting for one in each if one.waiting is not None), default=None),
        )


def _minute_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(minutes=1)


def _start_of(minute: int) -> datetime:
    return EPOCH + timedelta(minutes=minute)


def _is_in(moment: datetime | None, minute: int) -> bool:
    return moment is not None and _minute_of(moment) == minute
