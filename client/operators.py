"""The calls of an operator, whose token has the role admin."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, cast

from client.answers import Expected
from client.api import VivaVoce
from client.models import FailedAnswer, FoundSession, RetriedAnswer, Trends

RETRIED_AT_ONCE = 20
PAGE = 200

FOUND: Expected = {200: {"sessions": "array"}}
FAILED: Expected = {200: {"failed": "array"}}
RETRIED: Expected = {200: {"answers": "array"}}
TRENDS: Expected = {200: {"bins": "array"}}


class Operators(VivaVoce):
    """All calls of a user, on anybody's sessions, and those that mend by hand."""

    def found_sessions(
        self,
        sought: str | None = None,
        *,
        state: Literal["failed", "pending", "completed", "unanswered"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[FoundSession]:
        """Anybody's sessions, newest first: of this id or user, or whose title begins so; times must say their zone."""
        asked = {"q": sought, "state": state, **_times(since, until)}
        return cast(Iterator[FoundSession], self._pages("/api/admin/sessions", FOUND, "sessions", asked))

    def failed_answers(
        self,
        *,
        code: str | None = None,
        user: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        can_retry: bool = False,
    ) -> Iterator[FailedAnswer]:
        """What failed, newest first; times must say their zone."""
        asked = {"code": code, "user": user, **_times(since, until), "can_retry": "true" if can_retry else None}
        return cast(Iterator[FailedAnswer], self._pages("/api/admin/failed", FAILED, "failed", asked))

    def retry_failed(self, file_ids: Sequence[str]) -> Iterator[RetriedAnswer]:
        """Retry these, some with each call; what came of each as it comes. Waits where the rate bids to."""
        left = list(dict.fromkeys(file_ids))
        while left:
            some = {"file_ids": left[:RETRIED_AT_ONCE]}
            found = self._sent("POST", "/api/admin/failed/retry", RETRIED, json=some)
            yield from found["answers"]
            left = left[len(found["answers"]) :]
            if found["retry_after"] is not None:
                self._pause(float(found["retry_after"]))
            elif not found["answers"]:
                return

    def trends(self, span: Literal["hour", "day"] = "hour") -> Trends:
        return cast(Trends, self._sent("GET", "/api/admin/trends", TRENDS, params={"span": span}))

    def _pages(self, path: str, gives: Expected, name: str, asked: dict[str, str | None]) -> Iterator[Any]:
        given: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
        while True:
            page = self._sent("GET", path, gives, params={**given, "limit": PAGE})
            yield from page[name]
            if page.get("next") is None:
                return
            given["before"] = page["next"]


def _times(since: datetime | None, until: datetime | None) -> dict[str, str]:
    return {name: bound.isoformat() for name, bound in (("since", since), ("until", until)) if bound}
