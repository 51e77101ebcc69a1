"""Results: what is said of some rounds, and how a later run adds to an earlier one."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.results import Result, merge, read, summary, table, write


def result(name: str = "upload", ratio: float = 1.0, goal: str = ">= 0.9") -> Result:
    return Result(name, ratio, goal, ratio - 0.1, ratio + 0.1, 3, "of the driver's speed", "a [note]")


def test_a_summary_is_the_median_with_the_lowest_and_the_highest() -> None:
    made = summary("upload", ">= 0.9", "x", [0.9, 1.3, 0.7, 1.0, 0.8], "")
    assert (made.ratio, made.low, made.high, made.runs) == (0.9, 0.7, 1.3, 5)


def test_one_round_that_went_astray_does_not_move_the_ratio() -> None:
    assert summary("upload", ">= 0.9", "x", [1.0, 1.0, 40.0], "").ratio == 1.0


@pytest.mark.parametrize(
    ("ratio", "goal", "is_met"),
    [(0.9, ">= 0.9", True), (0.89, ">= 0.9", False), (1.5, "<= 1.5", True), (1.51, "<= 1.5", False)],
)
def test_a_goal_is_a_floor_or_a_ceiling(ratio: float, goal: str, is_met: bool) -> None:
    assert result(ratio=ratio, goal=goal).is_met is is_met


def test_what_was_not_run_again_keeps_its_place() -> None:
    before = [result("upload", 0.5), result("memory", 0.6)]
    assert merge(before, [result("upload", 0.7), result("pipeline", 0.8)]) == [
        result("upload", 0.7),
        result("memory", 0.6),
        result("pipeline", 0.8),
    ]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    write([result("upload"), result("memory")], file)
    assert read(file) == [result("upload"), result("memory")]
    assert list(tmp_path.iterdir()) == [file]


def test_before_the_first_run_there_is_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "results.json") == []


def test_the_table_says_everything() -> None:
    paper = StringIO()
    Console(file=paper, width=200).print(table([result("upload", 0.5)]))
    text = paper.getvalue()
    assert all(word in text for word in ("upload", "0.50 of the driver's speed", ">= 0.9", "0.40 … 0.60", "a [note]"))
