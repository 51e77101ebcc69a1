"""The API does what its own OpenAPI document says, whatever is sent to it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from routes.errors import MEDIA_TYPE
from routes.links import LINKS
from scripts.stack.layout import ROOT
from tests.at_length import long_but
from tests.hostile.served import Served, serve

CONFIG = Path(__file__).parents[1] / "hostile" / "schemathesis.toml"
SHORTLY = ("alice", 3)
THOROUGHLY = (("alice", 8), (None, 8), ("admin", 8))


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("api"), mongodb_url, redis_url) as served:
        with served.client() as client:
            client.get("/openapi.json")  # it takes seconds to be written first, and who is to read it waits for ten
        yield served


@pytest.mark.parametrize(("who", "seconds"), long_but(SHORTLY, of=[SHORTLY, *THOROUGHLY]))
def test_every_answer_is_one_that_is_documented(api: Served, who: str | None, seconds: int, tmp_path: Path) -> None:
    token = api.token(who, admin=who == "admin") if who else None
    hooks = ["env", f"PYTHONPATH={ROOT}", "SCHEMATHESIS_HOOKS=tests.hostile.serializers"]
    command = [*hooks, sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    command += [f"http://127.0.0.1:{api.port}/openapi.json", "--max-time", str(seconds), "--seed", "7"]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure"]
    command += ["--header", f"Authorization: Bearer {token}"] if token else []
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=seconds * 20)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_errors_are_documented_in_the_one_shape(api: Served) -> None:
    with api.client() as client:
        document = client.get("/openapi.json").json()
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and path != "/readyz":
                    assert answer["content"].keys() == {MEDIA_TYPE}, (path, status)
                    assert answer["content"][MEDIA_TYPE]["schema"]["$ref"].endswith("/ProblemOut"), (path, status)


@pytest.mark.parametrize("code", ["session_not_found", "invalid_request", "unexpected", "method_not_allowed"])
def test_every_type_of_problem_can_be_looked_up(api: Served, code: str) -> None:
    with api.client(None) as client:
        assert client.get(f"/problems/{code}").text.startswith(f"{code}: ")
        assert client.get("/problems/none_such").status_code == 404


def test_links_lead_to_operations_with_the_parameters_that_these_have(api: Served) -> None:
    with api.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    operations = {operation["operationId"]: operation for each in paths.values() for operation in each.values()}
    named = {(name, status) for name, operation in operations.items() for status in operation["responses"]}
    assert named >= LINKS.keys()
    for leads_to in LINKS.values():
        for to, by in leads_to.items():
            assert by.keys() <= {parameter["name"] for parameter in operations[to]["parameters"]}, to
