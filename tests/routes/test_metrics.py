"""What /metrics says, and to whom."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from scripts.stack.layout import ROOT
from services.errors import EngineRefused, StoreUnavailable
from services.operations.readings import Reading
from tests.routes.api import WEBM, Api, make_session, problem, upload
from tests.virtual_time import hurried

TOKEN = "metrics-token-of-the-test"


def samples(text: str) -> dict[str, float]:
    """Each sample under `name{label,label}`, without those of the time a counter was made."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(value for _, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def read(client: httpx2.AsyncClient, token: str = "admin") -> dict[str, float]:
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(answer.text)


async def fresh(api: Api, client: httpx2.AsyncClient) -> dict[str, float]:
    """Once the last look has gone stale."""
    api.house.overview._until = float("-inf")
    return await read(client)


@pytest.mark.parametrize("user", [None, "alice", "nobody", TOKEN + "x", TOKEN[:-1]])
async def test_only_the_token_or_an_admin_may_read(user: str | None) -> None:
    async with Api().client(user) as client:
        assert problem(await client.get("/metrics")) == (401, "unauthenticated")


@pytest.mark.parametrize("own", [None, ""])
async def test_no_token_set_opens_nothing(own: str | None) -> None:
    async with Api(metrics_token=own).client(None) as client:
        for given in ("", "None", "Bearer"):
            answer = await client.get("/metrics", headers={"Authorization": f"Bearer {given}"})
            assert problem(answer) == (401, "unauthenticated")
        assert await read(client)


async def test_the_token_and_an_admin_read_the_same() -> None:
    async with Api().client(None) as client:
        await read(client)
        assert (await read(client, TOKEN)).keys() == (await read(client)).keys()


async def test_an_answers_way_is_seen() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        await upload(client, session)
        api.house.memory.clock.advance(90)
        now = await fresh(api, client)
        assert (now["viva_parts{queued}"], now["viva_oldest_seconds{queued}"]) == (1, 90)
        assert (now["viva_audio_files"], now["viva_audio_bytes"]) == (1, len(WEBM))
        assert now["viva_rings_waiting"] == 1
        await api.house.work_off()
        now = await fresh(api, client)
    assert (now["viva_parts{queued}"], now["viva_oldest_seconds{queued}"], now["viva_audio_files"]) == (0, 0, 0)
    assert (now["viva_ended_total{completed}"], now["viva_deliveries_total"]) == (1, 1)
    assert now["viva_turnaround_seconds_sum"] == 90
    assert now["viva_turnaround_seconds_bucket{60.0}"] == 0
    assert now["viva_turnaround_seconds_bucket{120.0}"] == now["viva_turnaround_seconds_bucket{+Inf}"] == 1
    assert now["viva_scoring_backlog"] == now["viva_unsettled_backlog"] == 0


async def test_failures_are_counted_by_their_code() -> None:
    api = Api()
    api.house.ears.trouble = [EngineRefused()]
    async with api.client() as client:
        await upload(client, await make_session(client))
        await api.house.work_off()
        now = await fresh(api, client)
    assert (now["viva_failures_total{engine_refused}"], now["viva_failures_total{audio_unreadable}"]) == (1, 0)
    assert now["viva_ended_total{failed}"] == 1


async def test_what_the_sweep_does_and_when_is_seen() -> None:
    api = Api()
    async with api.client() as client:
        assert (await fresh(api, client))["viva_sweep_age_seconds"] == float("inf")
        await upload(client, await make_session(client))
        await api.house.claims.claim(next(iter(api.house.memory.rows)), "dead")
        api.house.memory.clock.advance(61)
        await api.house.sweep.run(24)
        api.house.memory.files["f" * 24] = {}  # type: ignore[index]
        await api.house.sweep.audit()
        api.house.memory.clock.advance(5)
        now = await fresh(api, client)
    assert (now["viva_sweep_actions_total{reclaimed}"], now["viva_sweep_actions_total{rung}"]) == (1, 0)
    assert (now["viva_sweep_runs_total"], now["viva_sweep_age_seconds"], now["viva_audit_age_seconds"]) == (1, 5, 5)
    assert (now["viva_orphans_total{files}"], now["viva_orphans_total{chunks}"]) == (1, 0)


async def test_requests_are_counted_under_their_template() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        for number in range(3):
            await client.get(f"/api/sessions/nowhere-{number}")
            await client.get(f"/nothing/{number}")
        await upload(client, session)
        now = await read(client)
    assert now["viva_http_requests_total{GET,/api/sessions/{session_id},404}"] == 3
    assert now["viva_http_requests_total{GET,unknown,404}"] == 3
    assert now["viva_http_requests_total{POST,/api/upload-answer/{session_id}/{question_id},202}"] == 1
    assert now["viva_http_request_seconds_count{POST,/api/upload-answer/{session_id}/{question_id}}"] == 1
    assert now["viva_http_received_bytes_total"] > len(WEBM)
    assert not [name for name in now if session in name or "nothing" in name]


async def test_an_error_of_ours_is_counted_as_500(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()

    async def breaks(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(api.house.sessions, "get", breaks)
    async with api.client() as client:
        assert (await client.get("/api/sessions/s1")).status_code == 500
        assert (await read(client))["viva_http_requests_total{GET,/api/sessions/{session_id},500}"] == 1


async def test_an_upload_in_flight_is_seen_and_its_bytes_pass_as_they_come() -> None:
    api, arrived, go_on = Api(), asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n' + WEBM
        arrived.set()
        await go_on.wait()
        yield b"\r\n--b--\r\n"

    async with api.client() as client:
        session = await make_session(client)
        where, kind = f"/api/upload-answer/{session}/q1", {"Content-Type": "multipart/form-data; boundary=b"}
        sending = asyncio.create_task(client.post(where, content=body(), headers=kind))
        await arrived.wait()
        while not api.house.memory.takes:
            await asyncio.sleep(0)
        now = await read(client)
        assert now["viva_http_uploads_in_flight"] == 1
        assert now["viva_http_received_bytes_total"] > len(WEBM)
        go_on.set()
        assert (await sending).status_code == 202
        assert (await read(client))["viva_http_uploads_in_flight"] == 0


async def test_without_the_store_and_the_broker_it_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    api.house.doorbell.broken = True

    async def is_away() -> Reading:
        raise StoreUnavailable

    monkeypatch.setattr(api.house.overview.gauges, "read", is_away)
    async with api.client() as client:
        now = await read(client)
    assert (now["viva_store_up"], now["viva_broker_up"]) == (0, 0)
    assert not [name for name in now if name.startswith(("viva_parts", "viva_ended", "viva_workers"))]
    assert now["process_resident_memory_bytes"] > 0


@hurried
async def test_many_who_ask_share_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    api, looks = Api(), 0
    honest = api.house.overview.gauges.read

    async def counted() -> Reading:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.01)
        return await honest()

    monkeypatch.setattr(api.house.overview.gauges, "read", counted)
    async with api.client() as client:
        await asyncio.gather(*(read(client) for _ in range(20)))
        assert looks == 1
        await fresh(api, client)
    assert looks == 2


async def test_every_metric_is_documented() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    async with Api().client("admin") as client:
        text = (await client.get("/metrics")).text
    documented = set(re.findall(r"`(\w+)[`{]", page))
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        if name.startswith("viva_") and not name.endswith("_created"):
            assert name in documented, name
