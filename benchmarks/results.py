"""What a benchmark has found: a ratio, how far it spread, and the file that keeps it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.markup import escape
from rich.table import Table

# A result that only tells.
NO_GOAL = ""
FILE = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Result:
    """The median of some rounds, with the lowest and the highest; the goal reads like `>= 0.9`.

    `benchmark` is what it is a part of, `machine` and `day` say where and when it was measured.
    """

    name: str
    ratio: float
    goal: str
    low: float
    high: float
    runs: int
    unit: str
    note: str
    benchmark: str = ""
    machine: str = ""
    day: str = ""

    @property
    def is_met(self) -> bool:
        if self.goal == NO_GOAL:
            return True
        sign, _, bound = self.goal.partition(" ")
        return self.ratio >= float(bound) if sign == ">=" else self.ratio <= float(bound)


def summary(name: str, goal: str, unit: str, rounds: Sequence[float], note: str) -> Result:
    """The result of one value a round."""
    values = [round(value, 3) for value in (median(rounds), min(rounds), max(rounds))]
    return Result(name, values[0], goal, values[1], values[2], len(rounds), unit, note)


def merge(before: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """The new results in the places of older ones of the same names; the rest follows."""
    return list({result.name: result for result in (*before, *new)}.values())


def read(file: Path = FILE) -> list[Result]:
    """What earlier runs have left; empty if there was none."""
    return [Result(**entry) for entry in json.loads(file.read_text("utf-8"))] if file.is_file() else []


def write(results: Iterable[Result], file: Path = FILE) -> None:
    """Replace the file in one step."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False) + "\n", "utf-8")
    draft.replace(file)


def table(results: Iterable[Result]) -> Table:
    """The results, for people."""
    made = Table("Benchmark", "Ratio", "Goal", "Spread", "Runs", "Note", title="Benchmarks")
    for result in results:
        colour = "green" if result.is_met else "red"
        made.add_row(
            escape(result.name),
            f"[{colour}]{result.ratio:.2f}[/{colour}] {escape(result.unit)}",
            result.goal,
            f"{result.low:.2f} … {result.high:.2f}",
            str(result.runs),
            escape(result.note),
        )
    return made
