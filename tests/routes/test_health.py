import asyncio

from routes.dependencies import Health
from services.background import Kind
from tests.routes.api import Api


async def test_ready_when_all_parts_answer() -> None:
    async with Api().client(None) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["ready"], answer.json()["status"]) == (200, True, "ok")
        assert (await client.get("/healthz")).status_code == 200


async def test_without_redis_or_workers_it_is_degraded_and_takes_answers() -> None:
    for health in (Health(True, False, 1), Health(True, True, 0)):
        async with Api(health=health).client(None) as client:
            answer = await client.get("/readyz")
            assert (answer.status_code, answer.json()["ready"], answer.json()["status"]) == (200, False, "degraded")


async def test_without_the_database_it_is_failing_and_what_only_that_knows_is_not_called_down() -> None:
    async with Api(health=Health(False, True, 0, keys=False)).client(None) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "failing")
        assert {name: answer.json()[name] for name in ("mongodb", "workers", "keys")} == {
            "mongodb": "down",
            "workers": None,
            "keys": "unknown",
        }


async def test_background_work_that_broke_off_is_shown_and_degrades() -> None:
    api = Api()
    gate = asyncio.Event()

    async def breaks() -> None:
        await gate.wait()
        raise RuntimeError

    async with api.client(None) as client:
        api.background.start(Kind.TOUCHES, breaks)
        while len(api.background.kinds) < 3:
            await asyncio.sleep(0)
        before = (await client.get("/readyz")).json()
        gate.set()
        while not api.background.kinds[Kind.TOUCHES].restarts:
            await asyncio.sleep(0)
        after = (await client.get("/readyz")).json()
        seen = await client.get("/metrics", headers={"Authorization": "Bearer admin"})
    assert (before["status"], before["background"]) == ("ok", {"hints": "ok", "looks": "ok", "touches": "ok"})
    assert (after["status"], after["ready"], after["background"]["touches"]) == ("degraded", True, "restarting")
    assert 'viva_background_waiting{kind="touches"} 1.0' in seen.text
    assert 'viva_background_waiting{kind="hints"} 0.0' in seen.text


async def test_without_the_providers_keys_no_answers_are_taken() -> None:
    async with Api(health=Health(database=True, doorbell=True, workers=1, tokens=False)).client() as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["status"], answer.json()["tokens"]) == (503, "failing", "down")


async def test_without_the_keys_of_recordings_no_answers_are_taken() -> None:
    async with Api(health=Health(database=True, doorbell=True, workers=1, keys=False)).client() as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["status"], answer.json()["keys"]) == (503, "failing", "down")


async def test_recordings_that_cannot_be_opened_are_told_and_answers_are_taken() -> None:
    async with Api(health=Health(database=True, doorbell=True, workers=1, missing_keys=2)).client() as client:
        answer = await client.get("/readyz")
        told = [answer.json()[name] for name in ("ready", "status", "keys")]
        assert (answer.status_code, told) == (200, [True, "degraded", "incomplete"])


async def test_who_only_looks_whether_it_lives_may_do_so() -> None:
    async with Api().client(None) as client:
        for path in ("/healthz", "/readyz"):
            assert (await client.head(path)).status_code == 200
