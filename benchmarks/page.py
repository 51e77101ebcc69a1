"""`python -m benchmarks.page`: write docs/benchmarks.md and its plots from what the benchmarks have found."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from benchmarks import curves, plots, results
from benchmarks.results import NO_GOAL, Result
from benchmarks.texts import TEXTS, reason_of, text_of
from scripts.stack.layout import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images" / "benchmarks"
NOTES = ROOT / "docs" / "benchmarks-notes.md"
ORDER = list(TEXTS)

HEAD = """# Benchmarks

Every figure is a ratio of two things that took turns on the same machine in the same run: A, B, A, B. The result is the
median of the rounds; the spread is the lowest and the highest of them, so look at it before you believe the median.
A goal is what we aim at, no promise: the same run on another machine gives other figures. `make bench` measures all of
this again, `make bench ONLY=upload` one part, and this page and its plots are written from `benchmarks/results.json`
alone (`python -m benchmarks.page`). In the plots a dot is the median, its line the spread,
and the dashed line the goal.
"""


def write(found: Iterable[Result] | None = None) -> None:
    """The page and its plots; what no result stands for any more goes."""
    chosen = results.read() if found is None else list(found)
    pictures = plots.all_of(chosen) | curves.all_of(chosen)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for old in IMAGES.glob("*.svg"):
        if old.stem not in pictures:
            old.unlink()
    for name, picture in pictures.items():
        (IMAGES / f"{name}.svg").write_text(picture, "utf-8")
    PAGE.write_text(text(chosen, NOTES), "utf-8")


def text(found: list[Result], notes: Path) -> str:
    """The page's text; it depends on nothing but the results and the notes."""
    parts = [HEAD, _met(found), _table(found, with_notes=False)]
    for benchmark, own in groupby(sorted(found, key=_place), key=group_of):
        parts += _section(benchmark, list(own))
    if notes.is_file():
        parts += ["## Notes", _demoted(notes.read_text("utf-8"))]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def group_of(result: Result) -> str:
    """The benchmark that a result is of."""
    return result.benchmark or result.name.split()[0].strip(",")


def _place(result: Result) -> tuple[int, str]:
    group = group_of(result)
    return (ORDER.index(group) if group in ORDER else len(ORDER), group)


def _met(found: list[Result]) -> str:
    aimed = [result for result in found if result.goal != NO_GOAL]
    return f"{sum(result.is_met for result in aimed)} of {len(aimed)} goals are met."


def _section(benchmark: str, found: list[Result]) -> list[str]:
    said = text_of(benchmark)
    parts = [f"## {said.title}", said.run]
    parts += [f"**What it means to you.** {said.means}"] if said.means else []
    pictures = [*curves.names(found), *plots.names(found)]
    parts += [f"![{_escaped(shown)}](images/benchmarks/{name}.svg)" for name, shown in pictures]
    parts += [_table(found, with_notes=True), _measured(found)]
    return parts + _missed(found)


def _table(found: list[Result], *, with_notes: bool) -> str:
    head = ["What", "Median", "Goal", "", "Spread", "Rounds", *(["Seen"] if with_notes else [])]
    rows = [_row(result, with_notes) for result in sorted(found, key=_place)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _row(result: Result, with_notes: bool) -> list[str]:
    return [
        _escaped(result.name),
        f"**{result.ratio:.2f}** {_escaped(result.unit)}",
        result.goal.replace(">=", "≥").replace("<=", "≤"),
        _verdict(result),
        f"{result.low:.2f} – {result.high:.2f}",
        str(result.runs),
        *([_escaped(result.note)] if with_notes else []),
    ]


def _verdict(result: Result) -> str:
    if result.goal == NO_GOAL:
        return ""
    return "met" if result.is_met else "**missed**"


def _measured(found: list[Result]) -> str:
    places = sorted({(result.day, result.machine) for result in found if result.machine})
    return "\n".join(f"Measured on {day}: {machine}." for day, machine in places)


def _missed(found: list[Result]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for result in found:
        if not result.is_met:
            reasons.setdefault(reason_of(result.name), []).append(result.name)
    return [f"Missed: {_escaped('; '.join(names))}. {reason}" for reason, names in reasons.items()]


def _demoted(notes: str) -> str:
    """The notes, their headings two levels lower."""
    return "\n".join(f"##{line}" if line.startswith("#") else line for line in notes.strip().splitlines())


def _escaped(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    write()
