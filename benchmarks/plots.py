"""Pictures of results: medians, spreads and goals, one picture for each benchmark, unit and goal."""

import re
from collections.abc import Callable, Iterable
from io import StringIO
from itertools import groupby
from typing import Any

from benchmarks.results import Result

MET, MISSED, GOAL = "#2a7f4f", "#b3402e", "#555555"
INCHES_WIDE, INCHES_A_ROW, INCHES_AROUND = 8.0, 0.34, 0.9
# Text stays text, and the same results give the same bytes.
STYLE: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "viva-voce", "font.size": 9}

Key = tuple[str, str, str]


def all_of(found: Iterable[Result]) -> dict[str, str]:
    """The SVG text of each picture by its name."""
    return {_slug(key): _picture(key, own) for key, own in _grouped(found)}


def names(found: Iterable[Result]) -> list[tuple[str, str]]:
    """The names of the pictures of these results, and what each shows."""
    return [(_slug(key), f"{key[0]}: {_said(key)}") for key, _ in _grouped(found)]


def _said(key: Key) -> str:
    return ", ".join([key[1], *([f"goal {key[2]}"] if key[2] else [])])


def _grouped(found: Iterable[Result]) -> list[tuple[Key, list[Result]]]:
    ordered = sorted(found, key=_key)
    return [(key, list(own)) for key, own in groupby(ordered, key=_key)]


def _key(result: Result) -> Key:
    return result.benchmark or result.name.split()[0].strip(","), result.unit, result.goal


def _slug(key: Key) -> str:
    words = " ".join(key).replace(">=", "at least").replace("<=", "at most")
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def _bounds(goal: float, found: list[Result]) -> tuple[float, float]:
    """From zero, or from what is below it, to what is above everything."""
    least, most = min(result.low for result in found), max(goal, *(result.high for result in found))
    return 1.15 * min(0.0, least), 1.15 * most or 1.0


def _picture(key: Key, found: list[Result]) -> str:
    goal = float(key[2].split()[1]) if key[2] else None

    def draw(axes: Any) -> None:
        for row, result in enumerate(reversed(found)):
            colour = MET if result.is_met else MISSED
            axes.plot([result.low, result.high], [row, row], color=colour, linewidth=2, alpha=0.5)
            axes.plot([result.ratio], [row], "o", color=colour)
            axes.annotate(f"{result.ratio:.2f}", (result.ratio, row), (0, 6), textcoords="offset points", ha="center")
        if goal is not None:
            axes.axvline(goal, color=GOAL, linestyle="--", linewidth=1)
        axes.set_yticks(range(len(found)), [result.name for result in reversed(found)])
        axes.set_ylim(-0.6, len(found) - 0.2)
        axes.set_xlim(*_bounds(goal or 0.0, found))
        axes.set_xlabel(_said(key).replace(", goal", "; goal"))

    return svg((INCHES_WIDE, INCHES_AROUND + INCHES_A_ROW * len(found)), draw)


def svg(inches: tuple[float, float], draw: Callable[[Any], None]) -> str:
    """What is drawn on the axes, as SVG; the same drawing gives the same text."""
    import matplotlib  # half a second, which who only names the pictures need not wait
    from matplotlib import pyplot

    matplotlib.use("svg")
    with matplotlib.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=inches)
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        paper = StringIO()
        figure.savefig(paper, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return "\n".join(line.rstrip() for line in paper.getvalue().splitlines()) + "\n"
