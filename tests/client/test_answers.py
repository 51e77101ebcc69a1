"""The rule for answers that are not the API's own, case by case."""

import httpx2
import pytest

from client.answers import answer_of, passes, problem_of
from tests.answers import CASES, GIVES, Case


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_answer_means_what_the_table_says(case: Case) -> None:
    response = httpx2.Response(case.status, headers=case.all_headers, content=case.body.encode())
    answer, problem = answer_of(response, GIVES), problem_of(response)
    assert (answer is not None) == (case.is_ == "answer")
    assert (problem["code"] if problem else None) == (None if case.is_foreign else case.code)
    if problem is not None:
        assert passes(response, problem) == (case.is_ == "later")
