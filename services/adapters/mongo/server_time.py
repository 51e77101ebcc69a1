"""Expressions for the database's own time, which is the only one that is compared."""

from typing import Any

NOW = "$$NOW"


def literal(value: object) -> dict[str, Any]:
    """A value that is not looked into, whatever stands in it."""
    return {"$literal": value}


def later(seconds: float) -> dict[str, Any]:
    return {"$add": [NOW, round(seconds * 1000)]}


def reached(field: str) -> dict[str, Any]:
    """Whether the field's time is now or past; a field without a time is past."""
    return {"$lte": [f"${field}", NOW]}


def past(field: str, seconds: float) -> dict[str, Any]:
    """Whether the field's time is so many seconds ago, or more; a field without a time is."""
    return {"$lte": [f"${field}", {"$subtract": [NOW, round(seconds * 1000)]}]}


def within(field: str, seconds: float) -> dict[str, Any]:
    """Whether the field's time is less than so many seconds ago."""
    return {"$gt": [f"${field}", {"$subtract": [NOW, round(seconds * 1000)]}]}


def raised(field: str, by: int = 1) -> dict[str, Any]:
    return {"$add": [f"${field}", by]}
