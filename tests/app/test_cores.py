"""How many cores there are, for a process that may use fewer than the machine has."""

import os
from pathlib import Path

import pytest

from app import cores as measured
from app.cores import cores


@pytest.mark.parametrize(
    ("may", "quota", "expected"),
    [
        (8, None, 8),
        (8, "max 100000", 8),
        (8, "200000 100000", 2),
        (8, "250000 100000", 2),
        (8, "50000 100000", 1),
        (2, "800000 100000", 2),
        (2, "nonsense", 2),
    ],
)
def test_they_are_those_that_may_be_used(
    may: int, quota: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(may)))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(measured, "QUOTA", tmp_path / "cpu.max")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    assert cores() == expected
