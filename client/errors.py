"""What can go wrong with a call."""

from typing import Any


class ApiProblem(Exception):
    """The API refused a call: RFC 9457, as it was answered. `str()` is the sentence for a person."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))
        self.status = status
        self.code = str(problem.get("code", "unknown"))
        self.problem = problem


class NotAnsweredInTime(Exception):
    """What was waited for did not come in the time that was given."""
