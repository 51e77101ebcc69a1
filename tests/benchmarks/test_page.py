"""The page of benchmarks says what was found, all of it, and nothing else."""

import resource
from pathlib import Path

import pytest

from benchmarks import curves, decided, page, plots, results
from benchmarks.__main__ import BENCHMARKS
from benchmarks.files import TooFewFiles, open_many
from benchmarks.hosted import most_at_once, throughput
from benchmarks.memory import p99
from benchmarks.results import Result
from benchmarks.texts import TEXTS, UNKNOWN_REASON

NO_NOTES = Path("/nowhere")


def result(name: str, ratio: float, goal: str = ">= 0.9", benchmark: str = "upload", note: str = "") -> Result:
    return Result(name, ratio, goal, ratio - 0.1, ratio + 0.1, 5, "of it", note, benchmark, "a machine", "2026-01-01")


def test_the_committed_page_is_of_the_committed_results() -> None:
    assert page.PAGE.read_text("utf-8") == page.text(results.read(), page.NOTES)


def test_the_committed_plots_show_every_committed_median() -> None:
    pictures = {file.stem: file.read_text("utf-8") for file in page.IMAGES.glob("*.svg")}
    found = results.read()
    assert set(pictures) == {name for name, _ in (*plots.names(found), *curves.names(found))}
    whole = "".join(pictures.values())
    for one in found:
        assert f">{one.name}</text>" in whole
        assert f">{one.ratio:.2f}</text>" in whole


def test_the_committed_curve_of_the_engine_shows_every_shape_of_its_table() -> None:
    found = list(decided.rows(decided.PAGE.read_text("utf-8")))
    drawn = decided.PICTURE.read_text("utf-8")
    assert len(found) == 14
    assert all(f">{name}</text>" in drawn for name, _ in found)
    assert all(f">{max(figures):.2f}</text>" in drawn for _, figures in found if max(figures) > decided.MOST)


def test_a_missed_goal_is_shown_as_missed_with_its_reason() -> None:
    text = page.text([result("upload 1 MB", 0.5), result("growth x", 0.2, benchmark="growth")], NO_NOTES)
    assert "0 of 2 goals are met." in text
    assert "| upload 1 MB | **0.50** of it | ≥ 0.9 | **missed** | 0.40 – 0.60 | 5 |" in text
    assert "Missed: upload 1 MB. The driver's client" in text
    assert f"Missed: growth x. {UNKNOWN_REASON}" in text


def test_a_result_without_a_goal_is_neither_met_nor_missed() -> None:
    only_tells = result("promises, without rates", 0.4, goal=results.NO_GOAL, benchmark="promises")
    text = page.text([only_tells, result("upload 1 MB", 0.95)], NO_NOTES)
    assert "1 of 1 goals are met." in text
    assert "| promises, without rates | **0.40** of it |  |  | 0.30 – 0.50 | 5 |" in text
    assert "issed" not in text
    (picture,) = plots.all_of([only_tells]).values()
    assert ">0.40</text>" in picture and "goal" not in picture


def test_a_met_goal_has_no_reason() -> None:
    text = page.text([result("upload 1 MB", 0.95)], NO_NOTES)
    assert "1 of 1 goals are met." in text
    assert "issed" not in text


def test_what_nobody_has_described_has_its_rows_all_the_same() -> None:
    text = page.text([result("zither, strings", 3.0, benchmark="zither", note="a | b")], NO_NOTES)
    assert "## Zither" in text
    assert "a \\| b" in text
    assert "Measured on 2026-01-01: a machine." in text


def test_the_notes_are_a_section(tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# Engine\n\nIt was tried.\n")
    assert page.text([result("upload", 1.0)], notes).endswith("## Notes\n\n### Engine\n\nIt was tried.\n")


def test_results_along_a_scale_are_a_curve() -> None:
    names = [f"verdicts, base, {level}, wrong words doubted" for level in ("clean", "5 dB", "all")]
    found = [result(name, 0.5, benchmark="verdicts") for name in (*names, "verdicts, base, sounds")]
    assert curves.names([*found, result("a, b, c, d", 1.0)]) == [
        ("verdicts-curve", "verdicts: noise, in decibels below the speech")
    ]
    picture = curves.all_of(found)["verdicts-curve"]
    assert ">base, wrong words doubted</text>" in picture
    assert ">5 dB</text>" in picture and ">all</text>" not in picture
    assert "images/benchmarks/verdicts-curve.svg" in page.text(found, NO_NOTES)


def test_the_same_results_give_the_same_pictures() -> None:
    found = [result("a", 1.0), result("b", 0.5)]
    assert plots.all_of(found) == plots.all_of(found)


@pytest.mark.parametrize("name", ["upload", "memory", "pipeline", "hosted", "growth", "verdicts", "languages"])
def test_a_benchmark_says_what_is_run_and_what_it_means(name: str) -> None:
    assert name in BENCHMARKS
    assert TEXTS[name].run and TEXTS[name].means


def test_a_full_house_all_the_time_is_the_ideal() -> None:
    calls = [(5.0 * turn + lane / 64, 5.0 * turn + lane / 64 + 5.0) for turn in range(4) for lane in range(64)]
    share, rate = throughput(sorted(calls))
    assert share == pytest.approx(1.0, abs=0.02)
    assert rate == pytest.approx(12.8, abs=0.2)
    assert most_at_once(calls) == 64


def test_half_a_house_is_half_the_ideal() -> None:
    calls = [(5.0 * turn + lane / 32, 5.0 * turn + lane / 32 + 5.0) for turn in range(4) for lane in range(32)]
    assert throughput(sorted(calls))[0] == pytest.approx(0.5, abs=0.02)
    assert most_at_once(calls) == 32


def test_one_in_a_hundred_is_slower_than_the_p99() -> None:
    assert 98 < p99([float(number) for number in range(1, 101)]) <= 100


def test_too_few_open_files_are_said_so() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(TooFewFiles, match=f"hard limit is {hard}"):
        open_many(hard + 1)
