"""What a running stack says of itself, over its published port."""

import time

import httpx2

from tests.routes.test_metrics import samples
from tests.scripts.running import until
from tests.system.live import Stack, create, upload, wait_for
from tests.system.speech import samples as spoken


def test_an_answer_is_seen_from_upload_to_end_and_the_sweep_goes_on(stack: Stack) -> None:
    said = spoken()[0]
    with stack.client() as client, stack.client("root", admin=True) as admin:
        time.sleep(3)  # what is answered may be two seconds old
        before = samples(admin.get("/metrics").text)
        session = create(client, said.question)
        upload(client, session, said.id, said.audio.read_bytes())
        assert wait_for(client, session, said.id)["status"] == "completed"
        time.sleep(3)
        until(lambda: samples(admin.get("/metrics").text)["viva_scoring_backlog"] == 0, 30)
        now = samples(admin.get("/metrics").text)
        until(lambda: samples(admin.get("/metrics").text)["viva_sweep_runs_total"] > now["viva_sweep_runs_total"], 30)

    def rise(name: str) -> float:
        return now[name] - before[name]

    assert rise("viva_ended_total{completed}") == rise("viva_turnaround_seconds_count") == 1
    assert rise("viva_http_received_bytes_total") > said.audio.stat().st_size
    template = "viva_http_requests_total{POST,/api/upload-answer/{session_id}/{question_id},202}"
    assert now[template] - before.get(template, 0) == 1
    assert (now["viva_store_up"], now["viva_broker_up"], now["viva_workers"] >= 1) == (1, 1, True)
    assert (now["viva_audio_files"], now["viva_unsettled_backlog"]) == (0, 0)
    assert now["viva_sweep_age_seconds"] < 60


def test_nobody_else_may_look(stack: Stack) -> None:
    assert httpx2.get(f"{stack.url}/metrics", trust_env=False).status_code == 401
    with stack.client() as client:
        assert client.get("/metrics").status_code == 401
