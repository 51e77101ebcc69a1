"""`python -m benchmarks.decided`: draw the curve of decision 0008 from the table that stands there."""

from collections.abc import Iterator
from typing import Any

from benchmarks import plots
from scripts.stack.layout import ROOT

PAGE = ROOT / "docs" / "decisions" / "0008-windows-beam-and-what-is-left-out.md"
PICTURE = ROOT / "docs" / "images" / "windows.svg"
HEADING = "## The curve"
COLUMNS = ("base, clips", "base, long", "tiny.en, clips", "tiny.en, long")
INCHES = (8.0, 5.0)
LEAST, MOST = 9.0, 18.5

Row = tuple[str, list[float]]


def rows(text: str) -> Iterator[Row]:
    """Each shape with its four figures."""
    for line in text.partition(HEADING)[2].partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 1 + len(COLUMNS) and cells[1][:1].isdigit():
            yield cells[0], [float(cell.split()[0]) for cell in cells[1:]]


def picture(found: list[Row]) -> str:
    """A dot for each figure; what is beyond the edge stands on it, with its number."""

    def draw(axes: Any) -> None:
        places = range(len(found))[::-1]
        for number, column in enumerate(COLUMNS):
            shown = [min(figures[number], MOST) for _, figures in found]
            axes.plot(
                shown, places, "o" if number < 2 else "s", label=column, fillstyle="full" if number % 2 else "none"
            )
        for place, (_, figures) in zip(places, found, strict=True):
            if max(figures) > MOST:
                axes.annotate(
                    f"{max(figures):.2f}", (MOST, place), (-6, 0), textcoords="offset points", ha="right", va="center"
                )
        axes.set_yticks(places, [name for name, _ in found])
        axes.set_xlim(LEAST, MOST + 0.2)
        axes.set_xlabel("words that differ from the other model's full reading, in per cent")
        axes.legend(frameon=False, loc="upper right")

    return plots.svg(INCHES, draw)


if __name__ == "__main__":
    PICTURE.write_text(picture(list(rows(PAGE.read_text("utf-8")))), "utf-8")
