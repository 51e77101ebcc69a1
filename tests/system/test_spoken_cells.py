"""The cells of the kill matrix in which a speech model really listens."""

from collections.abc import Iterator

import pytest

from tests.chaos.apart import SPOKEN, listening
from tests.chaos.cells import Cell
from tests.chaos.judged import judged
from tests.chaos.machine import Machine

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with listening(tmp_path_factory.mktemp("spoken")) as running:
        yield running


@pytest.mark.parametrize("cell", SPOKEN, ids=lambda cell: cell.title)
def test_what_was_said_is_heard_all_the_same(machine: Machine, cell: Cell) -> None:
    verdict = judged(machine, cell)
    assert verdict.faults == []
    assert verdict.completed == verdict.answers > 0
