"""A request is served by the loop alone: a hop to a thread and back costs more than most of them."""

import anyio.to_thread
import pytest

from tests.routes.api import Api, make_session, upload


async def test_no_request_waits_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    api, asked = Api(), []

    async def run_sync(what: object, *_: object, **__: object) -> object:
        asked.append(what)
        raise AssertionError(f"{what} runs in a thread")

    async with api.client() as client:
        monkeypatch.setattr(anyio.to_thread, "run_sync", run_sync)
        session = await make_session(client)
        answers = [
            await upload(client, session),
            await client.get(f"/api/transcription-status/{session}"),
            await client.get(f"/api/transcription-status/{session}/q1"),
            await client.get(f"/api/sessions/{session}"),
            await client.get(f"/api/sessions/{session}/events", params={"since": 0}),
            await client.post(f"/api/analyze/{session}"),
            await client.get("/readyz"),
            await client.get("/metrics", headers={"Authorization": f"Bearer {api.metrics_token}"}),
        ]
    assert asked == []
    assert all(answer.status_code < 400 for answer in answers), [answer.status_code for answer in answers]
