"""Pictures of results along a scale, as of noise: one line for each model and kind, and a band for its spread."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from benchmarks.plots import svg
from benchmarks.results import Result

SCALES = {"verdicts": "noise, in decibels below the speech"}
WHOLE = "all"
INCHES = (8.0, 3.6)


def all_of(found: Iterable[Result]) -> dict[str, str]:
    """The SVG text of each curve by its name."""
    return {_slug(benchmark): _picture(benchmark, own) for benchmark, own in _grouped(found)}


def names(found: Iterable[Result]) -> list[tuple[str, str]]:
    """The names of the curves of these results, and what each shows."""
    return [(_slug(benchmark), f"{benchmark}: {SCALES[benchmark]}") for benchmark, _ in _grouped(found)]


def _grouped(found: Iterable[Result]) -> list[tuple[str, list[Result]]]:
    ordered = sorted((one for one in found if _point(one) is not None), key=lambda one: one.benchmark)
    return [(benchmark, list(own)) for benchmark, own in groupby(ordered, key=lambda one: one.benchmark)]


def _point(result: Result) -> tuple[str, str] | None:
    """The line on which a result lies, and where; its name reads like `verdicts, base, 10 dB, wrong words doubted`."""
    parts = result.name.split(", ")
    if result.benchmark not in SCALES or len(parts) != 4 or parts[2] == WHOLE:
        return None
    return f"{parts[1]}, {parts[3]}", parts[2]


def _slug(benchmark: str) -> str:
    return f"{benchmark}-curve"


def _picture(benchmark: str, found: list[Result]) -> str:
    lines: dict[str, list[tuple[str, Result]]] = {}
    for result in found:
        line, place = _point(result) or ("", "")
        lines.setdefault(line, []).append((place, result))

    def draw(axes: Any) -> None:
        for line, points in lines.items():
            places = [place for place, _ in points]
            (drawn,) = axes.plot(places, [one.ratio for _, one in points], "o-", label=line)
            low, high = [one.low for _, one in points], [one.high for _, one in points]
            axes.fill_between(places, low, high, color=drawn.get_color(), alpha=0.12, linewidth=0)
        axes.set_xlabel(SCALES[benchmark])
        axes.set_ylim(0, 1)
        axes.legend(frameon=False)

    return svg(INCHES, draw)
