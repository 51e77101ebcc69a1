"""What a check finds."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """From well to not; warnings let the service go on."""

    OK = "ok"
    WARNING = "warning"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's table; `todo` is empty where all is well."""

    check: str
    state: State
    said: str
    todo: str = ""


def ok(check: str, said: str) -> Finding:
    return Finding(check, State.OK, said)


def warning(check: str, said: str, todo: str) -> Finding:
    return Finding(check, State.WARNING, said, todo)


def failing(check: str, said: str, todo: str) -> Finding:
    return Finding(check, State.FAILING, said, todo)


def worst(findings: list[Finding]) -> State:
    """The state of the whole."""
    order = list(State)
    return max((finding.state for finding in findings), key=order.index, default=State.OK)
