"""The operators' room in a running stack: an engine that fails, an answer that is retried, and the log of it."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from services.operations.sweep import Counts
from tests.openai_server import OpenAIServer, fails
from tests.scripts.running import until
from tests.system import live
from tests.system.live import Stack, create, upload, wait_for
from tests.system.speech import samples

pytestmark = pytest.mark.long

SAMPLE = samples()[0]
SAID = "An index finds rows without scanning the whole table."


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        running.text = SAID
        yield running


@pytest.fixture(scope="module")
def hosted(server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    engine = {"OPENAI_API_KEY": "sk-loopback", "OPENAI_BASE_URL": server.url, "SCORER": "coverage"}
    with live.stack(tmp_path_factory.mktemp("hosted"), **engine, MAX_DELIVERIES="1", SWEEP_SECONDS="1") as running:
        yield running


def failed_session(stack: Stack, server: OpenAIServer, client: httpx2.Client) -> str:
    """One whose answer failed because the engine did."""
    server.script(fails(500))
    session = create(client, {"id": "q1", "text": "Index?", "language": "en"})
    upload(client, session, "q1", SAMPLE.audio.read_bytes())
    assert wait_for(client, session, "q1")["error"]["code"] == "engine_unavailable"
    assert stack.audio_left()[0] == 1
    return session


def test_an_answer_that_failed_for_want_of_an_engine_is_retried_and_completed(
    hosted: Stack, server: OpenAIServer
) -> None:
    with hosted.client() as alice, hosted.client("root", admin=True) as admin:
        session = failed_session(hosted, server, alice)
        (listed,) = admin.get("/api/admin/failed").json()["failed"]
        assert (listed["session_id"], listed["can_retry"]) == (session, True)
        assert admin.post(f"/api/admin/answers/{session}/q1/retry").status_code == 202
        until(lambda: alice.get(f"/api/transcription-status/{session}/q1").json()["status"] == "completed", 60)
        assert wait_for(alice, session, "q1")["transcript"] == SAID
        assert hosted.audio_left() == (0, 0)
        assert admin.get("/api/admin/failed").json()["failed"] == []
        refused = admin.post(f"/api/admin/answers/{session}/q1/retry")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_failed")
        entries = _of(admin, session)
        assert [(e["action"], e["outcome"], e["who"]) for e in entries] == [
            ("retry", "refused", "root"),
            ("retry", "done", "root"),
        ]
        assert entries[1]["before"]["error"] == "engine_unavailable"
        assert entries[1]["request_id"]
        until(lambda: admin.get("/api/admin/overview").json()["sweep"]["runs"] >= 1)
        overview = admin.get("/api/admin/overview").json()
    assert overview["completed"]["60"] >= 1
    assert overview["failed"]["ever"] == {"engine_unavailable": 1}
    assert (overview["broker"], len(overview["workers"])) == (True, 1)
    assert overview["storage"]["recordings"] == 0


def test_a_sweep_by_hand_and_its_entry(hosted: Stack) -> None:
    with hosted.client("root", admin=True) as admin:
        for dry_run in (True, False):
            swept = admin.post("/api/admin/sweep", json={"dry_run": dry_run})
            assert swept.status_code == 200
            assert len(swept.json()["counts"]) == len(Counts().as_dict())
        done, counted = admin.get("/api/admin/audit", params={"limit": 2}).json()["entries"]
    assert (counted["on"], done["on"]) == ({"dry_run": True}, {"dry_run": False})
    assert done["outcome"] == counted["outcome"] == "done"


def _of(admin: httpx2.Client, session: str) -> list[dict[str, Any]]:
    entries = admin.get("/api/admin/audit").json()["entries"]
    return [entry for entry in entries if entry["on"].get("session_id") == session]
