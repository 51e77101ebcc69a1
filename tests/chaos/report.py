"""The matrix as a page: what was broken where, and what became of the answers. A row is a cell."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields

from tests.chaos.cells import Cell
from tests.chaos.verdict import Verdict

FAULTS = ("lost", "doubled", "strays", "untrue", "missed")
STAGES = (
    "start",
    "upload",
    "small upload",
    "pieces",
    "wait",
    "work",
    "live",
    "call by UDP",
    "call by socket",
    "end of call by UDP",
    "end of call by socket",
    "finish",
    "score",
    "score again",
    "sweep",
    "analyze",
    "rotate",
    "destroy",
    "erase",
    "spoken",
)
DASH = "–"
DETAILS = "## By step, fault and process"
INTRODUCTION = """# The kill matrix

Written by `make chaos`; how a cell is made is said in [reliability.md](reliability.md). The columns:

- `answers`: uploads that got their 202, and how these ended;
- `lost`: answers without an end in time, with the wrong transcript, not shown, or not scored;
- `doubled`: writes that, in the database's own log, go backwards or were made twice; scores that are told twice;
- `strays`: audio without a record that needs it, chunks without a file, records without their audio, after one run
  of `python -m scripts.cleanup`; of a session that was erased, whatever is left of it;
- `untrue`: recordings that are gone without a receipt, receipts that say what is not so or break their chain; keys
  that outlive their bound or go before it. A dash where it was not judged;
- `missed`: cells whose step was not reached in three attempts, so that they say nothing;
- `seconds`: from the blow to the result of `analyze`; the worst, where there are several."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one cell."""

    step: str
    fault: str
    process: str
    answers: int
    completed: int
    superseded: int
    failed: int
    lost: int
    doubled: int
    strays: int
    untrue: int | None
    missed: int
    seconds: float
    found: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.step, self.fault, self.process

    @property
    def is_sound(self) -> bool:
        return not any(getattr(self, name) for name in FAULTS)

    @property
    def is_proven(self) -> bool:
        """Whether all that is judged now was judged, and held."""
        return self.is_sound and self.untrue is not None


SUMS = [f.name for f in fields(Row)][3:12]


def row_of(cell: Cell, verdict: Verdict) -> Row:
    return Row(
        *cell.row,
        answers=verdict.answers,
        completed=verdict.completed,
        superseded=verdict.superseded,
        failed=verdict.failed,
        lost=len(verdict.lost),
        doubled=len(verdict.doubled),
        strays=len(verdict.strays),
        untrue=len(verdict.untrue),
        missed=len(verdict.missed),
        seconds=round(verdict.seconds, 1),
        found="; ".join([*verdict.faults, *verdict.reasons]),
    )


def merged(before: Iterable[Row], now: Iterable[Row]) -> list[Row]:
    """The rows with those that were played anew in place of their elders, as an answer meets them."""
    rows: Mapping[tuple[str, str, str], Row] = {row.key: row for row in (*before, *now)}
    return sorted(rows.values(), key=lambda row: (STAGES.index(row.step.partition(":")[0]), row.key))


def standing(rows: Iterable[Row], cells: Container[tuple[str, str, str]]) -> list[Row]:
    """The rows but those that did not hold, or were missed, of steps that the product does not make any more.

    What held stays: that a step is not overheard once says little.
    """
    return [row for row in rows if row.is_sound or row.key in cells]


@dataclass(frozen=True, slots=True)
class Run:
    """When a run is over: how many cells it played of how many, on what, and how."""

    commit: str
    played: int
    of: int
    minutes: float
    stacks: int
    seed: int

    def __str__(self) -> str:
        return (
            f"The last run: {self.played} of {self.of} cells in {self.minutes:.0f} minutes on {self.commit}, "
            f"{self.stacks} stacks side by side, seed {self.seed}."
        )


def page(rows: Sequence[Row], run: Run) -> str:
    """The text of docs/kill-matrix.md."""
    older = f" {len(rows) - run.played} rows are from runs before it." if len(rows) > run.played else ""
    unsound = [(*row.key, row.found) for row in rows if not row.is_sound]
    head = ("cells", *SUMS, "seconds")
    parts = [INTRODUCTION, f"{run}{older}", "## In all", _table(head, [_sum(rows)])]
    if unsound:
        parts += ["## What did not hold", _table(("step", "fault", "process", "what was found"), unsound)]
    parts += ["## By process and fault", _table(("process", "fault", *head), _grouped(rows, _by_process))]
    parts += ["## By step", _table(("step", *head), _grouped(rows, lambda row: (row.step,)))]
    parts += [DETAILS, _table(("step", "fault", "process", *SUMS, "seconds"), [astuple(row)[:-1] for row in rows])]
    return "\n\n".join(parts) + "\n"


def read(text: str) -> list[Row]:
    """The rows of a page, so that some may be played anew."""
    head, _, *lines = text.partition(DETAILS)[2].strip().splitlines() or ["", ""]
    found = [[field.strip() for field in line.strip("| ").split(" | ")] for line in lines]
    names = [name.strip() for name in head.strip("| ").split(" | ")]
    return [_row(dict(zip(names, fields, strict=True))) for fields in found]


def _row(row: Mapping[str, str]) -> Row:
    """A page that is older has not all that is judged now."""
    counts = {name: None if (count := row.get(name, DASH)) == DASH else int(count) for name in SUMS}
    where = (row["step"], row["fault"], row["process"])
    return Row(*where, **counts, seconds=float(row["seconds"]))  # type: ignore[arg-type]


def _by_process(row: Row) -> tuple[str, ...]:
    return row.process, row.fault


def _grouped(rows: Iterable[Row], key: Callable[[Row], tuple[str, ...]]) -> list[tuple[object, ...]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return [(*name, *_sum(members)) for name, members in groups.items()]


def _sum(rows: Sequence[Row]) -> tuple[object, ...]:
    counts = (sum(getattr(row, name) or 0 for row in rows) for name in SUMS)
    return len(rows), *counts, max((row.seconds for row in rows), default=0.0)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines: list[Sequence[object]] = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_told(field) for field in line) + " |" for line in lines)


def _told(field: object) -> str:
    return DASH if field is None else str(field).replace("|", "/")
