"""The hosted engine and scorer in a real worker, against a server that speaks the wire format, faults included."""

from collections.abc import Iterator

import pytest

from tests.audio import silence, wav
from tests.openai_server import OpenAIServer, busy, fails
from tests.system import live
from tests.system.live import Stack, analyze, create, upload, wait_for
from tests.system.speech import samples

pytestmark = pytest.mark.long

SAMPLE = samples()[0]
SAID = "An index finds rows without scanning the whole table."
POINT = "an index finds rows without scanning the whole table"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        running.text = SAID
        running.points = [
            {"number": 1, "point": POINT, "met": True, "quote": "finds rows without scanning", "comment": "said so"}
        ]
        yield running


@pytest.fixture(scope="module")
def hosted(server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {
        "OPENAI_API_KEY": "sk-loopback",
        "OPENAI_BASE_URL": server.url,
        "SCORER_MODEL": "loopback",
        "SWEEP_SECONDS": "0.5",
    }
    with live.stack(tmp_path_factory.mktemp("hosted"), **environment) as running:
        yield running


def test_a_hosted_transcript_is_scored_with_verified_quotes(hosted: Stack, server: OpenAIServer) -> None:
    with hosted.client() as client:
        session = create(client, {"id": "q1", "text": "Index?", "key_points": [POINT], "language": "en"})
        upload(client, session, "q1", SAMPLE.audio.read_bytes())
        result = analyze(client, session)
    answer = result["answers"][0]
    assert (answer["transcript"], result["final_score"]) == (SAID, 100.0)
    assert answer["feedback"][0]["quote"] in SAID
    assert any(r.fields.get("model") == ["gpt-transcribe"] for r in server.received)
    assert hosted.audio_left() == (0, 0)


def test_a_busy_and_failing_engine_is_asked_again(hosted: Stack, server: OpenAIServer) -> None:
    server.script(busy(retry_after=1), fails(500))
    with hosted.client() as client:
        session = create(client, {"id": "q1", "text": "Index?"})
        upload(client, session, "q1", SAMPLE.audio.read_bytes())
        assert wait_for(client, session, "q1", 60)["status"] == "completed"
        analyze(client, session)
    part = hosted.database["parts"].find_one({"session_id": session})
    assert part is not None
    assert part["deliveries"] == 2, "the one that failed, and the one that did it: to wait is not to fail"
    assert part["waited_seconds"] >= 1.0


def test_a_refusal_is_final_and_forgets_nothing(hosted: Stack, server: OpenAIServer) -> None:
    server.script(fails(400, message="Audio file might be corrupted or unsupported"))
    with hosted.client() as client:
        session = create(client, {"id": "q1", "text": "Index?"})
        upload(client, session, "q1", SAMPLE.audio.read_bytes())
        answer = wait_for(client, session, "q1")
    assert (answer["status"], answer["error"]["code"]) == ("failed", "engine_refused")
    with hosted.client(admin=True) as admin:
        assert admin.post(f"/api/admin/answers/{session}/q1/retry").status_code == 202
    with hosted.client() as client:
        assert wait_for(client, session, "q1")["status"] == "completed"
    assert hosted.audio_left() == (0, 0)


def test_silence_costs_no_call(hosted: Stack, server: OpenAIServer) -> None:
    before = len(server.received)
    with hosted.client() as client:
        session = create(client, {"id": "q1", "text": "?"})
        upload(client, session, "q1", wav(silence(5)))
        assert wait_for(client, session, "q1")["no_speech"] is True
    assert len(server.received) == before
