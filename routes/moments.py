"""Times in queries: ISO 8601 with a zone, and nothing that only looks like one."""

from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator


def _no_number(value: object) -> object:
    if isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("write it as ISO 8601 with its zone: 2026-01-31T09:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
