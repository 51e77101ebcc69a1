"""Which cells of a set, and how many examples, `make test` plays, and which are for `make test-long` alone."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings

# The profile of `make test`; that of `make test-long` is `more`.
USUAL = "usual"


def long_but(*shown: object, of: Iterable[Any]) -> list[Any]:
    """All of them, for `parametrize`; those that are not shown, since they repeat what these show, are long."""
    cells = list(of)
    missing = [cell for cell in shown if cell not in cells]
    assert not missing, f"no such cells: {missing}"
    return [cell if cell in shown else _long(cell) for cell in cells]


def _long(cell: object) -> object:
    values = cell if isinstance(cell, tuple) else (cell,)
    return pytest.param(*values, marks=pytest.mark.long)


def examples(number: int) -> int:
    """So many of a property; in `make test` a third of them."""
    return number // 3 if settings.get_current_profile_name() == USUAL else number
