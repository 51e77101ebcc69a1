"""Answers as the API, and what stands before it, give them: one table for everybody who takes answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLE: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text())
GIVES: dict[int, Mapping[str, Any]] = {int(status): shape for status, shape in TABLE["gives"].items()}


@dataclass(frozen=True)
class Case:
    """An answer, and what it means to somebody who expects GIVES: `is_` with the code of a problem."""

    name: str
    status: int
    type: str | None
    body: str
    is_: str
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def is_foreign(self) -> bool:
        return self.code == "no_connection"

    @property
    def all_headers(self) -> dict[str, str]:
        return {**self.headers, **({"Content-Type": self.type} if self.type else {})}


CASES = [Case(**{"is_" if name == "is" else name: value for name, value in row.items()}) for row in TABLE["cases"]]
FOREIGN = [case for case in CASES if case.is_foreign]
REFUSALS = [case for case in CASES if case.is_ == "refusal"]
