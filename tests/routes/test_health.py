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


async def test_without_the_database_it_is_failing() -> None:
    async with Api(health=Health(False, True, 0)).client(None) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "failing")


async def test_background_work_that_broke_off_is_shown_and_degrades() -> None:
    api = Api()
    gate = asyncio.Event()

    async def breaks() -> None:
        await gate.wait()
        raise RuntimeError

    async with api.client(None) as client:
        api.background.start(Kind.TOUCHES, breaks)
        await asyncio.sleep(0.01)
        before = (await client.get("/readyz")).json()
        gate.set()
        await asyncio.sleep(0.01)
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


async def test_who_only_looks_whether_it_lives_may_do_so() -> None:
    async with Api().client(None) as client:
        for path in ("/healthz", "/readyz"):
            assert (await client.head(path)).status_code == 200
