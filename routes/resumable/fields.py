"""Structured header fields (RFC 9651). What is no value of the kind that is asked for counts as not sent at all."""

from collections.abc import Mapping

from http_sf import StructuredFieldError, parse, ser
from starlette.datastructures import Headers

# Longer ones say nothing that is asked for here, and each of their members takes its time.
LONGEST = 1024


def flag(headers: Headers, name: str) -> bool | None:
    value = _item(headers, name)
    return value if isinstance(value, bool) else None


def number(headers: Headers, name: str) -> int | None:
    """One that is not negative."""
    value = _item(headers, name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def sums(headers: Headers, name: str) -> dict[str, bytes]:
    """Of a digest field (RFC 9530): the sums by their algorithm."""
    found = _parsed(headers, name, "dictionary")
    entries = found.items() if isinstance(found, dict) else ()
    values = {key: entry[0] for key, entry in entries if isinstance(entry, tuple)}
    return {key: value for key, value in values.items() if isinstance(value, bytes)}


def told(value: bool) -> str:
    """`?1` or `?0`."""
    return ser((value, {}))


def listed(values: Mapping[str, int | bytes]) -> str:
    """A dictionary, as `max-size=5, max-age=7`."""
    return ser(dict(values))


def _item(headers: Headers, name: str) -> object:
    found = _parsed(headers, name, "item")
    return found[0] if isinstance(found, tuple) else None


def _parsed(headers: Headers, name: str, kind: str) -> object:
    line = ", ".join(headers.getlist(name))
    if not 0 < len(line) <= LONGEST:
        return None
    try:
        return parse(line.encode("latin-1"), tltype=kind)
    except (StructuredFieldError, ValueError):
        return None
