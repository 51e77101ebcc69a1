"""The contract that clients build on: paths, fields, words, headers."""

from services.errors import AudioUnreadable
from tests.house import Q1
from tests.routes.api import QUESTIONS, Api, client_of, make_session, problem, upload


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


async def test_an_unexpected_error_is_a_problem_too() -> None:
    api = Api()
    api.house.sessions.get = None  # type: ignore[method-assign,assignment]
    async with api.client() as client:
        assert problem(await client.get("/api/sessions/any")) == (500, "unexpected")


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
