from routes.errors import STATUS, status_of
from services.errors import Problem
from tests.routes.api import Api


def every(kind: type[Problem]) -> list[type[Problem]]:
    return [kind, *(below for child in kind.__subclasses__() for below in every(child))]


def test_every_problem_has_a_status_a_code_of_its_own_and_a_sentence() -> None:
    kinds = every(Problem)
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert 400 <= status_of(kind) < 600
        assert kind.sentence.endswith(".")
    for kind in kinds[1:]:
        assert status_of(kind) != STATUS[Problem], f"{kind.__name__} would be a 500"


async def test_every_problem_has_a_page() -> None:
    async with Api().client() as client:
        for kind in every(Problem):
            assert kind.sentence in (await client.get(f"/problems/{kind.code}")).text
        assert (await client.get("/problems/none")).status_code == 404
