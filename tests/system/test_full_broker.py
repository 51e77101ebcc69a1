"""Valkey is full: answers are taken and wait, nobody says that all is well, and then they are transcribed."""

import pytest
from redis import Redis

from tests import servers
from tests.openai_server import OpenAIServer
from tests.scripts.running import until
from tests.services.adapters.test_celery_doorbell import fill
from tests.system import live
from tests.system.speech import samples

pytestmark = pytest.mark.long

SAID = "An index finds rows without scanning the whole table."
ANSWERS = 4


def test_a_full_broker_is_told_of_and_loses_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    audio = samples()[0].audio.read_bytes()
    options = ("--maxmemory", "16mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes")
    with servers.valkey(tmp_path_factory.mktemp("valkey"), *options) as url, OpenAIServer() as server:
        server.text = SAID
        environment = {"REDIS_URL": url, "OPENAI_API_KEY": "sk-loopback", "OPENAI_BASE_URL": server.url}
        with (
            live.stack(tmp_path_factory.mktemp("stack"), SWEEP_SECONDS="1", **environment) as stack,
            stack.client() as client,
            stack.client(admin=True) as admin,
            Redis.from_url(url) as broker,
        ):
            until(lambda: client.get("/readyz").json()["ready"], 60)
            fill(broker)
            broker.config_set("maxmemory", "15mb")  # full beyond what the buffers of its clients come and go with
            until(lambda: client.get("/readyz").json()["redis"] == "down")
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["status"], ready.json()["ready"]) == (200, "degraded", False)
            questions = [f"q{number}" for number in range(ANSWERS)]
            asked: list[dict[str, object]] = [{"id": id, "text": "?", "language": "en"} for id in questions]
            session = live.create(client, *asked)
            for question in questions:
                live.upload(client, session, question, audio)
            until(lambda: "viva_broker_up 0.0" in admin.get("/metrics").text)
            for key in broker.scan_iter("junk*"):
                broker.delete(key)
            ended = [live.wait_for(client, session, question, 120) for question in questions]
            assert [answer["transcript"] for answer in ended] == [SAID] * ANSWERS
            until(lambda: client.get("/readyz").json()["ready"], 60)
