"""What is told of how large an upload may be, and how long it is kept."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from routes.dependencies import Services
from routes.resumable import fields


@dataclass(frozen=True, slots=True)
class Limits:
    """`life_seconds` is how long an upload is kept after what came last of it."""

    most_bytes: int
    life_seconds: float

    def told(self, expires_at: datetime | None = None, *, is_sixth: bool = False) -> str:
        """`Upload-Limit`: of an upload that is kept until then, or of one that is not begun yet."""
        left = self.life_seconds if expires_at is None else (expires_at - datetime.now(UTC)).total_seconds()
        age = "expires" if is_sixth else "max-age"
        return fields.listed({"max-size": self.most_bytes, age: max(0, math.floor(left))})


def limits_of(services: Services) -> Limits:
    return Limits(services.arrivals.limits.most_bytes, services.arrival_seconds)


def http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)
