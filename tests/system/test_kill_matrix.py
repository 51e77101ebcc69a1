"""A fixed part of the kill matrix; `make chaos` plays all of it."""

from collections.abc import Iterator

import pytest

from tests.chaos.cells import MOMENTS, Cell, Fault
from tests.chaos.judged import judged
from tests.chaos.machine import SCORED_AFTERWARDS, Machine, machine
from tests.chaos.overhear import overhear, overhear_scoring
from tests.chaos.steps import Step

pytestmark = pytest.mark.long

CELLS = (
    ("upload: half of the body has arrived", Fault.KILL, "api"),
    ("upload: half of the body has arrived", Fault.STOP, "api"),
    ("upload: chunk 2", Fault.KILL_LATE, "api"),
    ("upload: file", Fault.KILL, "mongod"),
    ("upload: accept", Fault.KILL, "api"),
    ("upload: show", Fault.KILL, "api"),
    ("upload: supersede", Fault.FLUSH, "valkey"),
    ("small upload: chunk", Fault.KILL_LATE, "api"),
    ("small upload: queue", Fault.KILL, "api"),
    ("small upload: queue", Fault.KILL_LATE, "api"),
    ("small upload: show", Fault.KILL, "mongod"),
    ("pieces: piece 2", Fault.KILL_LATE, "api"),
    ("pieces: fold", Fault.KILL, "api"),
    ("pieces: note what is folded", Fault.KILL, "mongod"),
    ("pieces: let go of pieces", Fault.STEP_DOWN, "mongod"),
    ("pieces: claim the arrival", Fault.STEP_DOWN, "mongod"),
    ("pieces: chunk", Fault.KILL_LATE, "api"),
    ("pieces: count what was written ahead", Fault.KILL, "api"),
    ("pieces: count what was written ahead", Fault.KILL, "mongod"),
    ("pieces: close", Fault.KILL, "api"),
    ("pieces: accept", Fault.KILL, "all"),
    ("wait: answered, and no ring heard", Fault.KILL, "valkey"),
    ("wait: queued", Fault.FLUSH, "valkey"),
    ("wait: queued", Fault.KILL, "all"),
    ("finish: claim", Fault.KILL, "worker"),
    ("finish: decode, next chunks", Fault.STOP, "worker"),
    ("live: in the engine", Fault.KILL, "worker"),
    ("live: settle the stretch", Fault.KILL_LATE, "worker"),
    ("live: keep what was said", Fault.KILL, "mongod"),
    ("live: settle the stretch", Fault.STOP, "worker"),
    ("live: listen", Fault.KILL, "worker"),
    ("live: let go", Fault.KILL, "all"),
    ("live: in the engine", Fault.KILL, "api"),
    ("live: in the engine", Fault.FLUSH, "valkey"),
    ("work: in the engine", Fault.STOP, "mongod"),
    ("work: in the engine", Fault.RESTART, "worker"),
    ("finish: claim", Fault.RESTART, "valkey"),
    ("finish: complete", Fault.KILL_LATE, "worker"),
    ("finish: delete chunks", Fault.KILL, "worker"),
    ("finish: show 2", Fault.KILL, "mongod"),
    ("finish: settle", Fault.KILL, "worker"),
    ("finish: show 2", Fault.STOP, "worker"),
    ("score: in the scorer", Fault.KILL, "worker"),
    ("score: in the scorer", Fault.STOP, "worker"),
    ("score: score", Fault.KILL_LATE, "worker"),
    ("score: score", Fault.STOP, "worker"),
    ("score: scored", Fault.KILL, "mongod"),
    ("score again: claim the scoring", Fault.KILL_LATE, "worker"),
    ("score again: claim the scoring", Fault.FLUSH, "valkey"),
    ("score again: score", Fault.KILL, "all"),
    ("sweep: delete chunks", Fault.KILL, "upkeep"),
    ("analyze: keep the analysis", Fault.RESTART, "mongod"),
    ("finish: receipt", Fault.KILL, "worker"),
    ("finish: delete file", Fault.STEP_DOWN, "mongod"),
    ("rotate: note the new key", Fault.KILL, "upkeep"),
    ("destroy: note the doom", Fault.STEP_DOWN, "mongod"),
    ("destroy: note that the key is gone", Fault.KILL, "upkeep"),
    ("erase: forget the record", Fault.KILL, "api"),
    ("erase: note that it is done", Fault.KILL_LATE, "api"),
    ("call by UDP: packet", Fault.KILL, "rtp"),
    ("call by UDP: page append", Fault.KILL, "mongod"),
    ("call by UDP: packet", Fault.STOP, "rtp"),
    ("call by socket: packet", Fault.KILL, "api"),
    ("call by socket: page append", Fault.KILL_LATE, "api"),
    ("call by UDP: packet", Fault.RESTART, "rtp"),
    ("end of call by UDP: end of side", Fault.KILL, "rtp"),
    ("call by UDP: packet", Fault.KILL, "worker"),
    ("call by UDP: packet", Fault.KILL, "upkeep"),
    ("call by UDP: latch", Fault.STEP_DOWN, "mongod"),
    ("call by socket: packet", Fault.FLUSH, "valkey"),
    ("call by UDP: packet", Fault.KILL, "all"),
    ("end of call by UDP: close", Fault.KILL, "api"),
    ("end of call by socket: ended", Fault.KILL, "api"),
    ("end of call by socket: end of side", Fault.KILL, "worker"),
)


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("chaos")) as running:
        yield running


@pytest.fixture(scope="module")
def scored_afterwards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("scored"), **SCORED_AFTERWARDS) as running:
        yield running


@pytest.fixture(scope="module")
def steps(breakable: Machine, scored_afterwards: Machine) -> dict[str, Step]:
    return {step.title: step for step in (*overhear(breakable), *overhear_scoring(scored_afterwards))}


def test_every_moment_and_every_write_is_a_step(steps: dict[str, Step]) -> None:
    assert {moment.title for moment in MOMENTS} <= steps.keys()
    assert {title for title, _, _ in CELLS} <= steps.keys()


@pytest.mark.parametrize(("title", "fault", "process"), [pytest.param(*cell, id=" × ".join(cell)) for cell in CELLS])
def test_no_answer_is_lost_or_doubled_and_no_audio_is_left(
    breakable: Machine, scored_afterwards: Machine, steps: dict[str, Step], title: str, fault: Fault, process: str
) -> None:
    cell = Cell(steps[title], fault, process)
    verdict = judged(scored_afterwards if cell.needs_scorer else breakable, cell)
    assert verdict.faults == []
    assert verdict.answers > 0
    assert verdict.completed + verdict.failed + verdict.superseded + verdict.erased == verdict.answers
