"""The contract that clients build on: paths, fields, words, headers."""

import json
import threading
from typing import Any

import httpx2
import pytest
import structlog
from pydantic import ValidationError
from structlog.testing import capture_logs

from app.main import build
from routes import statuses
from routes.answer_schemas import SegmentOut
from routes.bodies import MOST_BYTES
from routes.sessions import SessionIn
from services.errors import AudioUnreadable, KeysUnavailable
from services.interviews.model import SessionId, Viewer
from services.interviews.transcript import Segment, Word
from services.transcription.verdicts import VERSION
from tests.in_memory import OPERATOR, Q1
from tests.routes.api import QUESTIONS, WEBM, Api, NamedTokens, client_of, make_session, problem, upload


async def test_a_session_is_made_and_shown() -> None:
    api = Api()
    async with api.client() as client:
        made = await client.post("/api/sessions", json=QUESTIONS | {"title": "Databases"})
        assert made.status_code == 201
        assert made.headers["Location"] == f"/api/sessions/{made.json()['session_id']}"
        shown = await client.get(made.headers["Location"])
        assert shown.json()["questions"] == [
            {
                "id": "q1",
                "text": "Index?",
                "reference_answer": None,
                "key_points": [{"text": "avoids a full table scan", "weight": 1.0}],
                "language": None,
                "languages": [],
                "channels": 1,
            }
        ]
        assert (shown.json()["title"], shown.json()["user_id"]) == ("Databases", "alice")


async def test_an_upload_is_answered_at_once() -> None:
    async with Api().client() as client:
        session = await make_session(client)
        answer = await upload(client, session)
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "processing"
    assert body["message"] == "Audio uploaded successfully, transcription in progress"
    assert body["transcription_status"] == "queued"
    assert len(body["file_id"]) == 24
    assert answer.headers["Location"] == f"/api/transcription-status/{session}/q1"
    assert int(answer.headers["Retry-After"]) >= 1


async def test_the_status_goes_from_queued_to_completed_and_its_etag_with_it() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        where = (await upload(client, session)).headers["Location"]
        queued = await client.get(where)
        assert (queued.json()["status"], queued.json()["transcript"]) == ("queued", None)
        assert queued.headers["Retry-After"]
        same = await client.get(where, headers={"If-None-Match": queued.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")
        await api.house.work_off()
        done = await client.get(where, headers={"If-None-Match": queued.headers["ETag"]})
        assert done.status_code == 200
        body = done.json()
        assert (body["status"], body["question_id"], body["transcript"]) == ("completed", "q1", api.house.ears.said)
        assert (body["file_id"], body["no_speech"]) == (None, False)


async def test_all_statuses_of_a_session() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        where = f"/api/transcription-status/{session}"
        empty = await client.get(where)
        assert empty.json()["not_answered"] == ["q1"]
        await upload(client, session)
        queued = await client.get(where, headers={"If-None-Match": empty.headers["ETag"]})
        assert queued.status_code == 200
        assert queued.json()["session_id"] == session
        assert queued.json()["summary"] == {
            "total": 1,
            "completed": 0,
            "processing": 0,
            "queued": 1,
            "failed": 0,
            "questions": 1,
            "not_answered": 0,
        }
        assert queued.json()["answers"]["q1"]["status"] == "queued"
        again = await client.get(where, headers={"If-None-Match": queued.headers["ETag"]})
        assert again.status_code == 304


async def test_analyze_says_how_long_to_wait_and_then_the_scores() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        await upload(client, session)
        pending = await client.post(f"/api/analyze/{session}")
        assert pending.status_code == 202
        body = pending.json()
        assert (body["status"], body["pending_count"], body["processing_count"]) == ("transcription_pending", 1, 0)
        assert body["message"] == "Waiting for 1 transcription to complete"
        assert pending.headers["Retry-After"] == str(body["retry_after"])
        await api.house.work_off()
        done = await client.post(f"/api/analyze/{session}")
        assert done.status_code == 200
        body = done.json()
        assert (body["status"], body["final_score"], body["scored_count"]) == ("success", 100.0, 1)
        feedback = body["answers"][0]["feedback"]
        assert feedback[0]["quote"] in body["answers"][0]["transcript"]


async def test_a_failed_answer_says_why_and_is_named_by_analyze() -> None:
    api = Api()
    api.house.ears.trouble = [AudioUnreadable()]
    async with api.client() as client:
        session = await make_session(client)
        where = (await upload(client, session)).headers["Location"]
        await api.house.work_off()
        failed = (await client.get(where)).json()
        assert (failed["status"], failed["error"]["code"]) == ("failed", "audio_unreadable")
        done = (await client.post(f"/api/analyze/{session}")).json()
        assert (done["failed"], done["final_score"], done["scored_count"]) == (["q1"], None, 0)


async def test_segments_are_given_when_asked_for() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        where = (await upload(client, session)).headers["Location"]
        await api.house.work_off()
        assert (await client.get(where)).json()["segments"] is None
        assert (await client.get(where, params={"segments": "true"})).json()["segments"] == []


async def test_the_words_of_hours_are_put_together_beside_the_loop_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    api, listed, threads = Api(), SegmentOut.of, list[threading.Thread]()
    word = Word(text="so", start=0.0, end=0.5, probability=0.9)
    api.house.ears.segments = (Segment(text="so", start=0.0, end=0.5, words=(word,)),) * 3

    def noted(segment: Segment) -> SegmentOut:
        threads.append(threading.current_thread())
        return listed(segment)

    async with api.client() as client:
        session = await make_session(client)
        where = (await upload(client, session)).headers["Location"]
        await api.house.work_off()
        few = await client.get(where, params={"segments": "true"})
        monkeypatch.setattr(statuses, "MANY", 2)
        monkeypatch.setattr(SegmentOut, "of", noted)
        many = await client.get(where, params={"segments": "true"})
    assert many.json() == few.json()
    assert {**many.headers} == {**few.headers, "x-request-id": many.headers["x-request-id"]}
    assert threads
    assert threading.main_thread() not in threads


async def test_a_verdict_goes_with_the_words_wherever_they_show() -> None:
    api = Api()
    sure = Word(text="It avoids a full table scan.", start=0.0, end=1.5, probability=0.9)
    made_up = Word(text="Thank you.", start=2.0, end=3.5, probability=0.1)
    read = [Segment(text=word.text, start=word.start, end=word.end, words=(word,)) for word in (sure, made_up)]
    api.house.ears.segments = (*read, Segment(text="", start=4.0, end=5.5))
    verdict, words = "suspected_hallucination", ["ok", "suspected_hallucination", "incomplete"]
    async with api.client() as client:
        session = await make_session(client)
        where = (await upload(client, session)).headers["Location"]
        assert (await client.get(where)).json()["speech_verdict"] is None
        await api.house.work_off()
        answer = (await client.get(where, params={"segments": "true"})).json()
        assert (answer["speech_verdict"], answer["verdict_version"]) == (verdict, VERSION)
        assert [segment["speech_verdict"] for segment in answer["segments"]] == words
        shown = (await client.get(f"/api/sessions/{session}")).json()["answers"]["q1"]
        status = (await client.get(f"/api/transcription-status/{session}")).json()["answers"]["q1"]
        assert shown["speech_verdict"] == status["speech_verdict"] == verdict
        result = (await client.post(f"/api/analyze/{session}")).json()
        lengths = [segment["end"] - segment["start"] for segment in answer["segments"]]
        assert result["answers"][0]["speech_verdict"] == verdict
        assert result["answers"][0]["usable_share"] == pytest.approx(lengths[0] / sum(lengths), abs=0.001)
        assert result["unscored"] == {"q1": "too_little_usable"}
        events = (await client.get(f"/api/sessions/{session}/events", params={"since": 0})).json()["events"]
        told = {event["type"]: event["speech_verdict"] for event in events}
        assert told == dict.fromkeys(told) | {"answer.completed": verdict}


async def test_no_token_no_answer() -> None:
    async with Api().client(user=None) as client:
        answer = await client.post("/api/sessions", json=QUESTIONS)
        assert problem(answer) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        client.headers["Authorization"] = "Bearer mallory"
        assert problem(await client.post("/api/sessions", json=QUESTIONS)) == (401, "unauthenticated")


async def test_a_foreign_session_answers_like_one_that_is_not_there() -> None:
    api = Api()
    async with api.client() as alice, api.client("bob") as bob, api.client("admin") as admin:
        session = await make_session(alice)
        await upload(alice, session)
        for path in (f"/api/sessions/{session}", f"/api/transcription-status/{session}/q1"):
            foreign, absent = await bob.get(path), await bob.get(path.replace(session, "nowhere"))
            assert problem(foreign) == problem(absent) == (404, "session_not_found")
            assert foreign.json() == absent.json()
            assert (await admin.get(path)).status_code == 200
        assert problem(await upload(bob, session)) == (404, "session_not_found")
        assert problem(await bob.post(f"/api/analyze/{session}")) == (404, "session_not_found")


async def test_what_is_not_there_is_named() -> None:
    async with Api().client() as client:
        session = await make_session(client)
        status = f"/api/transcription-status/{session}"
        assert problem(await client.get(f"{status}/q1")) == (404, "answer_not_found")
        assert problem(await client.get(f"{status}/q9")) == (404, "question_not_found")
        assert problem(await client.get("/api/nothing")) == (404, "not_found")
        assert problem(await client.delete(status)) == (405, "method_not_allowed")


async def test_what_is_not_valid_is_named_with_its_place() -> None:
    async with Api().client() as client:
        bodies: list[dict[str, list[dict[str, object]]]] = [
            {"questions": []},
            {"questions": [{"id": "a.b", "text": "?"}]},
            {"questions": [{"id": "$q", "text": "?"}]},
            {"questions": [{"id": "q", "text": "?", "keypoints": []}]},
            {"questions": [{"id": "q", "text": "?"}] * 2},
        ]
        for body in bodies:
            answer = await client.post("/api/sessions", json=body)
            assert problem(answer) == (422, "invalid_request")
            assert answer.json()["errors"][0]["where"]
        assert problem(await client.get("/api/sessions/a%2eb")) == (422, "invalid_request")


ORIGIN = {"Origin": "https://frontend.example"}


async def test_an_unexpected_error_is_a_problem_too_and_can_be_found_in_the_log() -> None:
    api = Api()
    api.house.sessions.get = None  # type: ignore[method-assign,assignment]
    app = build(api.services, ["https://frontend.example"])
    async with app.router.lifespan_context(app):
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
            answer = await client_of(app, "alice").get("/api/sessions/any", headers=ORIGIN)
    assert problem(answer) == (500, "unexpected")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://frontend.example"
    (line,) = [line for line in logs if line["event"] == "unexpected"]
    assert (line["request"], line["error"]) == (answer.headers["X-Request-ID"], "TypeError")


async def test_whom_an_erasure_is_about_is_not_in_the_log_of_an_unexpected_error() -> None:
    api = Api()
    api.house.journal.begin_user = None  # type: ignore[method-assign,assignment]
    async with api.client("alice") as client:
        with capture_logs() as logs:
            answer = await client.delete("/api/users/alice/data")
    assert problem(answer) == (500, "unexpected")
    (line,) = [line for line in logs if line["event"] == "unexpected"]
    assert line["path"] == "/api/users/{user_id:path}/data"


async def test_a_refusal_before_any_route_can_be_read_by_a_frontend() -> None:
    api = Api()
    app = build(api.services, ["https://frontend.example"])
    async with app.router.lifespan_context(app):
        answer = await client_of(app, "alice").post("/api/sessions", content=b"x" * 300_000, headers=ORIGIN)
    assert problem(answer) == (413, "body_too_large")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://frontend.example"
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


async def test_what_is_private_says_so() -> None:
    async with Api().client() as client:
        session = await make_session(client)
        await upload(client, session)
        for path in (
            f"/api/sessions/{session}",
            "/api/webhooks",
            "/api/nothing",
            f"/api/transcription-status/{session}",
        ):
            headers = (await client.get(path)).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] in ("no-store", "private, no-cache"), path
        made = await client.post("/api/webhooks", json={"url": "https://hooks.example.com/"})
        assert made.headers["Cache-Control"] == "no-store"


async def test_a_path_with_a_slash_too_many_leads_nowhere_else() -> None:
    async with Api().client() as client:
        answer = await client.get("/api/webhooks/", headers={"Host": "evil.example"})
        assert problem(answer)[0] in (404, 405)
        assert "Location" not in answer.headers


async def test_the_document_is_written_once_however_often_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask for it, and writing it takes longer than what else anybody may ask for."""
    async with Api().client(None) as client:
        first = await client.get("/openapi.json")
        assert first.json()["paths"]

        def dumps(*_: object, **__: object) -> str:
            raise AssertionError("it is written again")

        monkeypatch.setattr(json, "dumps", dumps)
        again = await client.get("/openapi.json")
    assert (again.content, again.headers["Content-Type"]) == (first.content, "application/json")


async def test_under_a_prefix_all_is_as_without_one() -> None:
    api = Api()
    app = build(api.services)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, root_path="/voice")
        client = httpx2.AsyncClient(
            transport=transport, base_url="http://api", headers={"Authorization": "Bearer alice"}
        )
        assert (await client.get("/voice/openapi.json")).json()["servers"] == [{"url": "/voice"}]
        made = await client.post("/voice/api/sessions", json=QUESTIONS)
        assert made.headers["Location"] == f"/voice/api/sessions/{made.json()['session_id']}"
        where = f"/voice/api/upload-answer/{made.json()['session_id']}/q1"
        large = await client.post(where, files={"audio": ("a.webm", WEBM + bytes(MOST_BYTES))})
        assert problem(large) == (413, "audio_too_large")  # not for its being a large body
        taken = await client.post(where, files={"audio": ("a.webm", WEBM)})
        assert taken.status_code == 202
        assert (await client.get(taken.headers["Location"])).status_code == 200


WRONG: list[Any] = [
    {"questions": [{"key_points": [0] * 50}] * 200},
    {"questions": [0] * 50_000},
    {"questions": [{"id": "q", "text": "?", "key_points": [0] * 50_000}]},
    {f"field{number}": 0 for number in range(10_000)},
    {"questions": [{f"field{number}": 0 for number in range(10_000)}]},
    {"x" * 200_000: 0},
]


@pytest.mark.parametrize("body", WRONG, ids=range(6))
async def test_a_refusal_is_small_however_much_is_wrong(body: Any) -> None:
    async with Api().client() as client:
        answer = await client.post("/api/sessions", json=body)
        assert problem(answer) == (422, "invalid_request")
        assert 1 <= len(answer.json()["errors"]) <= 20
        assert len(answer.content) < 10_000


async def test_faults_are_not_all_looked_for_where_there_are_very_many() -> None:
    with pytest.raises(ValidationError) as raised:
        SessionIn.model_validate({"questions": [{"key_points": [0] * 50}] * 200})
    assert raised.value.error_count() <= 200 * 4  # of 20,000
    with pytest.raises(ValidationError) as raised:
        SessionIn.model_validate({"questions": [0] * 100_000})
    assert raised.value.error_count() == 1


async def test_key_points_are_bounded_in_all() -> None:
    async with Api().client() as client:
        questions = [{"id": f"q{n}", "text": "?", "key_points": ["a"] * 50} for n in range(21)]
        assert problem(await client.post("/api/sessions", json={"questions": questions}))[0] == 422
        assert (await client.post("/api/sessions", json={"questions": questions[:20]})).status_code == 201


async def test_each_answer_names_its_request() -> None:
    async with Api().client() as client:
        assert (await client.get("/healthz", headers={"X-Request-ID": "abc"})).headers["X-Request-ID"] == "abc"
        assert len((await client.get("/healthz", headers={"X-Request-ID": "a b"})).headers["X-Request-ID"]) == 16


async def test_both_users_keep_their_answers_apart() -> None:
    api = Api()
    async with api.client() as alice:
        bob = client_of(alice._transport.app, "bob")  # type: ignore[attr-defined]
        first, second = await make_session(alice), await make_session(bob)
        await upload(alice, first)
        await api.house.work_off()
        assert (await alice.get(f"/api/sessions/{first}")).json()["answers"][Q1]["status"] == "completed"
        assert (await bob.get(f"/api/sessions/{second}")).json()["answers"] == {}


async def test_a_token_that_cannot_be_checked_now_is_to_be_sent_again() -> None:
    class Away(NamedTokens):
        async def verify(self, token: str) -> Viewer:
            raise KeysUnavailable(retry_after=6.2)

    api = Api(tokens=Away())
    async with api.client() as client:
        for answer in (await client.get("/api/webhooks"), await client.post("/api/sessions", json=QUESTIONS)):
            assert problem(answer) == (503, "keys_unavailable")
            assert answer.headers["Retry-After"] == "7"
    assert [budget for budget, _ in api.house.limits.hits] == ["address"] * 2


def variants(etag: str) -> list[str]:
    strong = etag.removeprefix("W/")
    return [etag, strong, f'"other", {etag}', f'W/"a,b" ,{strong}', "*"]


async def test_what_has_not_changed_is_said_to_whoever_asks_in_whatever_form() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        await upload(client, session)
        status = f"/api/transcription-status/{session}"
        for path in (f"/api/sessions/{session}", status, f"{status}/q1", f"/api/sessions/{session}/events"):
            first = await client.get(path)
            assert first.headers["Cache-Control"] == "private, no-cache"
            for given in variants(first.headers["ETag"]):
                again = await client.get(path, headers={"If-None-Match": given})
                assert (again.status_code, again.content) == (304, b""), (path, given)
                assert again.headers["ETag"] == first.headers["ETag"]
                assert again.headers["Cache-Control"] == "private, no-cache"
                assert again.headers.get("Retry-After") == first.headers.get("Retry-After")
            for given in ("", "nonsense", 'W/"other"', first.headers["ETag"].strip('W/"')):
                assert (await client.get(path, headers={"If-None-Match": given})).status_code == 200
        assert "Retry-After" in (await client.get(f"{status}/q1")).headers


async def test_a_kept_recording_that_is_deleted_changes_what_is_shown_and_tells_nothing() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        status = (await upload(client, session)).headers["Location"]
        await api.house.intervention.fail(SessionId(session), Q1, "It will never be.", OPERATOR)
        before = [await client.get(path) for path in (status, f"/api/sessions/{session}/events?since=0")]
        await api.house.sweep.run(0.0)
        after = [await client.get(path) for path in (status, f"/api/sessions/{session}/events?since=0")]
    assert before[0].json()["file_id"]
    assert after[0].json()["file_id"] is None
    assert after[0].headers["ETag"] != before[0].headers["ETag"]
    assert after[1].json() == before[1].json()


async def test_a_long_transcript_is_whole_in_its_own_status() -> None:
    api = Api()
    api.house.ears.said = "函数 " * 40_000
    async with api.client() as client:
        session = await make_session(client)
        status = (await upload(client, session)).headers["Location"]
        await api.house.work_off()
        whole = (await client.get(status)).json()
        shown = (await client.get(f"/api/sessions/{session}")).json()["answers"]["q1"]
    assert (whole["transcript"], whole["transcript_is_cut"]) == (api.house.ears.said, False)
    assert api.house.ears.said.startswith(shown["transcript"])
    assert shown["transcript_is_cut"] is True
    assert len(shown["transcript"].encode()) <= 32_000
