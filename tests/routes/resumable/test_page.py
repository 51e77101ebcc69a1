"""docs/uploads.md says of each demand where it is tried, and of each refusal its status: both are looked up here."""

import re
from types import FunctionType

import pytest

from routes.errors import status_of
from scripts.stack.layout import ROOT
from services.errors import Problem
from tests.routes.resumable import test_draft
from tests.routes.test_errors import every

PAGE = (ROOT / "docs" / "uploads.md").read_text()
COLUMNS = (6, 8, 9, None)
DEMANDS = re.findall(r"^\| (.+?) \| (.) \| (.) \| (.) \| (.) \| (`test_.+) \|$", PAGE, re.M)
REFUSALS = re.findall(r"^\| (\d{3}) \| (`.+?`) \| .+ \|$", PAGE, re.M)


def versions_of(test: FunctionType) -> set[int | None]:
    """Those that a test is tried in; without a parameter it says so by its name, or is of all."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.args[0] == "version"]
    if marks:
        return set(marks[0].args[1])
    return {6} if "sixth" in test.__name__ else set(COLUMNS)


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand[0][:60])
def test_each_demand_is_tried_in_the_versions_that_the_table_names(demand: tuple[str, ...]) -> None:
    _, *marks, named = demand
    tried = set[int | None]()
    for name in re.findall(r"`(test_\w+)`", named):
        tried |= versions_of(getattr(test_draft, name))
    assert {version for version, mark in zip(COLUMNS, marks, strict=True) if mark == "●"} <= tried


def test_there_is_no_test_that_the_table_does_not_name() -> None:
    tests = {name for name in vars(test_draft) if name.startswith("test_")}
    beside = {
        "test_no_more_is_kept_of_what_an_upload_is_called_than_tus_keeps",
        "test_a_form_is_upgraded_only_as_a_whole",
        "test_a_finished_one_cannot_be_cancelled",
        "test_both_protocols_go_on_with_the_same_upload",
        "test_a_take_that_was_overtaken_is_answered_when_it_is_finished_again",
        "test_older_drafts_are_told_so",
        "test_what_is_no_sound_ends_it_at_once",
    }
    assert tests - beside == {name for *_, named in DEMANDS for name in re.findall(r"`(test_\w+)`", named)}


@pytest.mark.parametrize(("status", "codes"), REFUSALS)
def test_each_refusal_has_the_status_of_its_line(status: str, codes: str) -> None:
    kinds = {kind.code: kind for kind in every(Problem)}
    for code in re.findall(r"`(\w+)`", codes):
        of_a_session = code == "session_erased"
        assert of_a_session or status_of(kinds[code]) == int(status), code
