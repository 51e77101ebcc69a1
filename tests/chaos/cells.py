"""The cells of the matrix: what is broken, how, and when."""

import random
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.steps import CALLS, SCORING, Step

PROCESSES = ("api", "worker", "valkey", "mongod")
SWEEPERS = ("upkeep", "mongod", "valkey")
EVERYONE = ("api", "worker", "upkeep", "valkey", "mongod")
PROCESSES_OF = (
    dict.fromkeys(("rotate", "destroy", "erase", "score again"), EVERYONE)
    | {"sweep": SWEEPERS}
    | dict.fromkeys(CALLS, (*EVERYONE, "rtp"))
)


class Fault(StrEnum):
    KILL = "kill"
    KILL_LATE = "kill, write lands late"
    STOP = "stop"
    RESTART = "restart"
    FLUSH = "flush"
    STEP_DOWN = "step down"
    DOWN = "down from the start"


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault at one step of one process; `all` is every process at once."""

    step: Step
    fault: Fault
    process: str

    @property
    def title(self) -> str:
        return f"{self.step.title} × {self.fault} × {self.process}"

    @property
    def needs_scorer(self) -> bool:
        """Whether it is played where answers are scored afterwards."""
        return self.step.stage in SCORING

    @property
    def row(self) -> tuple[str, str, str]:
        return (self.step.title, self.fault.value, self.process)


MOMENTS = (
    Step("upload", "half of the body has arrived"),
    Step("wait", "answered, and no ring heard"),
    Step("wait", "queued"),
    Step("work", "in the engine"),
    Step("erase", "asked for"),
    Step("live", "in the engine"),
    Step("call by UDP", "packet"),
    Step("call by socket", "packet"),
    Step("score", "in the scorer"),
)


def cells_of(steps: Iterable[Step]) -> list[Cell]:
    """Every cell that these steps have."""
    return [cell for step in steps for cell in _of_step(step)]


def _of_step(step: Step) -> list[Cell]:
    processes = PROCESSES_OF.get(step.stage, PROCESSES)
    found = [Cell(step, fault, p) for p in processes for fault in (Fault.KILL, Fault.STOP, Fault.RESTART)]
    # A command that is held goes on in the database after its client is gone, unless it is ended there.
    if step.hold is not None:
        found += [Cell(step, Fault.KILL_LATE, step.hold.app.removeprefix("viva-voce-"))]
    found += [Cell(step, Fault.FLUSH, "valkey"), Cell(step, Fault.STEP_DOWN, "mongod")]
    return [*found, Cell(step, Fault.KILL, "all")]


def chosen(cells: list[Cell], *, only: str = "", seed: int = 0, most: int | None = None) -> list[Cell]:
    """The cells whose title holds `only`, or one of several with | between them, shuffled by the seed.

    They are put in an order in which little comes twice.
    First every step comes once; then each process has met each fault in each stage, then each step has met each
    process and each fault; then the rest.
    """
    shuffler = random.Random(seed)
    rest = [cell for cell in cells if any(each in cell.title for each in only.split("|"))]
    shuffler.shuffle(rest)
    ordered: list[Cell] = []
    met: set[Hashable] = set()
    while rest and (most is None or len(ordered) < most):
        cell = max(rest, key=lambda cell: _news(cell, met))
        rest.remove(cell)
        ordered.append(cell)
        met |= {cell.step, *_meetings(cell)}
    return ordered


def _meetings(cell: Cell) -> tuple[Hashable, ...]:
    stage, step, fault, process = cell.step.stage, cell.step, cell.fault, cell.process
    return (stage, process, fault), (step, process), (step, fault, "fault")


def _news(cell: Cell, met: set[Hashable]) -> tuple[int, ...]:
    in_stage, *in_step = (meeting not in met for meeting in _meetings(cell))
    return cell.step not in met, in_stage, sum(in_step)
