"""A secondary that is far behind, and an address that asks to read from it: no recording is missed."""

from collections.abc import Iterator

import pytest

from tests.openai_server import OpenAIServer
from tests.replica_set_of_three import ReplicaSet, replica_set_of_three
from tests.system import live
from tests.system.speech import samples

pytestmark = pytest.mark.long

SAID = "An index finds rows without scanning the whole table."
ANSWERS = 16


@pytest.fixture
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    with replica_set_of_three(tmp_path_factory.mktemp("replicas")) as running:
        yield running


def test_no_recording_is_missed_for_what_a_secondary_has_not_heard_of(
    replicas: ReplicaSet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    late = replicas.secondary()
    audio = samples()[0].audio.read_bytes()
    with OpenAIServer() as server:
        server.text = SAID
        environment = {
            "MONGODB_URL": f"{replicas.url}&readPreference=secondary&readPreferenceTags=port:{late}",
            "OPENAI_API_KEY": "sk-loopback",
            "OPENAI_BASE_URL": server.url,
        }
        with (
            live.stack(tmp_path_factory.mktemp("stack"), **environment) as stack,
            replicas.behind(late),
            stack.client() as client,
        ):
            questions = [f"q{number}" for number in range(ANSWERS)]
            asked: list[dict[str, object]] = [{"id": id, "text": "?", "language": "en"} for id in questions]
            session = live.create(client, *asked)
            for question in questions:
                live.upload(client, session, question, audio)
            ended = [live.wait_for(client, session, question) for question in questions]
            assert [(answer["status"], answer["transcript"]) for answer in ended] == [("completed", SAID)] * ANSWERS
            assert live.analyze(client, session)["scored_count"] == 0
