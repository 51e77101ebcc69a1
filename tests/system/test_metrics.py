"""What a running stack says of itself, over its published port."""

import httpx2

from tests.routes.test_metrics import samples
from tests.scripts.running import until
from tests.system.live import Stack, create, upload, wait_for
from tests.system.speech import samples as spoken

IN_WORK = ("viva_parts{queued}", "viva_parts{processing}", "viva_unsettled_backlog", "viva_scoring_backlog")


def seen(admin: httpx2.Client) -> dict[str, float]:
    return samples(admin.get("/metrics").text)


def at_rest(now: dict[str, float]) -> bool:
    """Nothing is in work, of this test or of another one before it."""
    return all(now.get(name, 0) == 0 for name in (*IN_WORK, "viva_audio_files"))


def test_an_answer_is_seen_from_upload_to_end_and_the_sweep_goes_on(stack: Stack) -> None:
    said = spoken()[0]
    with stack.client() as client, stack.client("root", admin=True) as admin:
        until(lambda: at_rest(seen(admin)))
        before = seen(admin)
        session = create(client, said.question)
        upload(client, session, said.id, said.audio.read_bytes())
        assert wait_for(client, session, said.id)["status"] == "completed"
        until(lambda: seen(admin)["viva_turnaround_seconds_count"] > before["viva_turnaround_seconds_count"])
        until(lambda: at_rest(seen(admin)))
        now = seen(admin)
        until(lambda: seen(admin)["viva_sweep_runs_total"] > now["viva_sweep_runs_total"])

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
