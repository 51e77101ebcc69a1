from tests.chaos.cells import MOMENTS, PROCESSES, Fault, cells_of, chosen
from tests.chaos.steps import Hold, Step

HELD = Step("finish", "settle", Hold("viva-voce-worker", "update", "parts"))
SWEEP = Step("sweep", "abandon", Hold("viva-voce-upkeep", "findAndModify", "parts"))


def test_each_process_is_broken_in_each_way_at_each_step() -> None:
    for step in (*MOMENTS, HELD):
        met = {(cell.process, cell.fault) for cell in cells_of([step])}
        assert met >= {(p, fault) for p in PROCESSES for fault in (Fault.KILL, Fault.STOP, Fault.RESTART)}
        assert met >= {("valkey", Fault.FLUSH), ("all", Fault.KILL)}


def test_a_write_on_its_way_also_lands_after_its_client_is_gone() -> None:
    late = [cell.process for cell in cells_of([HELD, SWEEP, *MOMENTS]) if cell.fault is Fault.KILL_LATE]
    assert late == ["worker", "upkeep"]


def test_the_sweep_is_broken_itself() -> None:
    assert "upkeep" in {cell.process for cell in cells_of([SWEEP])}


def test_a_scorer_is_needed_where_answers_are_scored_afterwards_and_the_sweep_is_broken_where_it_asks_again() -> None:
    again = Step("score again", "score", HELD.hold)
    cells = cells_of([*MOMENTS, HELD, again])
    assert {cell.step.stage for cell in cells if cell.needs_scorer} == {"score", "score again"}
    assert [cell.process for cell in cells if cell.step == again].count("upkeep") == 3


def test_no_two_cells_are_the_same() -> None:
    cells = cells_of([*MOMENTS, HELD, SWEEP])
    assert len(cells) == len({cell.title for cell in cells})


def test_a_seed_gives_an_order_in_which_every_step_comes_before_one_comes_twice() -> None:
    steps = [*MOMENTS, HELD, SWEEP]
    cells = cells_of(steps)
    first = chosen(cells, seed=3)
    assert first == chosen(cells, seed=3) != chosen(cells, seed=4)
    assert sorted(c.title for c in first) == sorted(c.title for c in cells)
    assert {cell.step for cell in chosen(cells, seed=3, most=len(steps))} == set(steps)


def test_each_process_meets_each_fault_in_each_stage_before_the_rest_comes() -> None:
    cells = cells_of([*MOMENTS, HELD, SWEEP, *(Step("finish", f"write {n}", HELD.hold) for n in range(60))])
    combined = {(cell.step.stage, cell.process, cell.fault) for cell in cells}
    first = chosen(cells, seed=3, most=len({cell.step for cell in cells}) + len(combined))
    assert {(cell.step.stage, cell.process, cell.fault) for cell in first} == combined
    assert len(first) < len(cells) / 3


def test_only_what_is_asked_for() -> None:
    found = chosen(cells_of([*MOMENTS, HELD]), only="× mongod")
    assert {cell.process for cell in found} == {"mongod"}
    found = chosen(cells_of([*MOMENTS, HELD]), only="× mongod|× flush")
    assert {cell.process for cell in found} == {"mongod", "valkey"}
