from tests.chaos.cells import MOMENTS, Cell, Fault
from tests.chaos.report import Run, merged, page, read, row_of, standing
from tests.chaos.verdict import Verdict

KILLED = Cell(MOMENTS[0], Fault.KILL, "api")
WELL = row_of(KILLED, Verdict(answers=2, completed=2, seconds=3.25))
RUN = Run("commit abc", played=2, of=600, minutes=12.4, stacks=3, seed=7)
BADLY = row_of(Cell(MOMENTS[0], Fault.STOP, "api"), Verdict(answers=1, lost=["p: no record"], seconds=8))


def test_cells_are_added_up_and_what_did_not_hold_is_named() -> None:
    text = page([WELL, BADLY], RUN)
    assert "| 2 | 3 | 2 | 0 | 0 | 1 | 0 | 0 | 0 | 0 | 8 |" in text
    assert f"| {MOMENTS[0].title} | stop | api | p: no record |" in text


def test_a_run_in_which_all_held_names_nothing_that_did_not() -> None:
    assert "What did not hold" not in page([WELL], RUN)


def test_a_page_is_read_back_and_a_cell_that_is_played_anew_takes_its_place() -> None:
    again = row_of(KILLED, Verdict(answers=5, completed=5))
    rows = merged(read(page([WELL, BADLY], RUN)), [again])
    assert {row.key: row.answers for row in rows} == {again.key: 5, BADLY.key: 1}


def test_the_page_says_on_what_and_how_long_the_run_was_and_what_is_older() -> None:
    said = "The last run: 2 of 600 cells in 12 minutes on commit abc, 3 stacks side by side, seed 7."
    assert f"{said}\n" in page([WELL, BADLY], RUN)
    older = row_of(Cell(MOMENTS[1], Fault.STOP, "api"), Verdict())
    assert f"{said} 1 rows are from runs before it.\n" in page([WELL, BADLY, older], RUN)


def test_a_page_from_before_a_column_is_read_too_and_says_that_it_was_not_judged() -> None:
    text = page([WELL], RUN)
    head, rows = text.split("## By step, fault and process")
    older = rows.replace(" untrue |", "").replace("| 0 | 0 | 3.2 |", "| 0 | 3.2 |")
    (row,) = read(f"{head}## By step, fault and process{older}")
    assert (row.answers, row.untrue, row.is_sound, row.is_proven) == (2, None, True, False)
    assert WELL.is_proven and not BADLY.is_proven
    assert "| – | 0 | 3.2 |" in page([row], RUN)


def test_a_row_that_did_not_hold_goes_with_its_step() -> None:
    assert standing([WELL, BADLY], {BADLY.key}) == [WELL, BADLY]
    assert standing([WELL, BADLY], {}) == [WELL]
