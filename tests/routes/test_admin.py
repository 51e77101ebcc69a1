"""The operators' routes: what they show, what they change, and who may use them."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from services.errors import AudioUnreadable, EngineUnavailable
from services.interviews.model import CallId, PartId, SessionId, UserId
from services.interviews.spoken import Told
from services.operations.oversight import Oversight
from services.operations.ports.audit_log import Action, Deed, Outcome
from services.operations.readings import Reading, Talking
from services.recordings.ports.workers import WorkerSign
from tests.in_memory import ADMIN, Q1, Interior
from tests.routes.api import QUESTIONS, WEBM, Api, client_of, make_session, problem, upload
from tests.routes.resumable.tus_client import create

WHY = {"reason": "It hangs."}
NONE = {"number": 0, "is_exact": True}
NOTHING: dict[str, object] = {"sessions": [], "next": None, "total": NONE}
ROUTES = [
    ("GET", "/api/admin/overview", None),
    ("GET", "/api/admin/sessions?q=x", None),
    ("GET", "/api/admin/stuck", None),
    ("GET", "/api/admin/failed", None),
    ("POST", "/api/admin/failed/retry", {"file_ids": ["0" * 24]}),
    ("GET", "/api/admin/trends?span=hour", None),
    ("POST", "/api/admin/answers/{session}/q1/retry", None),
    ("POST", "/api/admin/answers/{session}/q1/score", None),
    ("POST", "/api/admin/answers/{session}/q1/fail", WHY),
    ("POST", "/api/admin/sessions/{session}/hold", WHY),
    ("POST", "/api/admin/sessions/{session}/hold/lift", WHY),
    ("POST", "/api/admin/sweep", {"dry_run": False}),
    ("GET", "/api/admin/audit", None),
]


def of_alice(admin: httpx2.AsyncClient) -> httpx2.AsyncClient:
    return client_of(admin._transport.app, "alice")  # type: ignore[attr-defined]


async def failed_answer(api: Api, alice: httpx2.AsyncClient, trouble: type[Exception] = EngineUnavailable) -> str:
    session = await make_session(alice)
    await upload(alice, session)
    (id,) = api.house.doorbell.to_transcribe
    for _ in range(api.house.memory.terms.max_deliveries):
        api.house.ears.trouble = [trouble()]
        await api.house.worker().run(id)
        api.house.memory.clock.advance(200)
    api.house.ears.trouble.clear()
    api.house.doorbell.to_transcribe.clear()
    return session


async def test_it_is_for_admins_only() -> None:
    api = Api()
    async with api.client("alice") as alice:
        nobody, admin = (client_of(alice._transport.app, who) for who in (None, "admin"))  # type: ignore[attr-defined]
        session = await failed_answer(api, alice)
        for method, path, body in ROUTES:
            where = path.format(session=session)
            assert problem(await nobody.request(method, where, json=body)) == (401, "unauthenticated"), path
            assert problem(await alice.request(method, where, json=body)) == (403, "forbidden"), path
            assert problem(await alice.request(method, where)) == (403, "forbidden"), path
        assert api.house.audit_log.entries == []
        documented = (await admin.get("/openapi.json")).json()["paths"]
        known = {(m.upper(), p) for p, ms in documented.items() if p.startswith("/api/admin") for m in ms}
        named = {"{session}/q1": "{session_id}/{question_id}", "{session}/hold": "{session_id}/hold"}
        tried = {(m, p.partition("?")[0]) for m, p, _ in ROUTES}
        for short, whole in named.items():
            tried = {(m, p.replace(short, whole)) for m, p in tried}
        assert tried == known


async def test_a_failed_answer_is_listed_retried_and_completed() -> None:
    api = Api()
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        session = await failed_answer(api, alice)
        (listed,) = (await admin.get("/api/admin/failed")).json()["failed"]
        assert (listed["session_id"], listed["question_id"], listed["user_id"]) == (session, "q1", "alice")
        assert listed["error"]["code"] == "engine_unavailable"
        assert (listed["can_retry"], listed["audio_kept"], listed["deliveries"]) == (True, True, 3)
        retried = await admin.post(f"/api/admin/answers/{session}/q1/retry")
        assert (retried.status_code, retried.json()["status"]) == (202, "queued")
        status = retried.headers["Location"]
        assert (await alice.get(status)).json()["status"] == "queued"
        assert problem(await admin.post(f"/api/admin/answers/{session}/q1/retry")) == (409, "not_failed")
        await api.house.work_off()
        assert (await alice.get(status)).json()["transcript"] == api.house.ears.said
        assert (await admin.get("/api/admin/failed")).json() == {"failed": [], "next": None, "total": NONE}


@pytest.mark.parametrize(
    ("call", "way"), [(None, f"DELETE /api/uploads/{'0' * 24}"), (CallId("a-call"), "POST /api/calls/a-call/end")]
)
@pytest.mark.parametrize("deed", ["fail", "retry", "score"])
async def test_of_a_recording_that_arrives_it_is_said_how_it_is_ended(deed: str, call: CallId | None, way: str) -> None:
    api = Api()
    async with api.client("admin") as admin:
        session = await make_session(admin)
        told = Told(part_id=PartId("0" * 24), take=1, seconds=16.0, received=40.5, call_id=call)
        api.house.memory.utterances_told[SessionId(session), Q1] = told
        refused = await admin.post(f"/api/admin/answers/{session}/q1/{deed}", json=WHY if deed == "fail" else None)
    assert problem(refused) == (404, "answer_not_found")
    assert way in refused.json()["detail"]


async def test_why_an_answer_is_not_retried_is_said() -> None:
    api = Api()
    async with api.client("admin") as admin:
        session = await failed_answer(api, of_alice(admin), AudioUnreadable)
        refused = await admin.post(f"/api/admin/answers/{session}/q1/retry")
        assert problem(refused) == (409, "recording_gone")
        assert "recorded again" in refused.json()["detail"]
        (listed,) = (await admin.get("/api/admin/failed")).json()["failed"]
        assert (listed["can_retry"], listed["audio_kept"]) == (False, False)
        for path, code in {
            "nowhere/q1": "session_not_found",
            f"{session}/q9": "question_not_found",
            f"{await make_session(admin)}/q1": "answer_not_found",
        }.items():
            assert problem(await admin.post(f"/api/admin/answers/{path}/retry")) == (404, code)
            assert problem(await admin.post(f"/api/admin/answers/{path}/fail", json=WHY)) == (404, code)


async def test_a_take_that_is_not_the_newest_is_listed_and_cannot_be_retried() -> None:
    api = Api()
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        session = await failed_answer(api, alice)
        await upload(alice, session, WEBM + b"again")
        (listed,) = (await admin.get("/api/admin/failed")).json()["failed"]
        assert (listed["can_retry"], listed["audio_kept"], listed["take"]) == (False, True, 1)


async def test_an_answer_is_failed_with_a_reason_that_its_owner_reads() -> None:
    api = Api()
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        session = await make_session(alice)
        where = (await upload(alice, session)).headers["Location"]
        ended = await admin.post(f"/api/admin/answers/{session}/q1/fail", json={"reason": "  It hangs.  "})
        assert (ended.status_code, ended.json()["status"]) == (200, "failed")
        shown = (await alice.get(where)).json()
        assert shown["error"] == {"code": "failed_by_operator", "sentence": "It hangs."}
        assert shown["file_id"], "the recording is kept"
        assert problem(await admin.post(f"/api/admin/answers/{session}/q1/fail", json=WHY)) == (409, "not_in_work")
        assert (await alice.get("/problems/failed_by_operator")).status_code == 200


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, None, 7])
async def test_a_reason_is_a_sentence(reason: object) -> None:
    async with Api().client("admin") as admin:
        answer = await admin.post("/api/admin/answers/s/q1/fail", json={"reason": reason})
        assert problem(answer) == (422, "invalid_request")
        assert answer.json()["errors"][0]["where"] == ["body", "reason"]


async def test_the_overview_shows_how_everything_stands() -> None:
    api = Api()
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        await failed_answer(api, alice)
        await upload(alice, await make_session(alice))
        await api.house.work_off()
        await upload(alice, await make_session(alice))
        api.house.memory.clock.advance(121)
        await api.house.workers.seen(WorkerSign("w1", "local/tiny.en", 2))
        await api.house.sweep.run(24.0)
        body = (await admin.get("/api/admin/overview")).json()
    assert (body["queued"]["number"], body["processing"]["number"]) == (1, 0)
    assert body["completed"] == {"1": 0, "5": 1, "60": 1}
    assert body["failed"] == {span: {"engine_unavailable": 1} for span in ("hour", "day", "ever")}
    assert (body["storage"]["recordings"], body["storage"]["kept"]) == (2, 1)
    assert body["storage"]["audio_bytes"] == 2 * len(WEBM)
    assert [(worker["name"], worker["slots"]) for worker in body["workers"]] == [("w1", 2)]
    assert (body["broker"], body["rings_waiting"]) == (True, 1)
    assert (body["sweep"]["runs"], body["audit"]) == (1, {"runs": 0, "age_seconds": None})
    assert body["stuck"] == {"uploading": 0, "queued": 1, "processing": 0, "unsettled": 0, "unscored": 0}


async def test_the_overview_tells_of_what_arrives_and_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    honest = api.house.overview.gauges.read

    async def in_talks() -> Reading:
        return replace(await honest(), talking=Talking(number=3, with_ports=2, ending=1, receivers=1, places=10))

    monkeypatch.setattr(api.house.overview.gauges, "read", in_talks)
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        assert (await create(alice, await make_session(alice))).status_code == 201
        api.house.memory.clock.advance(30)
        body = (await admin.get("/api/admin/overview")).json()
    assert (body["arriving"]["number"], body["arriving"]["oldest_seconds"]) == (1, 30.0)
    assert body["calls"] == {"open": 3, "ending": 1, "receivers": 1, "places": 10, "places_taken": 2}


async def test_the_overview_says_that_redis_is_away() -> None:
    api = Api()
    api.house.doorbell.broken = True
    async with api.client("admin") as admin:
        body = (await admin.get("/api/admin/overview")).json()
    assert (body["broker"], body["rings_waiting"]) == (False, None)


async def test_what_waits_for_too_long_is_listed() -> None:
    api = Api()
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        session = await make_session(alice)
        await upload(alice, session)
        assert (await admin.get("/api/admin/stuck")).json() == {"seconds": 120, "stuck": []}
        api.house.memory.clock.advance(50)
        (stuck,) = (await admin.get("/api/admin/stuck", params={"seconds": 40})).json()["stuck"]
        assert (stuck["wait"], stuck["session_id"], stuck["seconds"], stuck["can_fail"]) == (
            "queued",
            session,
            50,
            True,
        )
        await api.house.claims.claim(api.house.doorbell.to_transcribe[0], "w7")
        api.house.memory.clock.advance(130)
        (stuck,) = (await admin.get("/api/admin/stuck")).json()["stuck"]
        assert (stuck["wait"], stuck["owner"], stuck["deliveries"]) == ("processing", "w7", 1)
        assert (await admin.get("/api/admin/overview")).json()["stuck"]["processing"] == 1


async def test_sessions_are_found() -> None:
    api = Api()
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        made = await alice.post("/api/sessions", json=QUESTIONS | {"title": "Databases, round 2"})
        session = made.json()["session_id"]
        await upload(alice, session)
        for sought in (session, "alice", "databases"):
            (found,) = (await admin.get("/api/admin/sessions", params={"q": sought})).json()["sessions"]
            assert (found["session_id"], found["title"], found["questions"]) == (session, "Databases, round 2", 1)
            answer = {"question_id": "q1", "take": 1, "status": "queued", "code": None, "audio_stored": True}
            assert found["answers"] == [answer]
        assert (await admin.get("/api/admin/sessions", params={"q": "round"})).json() == NOTHING
        assert problem(await admin.get("/api/admin/sessions", params={"q": ""})) == (422, "invalid_request")


async def test_all_sessions_are_listed_page_by_page_and_by_state_and_time() -> None:
    api = Api()
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        made = []
        for _ in range(5):
            made.append(await make_session(alice))
            api.house.memory.clock.advance(60)
        await upload(alice, made[2])
        first = (await admin.get("/api/admin/sessions", params={"limit": 3})).json()
        rest = (await admin.get("/api/admin/sessions", params={"limit": 3, "before": first["next"]})).json()
        listed = [seen["session_id"] for seen in first["sessions"] + rest["sessions"]]
        assert (listed, rest["next"]) == (made[::-1], None)
        assert first["total"] == rest["total"] == {"number": 5, "is_exact": True}
        (waits,) = (await admin.get("/api/admin/sessions", params={"state": "pending"})).json()["sessions"]
        assert waits["session_id"] == made[2]
        second, last = first["sessions"][1]["created_at"], rest["sessions"][-1]["created_at"]
        within = await admin.get("/api/admin/sessions", params={"since": last, "until": second})
        assert [seen["session_id"] for seen in within.json()["sessions"]] == made[2::-1]
        await admin.get("/api/admin/sessions", params={"q": "alice", "state": "failed"})
        assert [entry.deed.on for entry in api.house.audit_log.entries] == [
            {},
            {"state": "pending"},
            {"since": "2026-01-01T00:00:00+00:00", "until": "2026-01-01T00:03:00+00:00"},
            {"sought": "alice", "state": "failed"},
        ], "what was written stands alone, so that an erasure finds it"


@pytest.mark.parametrize(
    "asked", [{"state": "asleep"}, {"since": "2026-01-01T00:00:00"}, {"until": "noon"}, {"before": "1-$ne"}]
)
async def test_what_sessions_are_asked_for_is_checked(asked: dict[str, str]) -> None:
    async with Api().client("admin") as admin:
        assert problem(await admin.get("/api/admin/sessions", params=asked)) == (422, "invalid_request")


async def test_failures_are_narrowed_to_what_is_looked_for() -> None:
    api = Api()
    async with api.client("admin") as admin:
        await failed_answer(api, of_alice(admin))
        for asked, number in (
            ({"code": "engine_unavailable"}, 1),
            ({"code": "worker_lost"}, 0),
            ({"user": "alice"}, 1),
            ({"user": "bob"}, 0),
            ({"since": "2026-01-01T00:00:00Z"}, 1),
            ({"until": "2026-01-01T00:00:00+00:00"}, 0),
            ({"can_retry": "true"}, 1),
        ):
            page = (await admin.get("/api/admin/failed", params=asked)).json()
            assert len(page["failed"]) == number, asked
            assert page["total"] == (None if "can_retry" in asked else {"number": number, "is_exact": True})
        for wrong in ({"code": "$ne"}, {"since": "2026-01-01"}, {"can_retry": "perhaps"}):
            assert problem(await admin.get("/api/admin/failed", params=wrong)) == (422, "invalid_request")


async def test_several_failures_are_retried_by_what_the_list_calls_them() -> None:
    api = Api()
    async with api.client("admin") as admin:
        session = await failed_answer(api, of_alice(admin))
        (listed,) = (await admin.get("/api/admin/failed")).json()["failed"]
        ids = [listed["file_id"], listed["file_id"], "0" * 24]
        retried = await admin.post("/api/admin/failed/retry", json={"file_ids": ids})
        first, second = retried.json()["answers"]
        assert first == {"file_id": listed["file_id"], "problem": None}
        assert (second["file_id"], second["problem"]["code"]) == ("0" * 24, "answer_not_found")
        assert retried.json()["retry_after"] is None
        await api.house.work_off()
        assert (await admin.get(f"/api/transcription-status/{session}/q1")).json()["status"] == "completed"
        (entry,) = [e for e in (await admin.get("/api/admin/audit")).json()["entries"] if e["action"] == "retry"]
        assert (entry["on"]["among"], entry["outcome"], entry["after"]["state"]) == (2, "done", "queued")


@pytest.mark.parametrize("ids", [[], ["0" * 24] * 201, ["0" * 23], ["$ne"], [7], "0" * 24, None])
async def test_what_is_to_be_retried_is_checked(ids: object) -> None:
    async with Api().client("admin") as admin:
        answer = await admin.post("/api/admin/failed/retry", json={"file_ids": ids})
        assert problem(answer) == (422, "invalid_request")


async def test_each_of_several_retries_counts_as_a_request() -> None:
    api = Api()
    async with api.client("admin") as admin:
        await failed_answer(api, of_alice(admin))
        (listed,) = (await admin.get("/api/admin/failed")).json()["failed"]
        api.house.limits.left["requests"] = 1
        full = (await admin.post("/api/admin/failed/retry", json={"file_ids": [listed["file_id"]]})).json()
        assert full == {"answers": [], "retry_after": 7}
        del api.house.limits.left["requests"]
        assert (await admin.get("/api/admin/failed")).json()["total"]["number"] == 1


async def test_trends_show_what_the_sweep_has_noted() -> None:
    api = Api()
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        await upload(alice, await make_session(alice))
        await api.house.work_off()
        await upload(alice, await make_session(alice))
        api.house.memory.clock.advance(90)
        await api.house.sweep.run(24.0)
        for span, number, seconds in (("hour", 60, 60), ("day", 96, 900)):
            body = (await admin.get("/api/admin/trends", params={"span": span})).json()
            assert (body["span"], body["bin_seconds"], len(body["bins"])) == (span, seconds, number)
            (seen,) = [each for each in body["bins"] if each["accepted"]]
            assert (seen["seen"], seen["accepted"], seen["completed"], seen["failed"]) == (True, 2, 1, 0)
            assert max(each["waiting"] or 0 for each in body["bins"]) == 1
        assert problem(await admin.get("/api/admin/trends", params={"span": "year"})) == (422, "invalid_request")


@pytest.mark.parametrize("address", [None, "https://grafana.example/d/viva"])
async def test_the_overview_says_where_grafana_is(address: str | None) -> None:
    async with Api(grafana_url=address).client("admin") as admin:
        assert (await admin.get("/api/admin/overview")).json()["grafana_url"] == address


async def test_a_sweep_by_hand_counts_first_and_then_does() -> None:
    api = Api()
    async with api.client("admin") as admin:
        await upload(admin, await make_session(admin))
        (id,) = api.house.doorbell.to_transcribe
        await api.house.claims.claim(id, "dead")
        api.house.memory.clock.advance(100)
        for dry_run, deliveries in ((True, "processing"), (False, "queued")):
            swept = (await admin.post("/api/admin/sweep", json={"dry_run": dry_run})).json()
            counts = {each["name"]: each["count"] for each in swept["counts"]}
            assert (swept["dry_run"], counts["reclaimed"]) == (dry_run, 1)
            assert api.house.part(id).state.value == deliveries
        assert all(len(each["what"]) > 10 for each in swept["counts"])
        assert problem(await admin.post("/api/admin/sweep", json={})) == (422, "invalid_request")


async def test_everything_that_was_done_is_in_the_log() -> None:
    api = Api()
    async with api.client("admin") as admin:
        session = await failed_answer(api, of_alice(admin))
        await admin.post(f"/api/admin/answers/{session}/q1/retry", headers={"X-Request-ID": "my-own-request"})
        await admin.post(f"/api/admin/answers/{session}/q1/retry")
        await admin.post(f"/api/admin/answers/{session}/q1/fail", json=WHY)
        await admin.post("/api/admin/sweep", json={"dry_run": True})
        entries: list[dict[str, Any]] = (await admin.get("/api/admin/audit")).json()["entries"]
    seen = [(entry["action"], entry["outcome"], entry["reason"]) for entry in entries[::-1]]
    assert seen == [("retry", "done", None), ("retry", "refused", None), ("fail", "done", WHY["reason"]),
                    ("sweep", "done", None)]  # fmt: skip
    first = entries[-1]
    assert (first["who"], first["request_id"]) == ("root", "my-own-request")
    assert first["on"]["session_id"] == session and first["on"]["question_id"] == Q1
    assert (first["before"]["state"], first["after"]["state"]) == ("failed", "queued")
    assert entries[-2]["after"] == {"problem": "not_failed"}
    assert all(entry["ended_at"] for entry in entries)


@pytest.mark.parametrize("action", Action)
async def test_whatever_an_operator_may_do_the_log_shows_it(action: Action) -> None:
    api = Api()
    deed = Deed(who=UserId("root"), action=action, on={}, before={}, request_id="r")
    async with api.client("admin") as admin:
        await api.house.audit_log.end(await api.house.audit_log.begin(deed), Outcome.DONE, {})
        (entry,) = (await admin.get("/api/admin/audit")).json()["entries"]
    assert (entry["action"], entry["outcome"]) == (action.value, "done")


async def test_the_log_is_read_page_by_page_and_no_route_changes_it() -> None:
    api = Api()
    async with api.client("admin") as admin:
        for _ in range(5):
            await admin.post("/api/admin/sweep", json={"dry_run": True})
            api.house.memory.clock.advance(1)
        ids: list[str] = []
        before: dict[str, str] = {}
        while True:
            page = (await admin.get("/api/admin/audit", params={"limit": 2, **before})).json()
            ids += [entry["id"] for entry in page["entries"]]
            if page["next"] is None:
                break
            before = {"before": page["next"]}
        assert len(ids) == len(set(ids)) == 5
        assert problem(await admin.get("/api/admin/audit", params={"before": "x"})) == (422, "invalid_request")
        for method in ("DELETE", "PUT", "PATCH", "POST"):
            for path in ("/api/admin/audit", f"/api/admin/audit/{ids[0]}"):
                assert (await admin.request(method, path)).status_code in (404, 405)


async def test_the_failures_are_read_page_by_page() -> None:
    api = Api()
    async with api.client("admin") as admin:
        alice = of_alice(admin)
        sessions = [await failed_answer(api, alice) for _ in range(3)]
        first = (await admin.get("/api/admin/failed", params={"limit": 2})).json()
        rest = (await admin.get("/api/admin/failed", params={"limit": 2, "before": first["next"]})).json()
    found = [failed["session_id"] for failed in [*first["failed"], *rest["failed"]]]
    assert (found, rest["next"]) == (sessions[::-1], None)


async def test_what_operators_read_of_others_is_in_the_log_and_what_is_their_own_is_not() -> None:
    api = Api()
    async with api.client() as alice, api.client("admin") as admin:
        own, others = await make_session(admin), await make_session(alice)
        await upload(alice, others)
        for path in (f"/api/sessions/{own}", f"/api/transcription-status/{own}"):
            assert (await admin.get(path)).status_code == 200
            assert (await alice.get(path.replace(own, others))).status_code == 200
        assert (await admin.get("/api/admin/audit")).json()["entries"] == []
        assert (await admin.get("/api/sessions/nowhere")).status_code == 404
        paths = [f"/api/sessions/{others}", f"/api/transcription-status/{others}/q1", f"/api/sessions/{others}/events"]
        for path in paths:
            assert (await admin.get(path, headers={"X-Request-ID": "a-look"})).status_code == 200
        await admin.get("/api/admin/sessions", params={"q": "alice"})
        entries = (await admin.get("/api/admin/audit")).json()["entries"]
    assert [(entry["who"], entry["action"], entry["on"], entry["outcome"]) for entry in entries] == [
        ("root", "read", {"sought": "alice"}, "done"),
        ("root", "read", {"session_id": others, "user_id": "alice"}, "done"),
    ]
    assert entries[1]["request_id"] == "a-look"


async def test_each_way_to_a_session_is_seen() -> None:
    for method, path in (
        ("GET", "/api/sessions/{id}"),
        ("GET", "/api/transcription-status/{id}"),
        ("GET", "/api/transcription-status/{id}/q1"),
        ("GET", "/api/sessions/{id}/events"),
        ("GET", "/api/sessions/{id}/events?wait=0.01"),
        ("POST", "/api/sessions/{id}/tickets"),
        ("POST", "/api/analyze/{id}"),
    ):
        api = Api()
        async with api.client() as alice, api.client("admin") as admin:
            session = await make_session(alice)
            await upload(alice, session)
            assert (await admin.request(method, path.format(id=session))).is_success
        assert [entry.deed.action.value for entry in api.house.audit_log.entries] == ["read"], path


async def test_a_look_that_goes_on_is_noted_now_and_then() -> None:
    house, now = Interior(), [0.0]
    oversight = Oversight(audit_log=house.audit_log, clock=lambda: now[0])
    session = await house.sessions.get(await house.session(), ADMIN)
    for seconds in (0.0, 1.0, 599.0, 600.0, 700.0):
        now[0] = seconds
        await oversight.saw(ADMIN, session)
    assert len(house.audit_log.entries) == 2


async def test_a_number_is_no_time() -> None:
    async with Api().client("admin") as admin:
        answer = await admin.get("/api/admin/sessions", params={"since": "0.5"})
    assert answer.status_code == 422
    assert "ISO 8601" in answer.json()["errors"][0]["what"]
