import asyncio

import pytest
import structlog
from structlog.testing import capture_logs

from routes.errors import STATUS, status_of
from services.errors import Problem, StoreUnavailable
from tests.routes.api import Api, problem


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


async def test_each_5xx_is_a_line_with_the_name_of_its_request() -> None:
    api = Api()

    async def away(*_: object) -> None:
        raise StoreUnavailable

    async def broken(*_: object) -> None:
        raise RuntimeError

    with capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        async with api.client() as client:
            for get in (away, broken):
                api.house.sessions.get = get  # type: ignore[method-assign, assignment]
                await client.get("/api/sessions/s1", headers={"X-Request-ID": get.__name__})
            assert (await client.put("/api/sessions", headers={"X-Request-ID": "fine"})).status_code == 405
    lines = [line for line in logs if line["event"] == "answered by an error"]
    assert [(line["request"], line["status"], line["code"]) for line in lines] == [
        ("away", 503, "store_unavailable"),
        ("broken", 500, None),
    ]


async def test_an_address_that_is_none_says_what_may_be_wrong_with_it() -> None:
    async with Api().client() as client:
        nowhere, slashed = await client.get("/api/nowhere"), await client.get("/api/sessions/")
        other = await client.put("/api/sessions")
    assert problem(nowhere) == problem(slashed) == (404, "not_found")
    assert problem(other) == (405, "method_not_allowed")
    assert "/docs" in nowhere.json()["detail"]
    assert "slash" in slashed.json()["detail"]
    assert other.json()["detail"] == "This address takes GET, POST."


@pytest.mark.parametrize("is_leaving", [True, False])
async def test_who_waits_too_long_for_a_server_that_stops_is_told_to_ask_again(is_leaving: bool) -> None:
    api, waits = Api(), asyncio.Event()

    async def endless(*_: object) -> None:
        waits.set()
        await asyncio.Event().wait()

    api.house.sessions.get = endless  # type: ignore[method-assign, assignment]
    async with api.client() as client:
        asking = asyncio.create_task(client.get("/api/sessions/s1"))
        await waits.wait()
        api.streams.is_leaving = is_leaving
        asking.cancel()
        if is_leaving:
            assert problem(await asking) == (503, "server_leaving")
        else:
            with pytest.raises(asyncio.CancelledError):
                await asking
