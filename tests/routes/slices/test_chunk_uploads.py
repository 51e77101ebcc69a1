"""Recordings in numbered slices, by the field names of earlier recorders."""

import asyncio
import hashlib
from itertools import permutations

import httpx2
import pytest

from routes.held_forms import Held
from services.recordings.arrivals import ArrivalLimits
from tests.routes.api import client_of, problem
from tests.routes.slices.doors import Doors, complete, recorded, recorded_anew, send, session_of


async def test_slices_become_the_recording_that_was_made() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        for index, data in enumerate(slices):
            answer = await send(client, session, index, data)
            body = answer.json()
            assert answer.status_code == 200, answer.text
            assert (body["success"], body["chunk_index"], body["state"]) == (True, index, "received")
            assert body["s3_key"] == f"audio/{session}/chunk_{index:04d}.webm"
            assert body["duration"] == pytest.approx(1.0, abs=0.07)
        done = await complete(client, session, len(slices))
        assert done.status_code == 202, done.text
        body = done.json()
        assert (body["success"], body["take"], body["question_id"]) == (True, 1, "q1")
        assert body["sha256"] == hashlib.sha256(b"".join(slices)).hexdigest()
        assert doors.stored(body["file_id"]) == b"".join(slices)
        status = await client.get(f"/api/transcription-status/{session}/q1")
        assert status.json()["status"] == "queued"


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_slices_may_come_in_any_order_and_twice(order: tuple[int, ...]) -> None:
    doors, slices = Doors(), recorded_anew()
    async with doors.client() as client:
        session = await session_of(client)
        for index in (*order, *order):
            assert (await send(client, session, index, slices[index])).status_code == 200
        done = await complete(client, session, 3)
        assert doors.stored(done.json()["file_id"]) == b"".join(slices)


async def test_slices_that_come_at_once_are_of_one_recording() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        answers = await asyncio.gather(*(send(client, session, n, data) for n, data in enumerate(slices)))
        assert len({answer.json()["upload_id"] for answer in answers}) == 1
        done = await complete(client, session, len(slices))
        assert (done.status_code, done.json()["take"]) == (202, 1)


async def test_who_ends_too_early_is_told_what_is_missing() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        for index in (0, 3):
            assert (await send(client, session, index, slices[index])).status_code == 200
        early = await complete(client, session, 5)
        assert problem(early) == (409, "slices_missing")
        assert early.json()["missing"] == [1, 2, 4]
        for index in (1, 2, 4):
            await send(client, session, index, slices[index])
        done = await complete(client, session, 5)
        assert doors.stored(done.json()["file_id"]) == b"".join(slices)


async def test_an_end_that_is_told_twice_is_one() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        for index, data in enumerate(slices):
            await send(client, session, index, data)
        first, second = [await complete(client, session, len(slices)) for _ in range(2)]
        assert first.json() == second.json()
        late = await send(client, session, 2, slices[2])
        assert (late.status_code, late.json()["state"]) == (200, "received")
        assert len(doors.arrived) == 1


async def test_slices_after_the_end_are_of_the_next_take() -> None:
    doors, slices, others = Doors(), recorded(), recorded_anew()
    async with doors.client() as client:
        session = await session_of(client)
        for index, data in enumerate(slices):
            await send(client, session, index, data)
        await complete(client, session, len(slices))
        for index in (1, 0, 2):
            assert (await send(client, session, index, others[index])).status_code == 200
        done = await complete(client, session, 3)
        assert done.json()["take"] == 2
        assert doors.stored(done.json()["file_id"]) == b"".join(others)


async def test_a_slice_that_differs_from_itself_is_refused() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        await send(client, session, 1, slices[1])
        assert problem(await send(client, session, 1, slices[2])) == (409, "slice_differs")


async def test_the_question_is_named_where_there_are_several() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client, "q1", "q2")
        assert problem(await send(client, session, 0, slices[0])) == (400, "answer_unnamed")
        assert problem(await send(client, session, 0, slices[0], question_id="q9")) == (404, "question_not_found")
        for question in ("q1", "q2"):
            assert (await send(client, session, 0, slices[0], question_id=question)).status_code == 200
        assert problem(await complete(client, session, 1)) == (400, "answer_unnamed")
        ended = [await complete(client, session, 1, question_id=question) for question in ("q1", "q2")]
        assert [answer.json()["question_id"] for answer in ended] == ["q1", "q2"]


async def test_what_a_client_says_badly_is_named() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        for wrong in ("-1", "x", "1.5", "100000", "9" * 400):
            answer = await send(client, session, 0, slices[0], chunk_index=wrong)
            assert problem(answer) == (422, "invalid_request")
            assert [fault["where"] for fault in answer.json()["errors"]] == [["body", "chunk_index"]]
        for wrong in ("-0.1", "NaN", "inf", "1e9", "soon"):
            answer = await send(client, session, 0, slices[0], start_time=wrong)
            assert problem(answer) == (422, "invalid_request")
        assert problem(await send(client, session, 0, b"")) == (400, "slice_invalid")
        assert problem(await send(client, session, 0, b"no audio at all" * 10)) == (415, "not_audio")
        assert problem(await send(client, session, 0, bytes(60_000))) == (413, "too_large_to_check")
        plain = await client.post("/api/audio/upload-chunk", content=b"x", headers={"Content-Type": "audio/webm"})
        assert problem(plain) == (400, "upload_malformed")
        assert "'audio_chunk'" in plain.json()["detail"]
        other = await client.post("/api/audio/upload-chunk", files={"audio": ("a", slices[0])})
        assert problem(other) == (400, "audio_field_missing")
        assert problem(await complete(client, session, 1)) == (404, "upload_not_found")
        assert problem(await complete(client, session, -1)) == (422, "invalid_request")


async def test_nobody_sends_to_anothers_session() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as alice:
        session = await session_of(alice)
        await send(alice, session, 0, slices[0])
        bob = client_of(alice._transport.app, "bob")  # type: ignore[attr-defined]
        nobody = client_of(alice._transport.app, None)  # type: ignore[attr-defined]
        for there in (session, "A" * 22):
            assert problem(await send(bob, there, 0, slices[0])) == (404, "session_not_found")
            assert problem(await complete(bob, there, 1)) == (404, "session_not_found")
            assert problem(await send(nobody, there, 0, slices[0])) == (401, "unauthenticated")
        assert len(doors.arrived) == 1


async def test_forms_are_held_within_bounds() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        held: Held = client._transport.app.state.held  # type: ignore[attr-defined]
        held.most = len(slices[0]) - 1
        answer = await send(client, session, 0, slices[0])
        assert problem(answer) == (503, "uploads_saturated")
        assert answer.headers["Retry-After"] == "1"
        held.most = len(slices[0])
        assert (await send(client, session, 0, slices[0])).status_code == 200
        assert held.bytes == 0


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=b", "audio/webm"])
async def test_what_is_no_form_is_told_how_it_is_sent_to_this_door(kind: str) -> None:
    async with Doors().client() as client:
        answer = await client.post("/api/audio/upload-chunk", content=b"no form", headers={"Content-Type": kind})
        assert problem(answer) == (400, "upload_malformed")
        assert "'audio_chunk'" in answer.json()["detail"]


async def test_as_many_recordings_arrive_as_are_allowed() -> None:
    doors, slices = Doors(limits=ArrivalLimits(most_of_user=1)), recorded()
    async with doors.client() as client:
        session = await session_of(client, "q1", "q2")
        assert (await send(client, session, 0, slices[0], question_id="q1")).status_code == 200
        answer = await send(client, session, 0, slices[0], question_id="q2")
        assert problem(answer) == (429, "too_many_arrivals")


async def test_the_numbered_door_takes_the_other_names() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        for index, data in enumerate(slices):
            form = {"chunkIndex": str(index), "sessionId": session}
            answer = await client.post("/api/upload-audio-chunk", files={"chunk": ("blob", data)}, data=form)
            assert answer.status_code == 200, answer.text
            assert answer.json()["id"] == f"{answer.json()['upload_id']}-{index}"
        done = await complete(client, session, len(slices))
        assert doors.stored(done.json()["file_id"]) == b"".join(slices)


async def file_slice(
    client: httpx2.AsyncClient, index: int, data: bytes, total: int, uuid: str, **more: str
) -> httpx2.Response:
    form = {"chunk_index": str(index), "total_chunks": str(total), "file_uuid": uuid, "content_type": "audio/wav"}
    return await client.post("/file/upload-chunk", files={"chunk": ("blob", data)}, data={**form, **more})


async def test_a_named_file_comes_in_slices_without_headers() -> None:
    doors, slices, uuid = Doors(), recorded(), "0190c1a5-7d2e-4c4f-9d53-000000000001"
    async with doors.client() as client:
        session = await session_of(client)
        for index in range(len(slices) - 1):
            answer = await file_slice(client, index, slices[index], len(slices), uuid, session_id=session)
            assert answer.status_code == 200, answer.text
            assert (answer.json()["file_uuid"], answer.json()["total_chunks"]) == (uuid, len(slices))
        final = {"file_uuid": uuid, "content_type": "audio/wav"}
        early = await client.post("/file/finalize-chunked-upload", json=final)
        assert (problem(early), early.json()["missing"]) == ((409, "slices_missing"), [len(slices) - 1])
        await file_slice(client, len(slices) - 1, slices[-1], len(slices), uuid, session_id=session)
        done = await client.post("/file/finalize-chunked-upload", json=final)
        assert done.status_code == 202, done.text
        body = done.json()
        assert (body["file_uuid"], body["file_path"], body["static_url"]) == (uuid, None, None)
        assert doors.stored(body["file_id"]) == b"".join(slices)
        late = await file_slice(client, 0, slices[1], len(slices), uuid, session_id=session)
        assert problem(late) == (409, "upload_complete")
        assert (await client.post("/file/finalize-chunked-upload", json=final)).json() == body


async def finalized(client: httpx2.AsyncClient, uuid: str, **more: str) -> httpx2.Response:
    return await client.post("/file/finalize-chunked-upload", json={"file_uuid": uuid, **more})


@pytest.mark.parametrize("named_with", ["end", "a slice"])
async def test_whose_file_it_is_may_be_said_later(named_with: str) -> None:
    doors, slices, uuid = Doors(), recorded(), "a-name-of-its-own"
    async with doors.client() as client:
        session, other = await session_of(client, "q1", "q2"), await session_of(client)
        answer = {"session_id": session, "question_id": "q2"}
        for index, data in enumerate(slices):
            said = answer if named_with == "a slice" and index == 2 else {}
            assert (await file_slice(client, index, data, len(slices), uuid, **said)).status_code == 200
        if named_with == "end":
            assert problem(await finalized(client, uuid)) == (400, "answer_unnamed")
            assert problem(await finalized(client, uuid, session_id=session)) == (400, "answer_unnamed")
            assert problem(await finalized(client, uuid, session_id="A" * 22)) == (404, "session_not_found")
            bob = client_of(client._transport.app, "bob")  # type: ignore[attr-defined]
            assert problem(await finalized(bob, uuid)) == (404, "upload_not_found")
            theirs = await session_of(bob)
            assert problem(await finalized(client, uuid, session_id=theirs)) == (404, "session_not_found")
            status = await client.get(f"/api/transcription-status/{session}/q2")
            assert problem(status) == (404, "answer_not_found")
        else:
            differs = await file_slice(client, 0, slices[0], len(slices), uuid, session_id=other)
            assert problem(differs) == (409, "answer_differs")
            answer = {}
        done = await finalized(client, uuid, **answer)
        assert done.status_code == 202, done.text
        assert (done.json()["question_id"], done.json()["take"]) == ("q2", 1)
        assert doors.stored(done.json()["file_id"]) == b"".join(slices)
        assert (await finalized(client, uuid)).json() == done.json()
        assert problem(await finalized(client, uuid, session_id=other)) == (409, "answer_differs")
        status = await client.get(f"/api/transcription-status/{session}/q2")
        assert status.json()["status"] == "queued"


async def test_what_is_nobodys_answer_yet_holds_up_no_analysis() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        await file_slice(client, 0, slices[0], len(slices), "a-name-of-its-own")
        await send(client, session, 0, slices[0])
        await complete(client, session, 1)
        await doors.house.work_off()
        assert (await client.post(f"/api/analyze/{session}")).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("content_type", "audio/../../etc/passwd", (422, "invalid_request")),
        ("content_type", "text/html", (422, "invalid_request")),
        ("file_uuid", "../../x", (422, "invalid_request")),
        ("total_chunks", "0", (422, "invalid_request")),
        ("chunk_index", "7", (400, "slice_invalid")),
    ],
)
async def test_what_is_said_of_a_file_is_bounded(field: str, value: str, found: tuple[int, str]) -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        said = {"session_id": await session_of(client), field: value}
        answer = await file_slice(client, 0, slices[0], len(slices), "a-name-of-its-own", **said)
        assert problem(answer) == found


async def whole(client: httpx2.AsyncClient, data: bytes, **fields: str) -> httpx2.Response:
    return await client.post("/upload-local-chunked", files={"file": ("a.webm", data)}, data=fields)


async def test_a_whole_file_is_taken_as_it_comes() -> None:
    doors, recording = Doors(), b"".join(recorded())
    async with doors.client() as client:
        session = await session_of(client)
        said = {"session_id": session, "content_type": "audio/webm;codecs=opus", "chunk_size": "8192"}
        answer = await whole(client, recording, **said)
        assert answer.status_code == 202, answer.text
        assert doors.stored(answer.json()["file_key"]) == recording
        for size in ("1", "0", "-1", "99999999", "x"):
            assert problem(await whole(client, recording, **{**said, "chunk_size": size})) == (422, "invalid_request")
        assert problem(await whole(client, recording, content_type="audio/webm")) == (400, "answer_unnamed")
        bob = client_of(client._transport.app, "bob")  # type: ignore[attr-defined]
        assert problem(await whole(bob, recording, **said)) == (404, "session_not_found")


async def test_an_operator_sends_for_the_owner() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as alice:
        session = await session_of(alice)
        operator = client_of(alice._transport.app, "admin")  # type: ignore[attr-defined]
        await send(alice, session, 0, slices[0])
        for index, data in enumerate(slices[1:], 1):
            assert (await send(operator, session, index, data)).status_code == 200
        done = await complete(operator, session, len(slices))
        assert done.status_code == 202, done.text
        assert (len(doors.arrived), doors.stored(done.json()["file_id"])) == (1, b"".join(slices))


async def test_what_is_known_of_each_slice_can_be_read() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        upload_id = (await send(client, session, 2, slices[2], start_time="2.5")).json()["upload_id"]
        waits = (await client.get(f"/api/uploads/{upload_id}")).json()
        (slice,) = waits["slices"]
        assert (waits["offset"], waits["missing"], waits["door"]) == (0, [0, 1], "slices")
        assert (slice["index"], slice["start"], slice["size"], slice["state"]) == (2, 2.5, len(slices[2]), "waiting")
        assert slice["duration"] == pytest.approx(1.0, abs=0.07)
        assert slice["end"] == pytest.approx(slice["start"] + slice["duration"])
        assert slice["ratio"] == pytest.approx(len(slices[2]) / (32_000 * slice["duration"]), abs=0.001)
        for index in (0, 1):
            await send(client, session, index, slices[index])
        shown = (await client.get(f"/api/uploads/{upload_id}")).json()
        assert [slice["state"] for slice in shown["slices"]] == ["received"] * 3
        assert (shown["offset"], shown["missing"]) == (sum(map(len, slices[:3])), [])
