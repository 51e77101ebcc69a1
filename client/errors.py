"""What can go wrong with a call."""

from typing import Any

import httpx2


class ApiProblem(Exception):
    """The API refused a call: RFC 9457, as it was answered. `str()` is the sentence for a person."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.status = status
        self.code: str = problem["code"]
        self.problem = problem


class NoConnection(httpx2.TransportError):
    """Something answered, and it was not the API: a portal, a firewall, a proxy in front of it."""

    def __init__(self, status: int | None = None) -> None:
        named = "" if status is None else f" ({status})"
        super().__init__(f"There is no connection to the API: what answered{named} was not the API.")
        self.status = status


class NotAnsweredInTime(Exception):
    """What was waited for did not come in the time that was given."""
