from routes.needs import Health
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
