"""A recording over a WebSocket."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from routes import upload_sockets
from routes.recorder_news import RecorderNews
from services.errors import StoreUnavailable
from services.interviews.model import PartId, PartState
from services.recordings.arrivals import ArrivalLimits
from tests.routes.resumable.tus_client import append, create, offset
from tests.routes.slices.doors import Doors, recorded, recorded_anew, send, session_of
from tests.routes.slices.sockets import Socket, opened

DOORS = ("/ws/audio", "/voice-stream")


async def record(socket: Socket, pieces: Sequence[bytes], at: int = 0) -> int:
    """Send these one by one, each once the one before is durable; how far that is."""
    for piece in pieces:
        socket.send(piece)
        at += len(piece)
        await socket.acknowledged(at)
    return at


@pytest.mark.parametrize("door", DOORS)
async def test_a_recording_is_acknowledged_as_it_comes_and_ended_by_its_client(door: str) -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"{door}/{session}") as socket:
            assert await socket.told() == {"type": "ready", "question_id": "q1", "upload_id": None, "offset": 0}
            socket.send(pieces[0])
            begun = await socket.told()
            assert (begun["type"], begun["take"]) == ("begun", 1)
            assert await socket.told() == {"type": "ack", "offset": len(pieces[0])}
            size = await record(socket, pieces[1:], len(pieces[0]))
            socket.send({"type": "end", "bytes": size})
            done = await socket.told()
            assert (done["type"], done["bytes"], done["deduplicated"]) == ("complete", size, False)
            assert done["sha256"] == hashlib.sha256(b"".join(pieces)).hexdigest()
            assert done["file_id"] == begun["upload_id"]
            assert await socket.end() == (1000, "complete")
        assert doors.stored(done["file_id"]) == b"".join(pieces)
        assert (await client.get(f"/api/transcription-status/{session}/q1")).json()["status"] == "queued"


async def test_what_comes_fast_is_taken_together_and_none_of_it_is_lost() -> None:
    doors, data = Doors(limits=ArrivalLimits()), b"".join(recorded()) + bytes(1_000_000)
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            for start in range(0, len(data), 7000):
                socket.send(data[start : start + 7000])
            socket.send({"type": "end"})
            done = await socket.until("complete")
        assert doors.stored(done["file_id"]) == data


async def test_a_socket_that_breaks_goes_on_where_it_was() -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            size = await record(socket, pieces[:2])
        async with opened(client, f"/ws/audio/{session}") as socket:
            ready = await socket.told()
            assert (ready["type"], ready["offset"]) == ("ready", size)
            size = await record(socket, pieces[2:4], size)
        async with opened(client, f"/ws/audio/{session}", upload_id=ready["upload_id"]) as socket:
            assert (await socket.told())["offset"] == size
            await record(socket, pieces[4:], size)
            socket.send({"type": "end"})
            done = await socket.until("complete")
        assert (done["take"], doors.stored(done["file_id"])) == (1, b"".join(pieces))
        assert len(doors.arrived) == 1


async def test_who_did_not_hear_that_it_is_complete_is_told_again() -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            await record(socket, pieces)
            socket.send({"type": "end"})
            done = await socket.until("complete")
        async with opened(client, f"/ws/audio/{session}", upload_id=done["file_id"]) as socket:
            assert await socket.told() == done
            assert await socket.end() == (1000, "complete")
        async with opened(client, f"/ws/audio/{session}") as socket:
            assert (await socket.told())["upload_id"] is None  # the next take


@asynccontextmanager
async def being_finished(way: str) -> AsyncIterator[tuple[Doors, httpx2.AsyncClient, str, PartId, int]]:
    """What came by a socket, of so many bytes, takes nothing more and is no recording yet; `way` and its session."""
    doors = Doors()
    async with doors.client() as client:
        path = f"{way}/{await session_of(client)}"
        async with opened(client, path) as socket:
            size = await record(socket, recorded())
        (id,) = doors.arrived
        await doors.house.arriving.close(id)
        yield doors, client, path, id, size


async def test_who_comes_while_it_is_being_finished_waits_for_that() -> None:
    async with being_finished("/voice-stream") as (doors, client, path, id, size), opened(client, path) as socket:
        assert await socket.told() == {"type": "ready", "question_id": "q1", "upload_id": None, "offset": 0}
        assert (doors.house.part(id).state, doors.house.part(id).bytes) == (PartState.QUEUED, size)
        socket.send(recorded()[0])
        assert (await socket.until("begun"))["take"] == 2


async def test_who_goes_on_while_it_is_being_finished_is_told_that_it_is_complete() -> None:
    async with (
        being_finished("/ws/audio") as (_, client, path, id, size),
        opened(client, path, upload_id=id) as socket,
    ):
        done = await socket.told()
        assert (done["type"], done["file_id"], done["bytes"]) == ("complete", id, size)


async def test_a_recorder_that_stops_and_starts_anew_makes_one_recording() -> None:
    doors, pieces = Doors(), recorded_anew()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/voice-stream/{session}") as socket:
            await record(socket, pieces)
            socket.send({"type": "end"})
            done = await socket.until("complete")
        assert doors.stored(done["file_id"]) == b"".join(pieces)


@pytest.mark.parametrize(("door", "code", "is_over"), [
    ("/voice-stream", 1000, True), ("/voice-stream", 1005, True), ("/voice-stream", 1006, False),
    ("/voice-stream", 1001, False), ("/ws/audio", 1000, False), ("/ws/audio", 1006, False),
])  # fmt: skip
async def test_a_socket_that_is_closed_in_order_ends_a_voice_stream(door: str, code: int, is_over: bool) -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"{door}/{session}") as socket:
            await record(socket, pieces)
            socket.hang_up(code)
        (id,) = doors.arrived
        is_complete = doors.house.part(id).state is not PartState.UPLOADING
        assert (is_complete, doors.received(id)) == (is_over, b"".join(pieces))


async def test_the_newer_of_two_sockets_goes_on() -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as older:
            size = await record(older, pieces[:1])
            async with opened(client, f"/ws/audio/{session}") as newer:
                assert (await newer.told())["offset"] == size
                size = await record(newer, pieces[1:2], size)
                older.send(pieces[1])
                assert (await refusal(older))["code"] == "upload_taken_over"
                assert older.closed == (4409, "upload_taken_over")
                await record(newer, pieces[2:], size)


async def test_of_two_sockets_the_newer_one_goes_on_also_where_nothing_has_come_yet() -> None:
    doors, data = Doors(), b"".join(recorded())
    async with doors.client() as client:
        session = await session_of(client)
        id = (await create(client, session, len(data))).headers["Location"].rpartition("/")[2]
        async with opened(client, f"/ws/audio/{session}", upload_id=id) as older:
            assert (await older.told())["offset"] == 0
            async with opened(client, f"/ws/audio/{session}", upload_id=id) as newer:
                assert (await newer.told())["offset"] == 0
                assert await older.end() == (4409, "upload_taken_over")
                newer.send(data)
                newer.send({"type": "end"})
                assert (await newer.until("complete"))["file_id"] == id


async def test_what_was_begun_elsewhere_stays_where_what_a_socket_sends_of_it_is_refused() -> None:
    doors, data = Doors(), b"".join(recorded())
    async with doors.client() as client:
        session = await session_of(client)
        where = (await create(client, session, len(data))).headers["Location"]
        async with opened(client, f"/ws/audio/{session}", upload_id=where.rpartition("/")[2]) as socket:
            socket.send(data + b"more")
            assert await socket.end() == (4400, "length_inconsistent")
        assert await offset(client, where) == 0
        assert (await append(client, where, 0, data)).status_code == 204


async def test_of_two_sockets_that_were_ready_at_once_none_goes_on_behind_the_other() -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as first, opened(client, f"/ws/audio/{session}") as second:
            assert [(await each.told())["offset"] for each in (first, second)] == [0, 0]
            size = await record(first, pieces[:2])
            second.send(pieces[0])
            problem = await refusal(second)
            assert (problem["code"], second.closed) == ("offset_mismatch", (1013, "offset_mismatch"))
        async with opened(client, f"/ws/audio/{session}") as third:
            assert (await third.told())["offset"] == size
            await record(third, pieces[2:], size)
            third.send({"type": "end"})
            done = await third.until("complete")
        assert doors.stored(done["file_id"]) == b"".join(pieces)


async def refusal(socket: Socket) -> dict[str, Any]:
    """The problem that is said before the close."""
    said: list[dict[str, Any]] = []
    while socket.closed is None:
        said.append(await socket.told())
    problem = said[-2]
    assert problem["type"] == f"/problems/{problem['code']}"
    assert problem["detail"] and problem["title"]
    return problem


@pytest.mark.parametrize("said", [
    "", "x", "[]", "{}", '{"type":"stop"}', '{"type":"end","bytes":-1}', '{"type":"end","bytes":"1"}',
    '{"type":"end","more":1}', '{"type":"chunk_uploaded"}', '{"type":"chunk_uploaded","chunk_index":true}',
    '{"type":"end"' + " " * 2000 + "}",
])  # fmt: skip
async def test_what_means_nothing_is_refused_and_what_came_stays(said: str) -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            size = await record(socket, pieces[:1])
            socket.send(said)
            assert (await refusal(socket))["code"] == "message_invalid"
            assert socket.closed == (4400, "message_invalid")
        async with opened(client, f"/ws/audio/{session}") as socket:
            assert (await socket.told())["offset"] == size


async def test_who_ends_at_another_length_is_told_so() -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            size = await record(socket, pieces[:2])
            socket.send({"type": "end", "bytes": size + 1})
            found = await refusal(socket)
            assert (found["code"], socket.closed) == ("length_inconsistent", (4400, "length_inconsistent"))
            assert str(size) in found["detail"]
        assert [doors.house.part(id).state for id in doors.arrived] == [PartState.UPLOADING]


async def test_what_is_given_up_is_gone() -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            ready = await socket.told()
            await record(socket, pieces[:2])
            socket.send({"type": "abort"})
            assert (await socket.until("aborted"), await socket.end()) == ({"type": "aborted"}, (1000, "aborted"))
        (id,) = doors.arrived
        assert doors.house.memory.rows[id].part.state is PartState.ABORTED
        async with opened(client, f"/ws/audio/{session}", upload_id=id) as socket:
            assert (await refusal(socket))["code"] == "upload_gone"
            assert socket.closed == (4410, "upload_gone")
        async with opened(client, f"/ws/audio/{session}") as socket:
            assert await socket.told() == ready


async def test_what_is_no_audio_is_not_waited_for() -> None:
    doors = Doors()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            socket.send(b"GET / HTTP/1.1\r\n" * 10)
            assert (await refusal(socket))["code"] == "not_audio"
            assert socket.closed == (4415, "not_audio")


async def test_who_may_not_is_told_why() -> None:
    doors, pieces = Doors(most_uploads_of_user=1), recorded()
    async with doors.client() as client:
        session, other = await session_of(client, "q1", "q2"), await session_of(client)
        path = f"/ws/audio/{session}"
        ticket = (await client.post(f"/api/sessions/{session}/tickets")).json()["ticket"]
        for query, user, closed in (
            ({}, None, (4401, "unauthenticated")),
            ({"ticket": "x"}, None, (4401, "unauthenticated")),
            ({}, "bob", (4404, "session_not_found")),
            ({}, "alice", (4400, "answer_unnamed")),
            ({"question_id": "q9"}, "alice", (4404, "question_not_found")),
            ({"question_id": "q1", "upload_id": "a" * 24}, "alice", (4404, "upload_not_found")),
        ):
            async with opened(client, path, user=user, **query) as socket:
                assert await socket.end() == closed
        async with opened(client, f"/ws/audio/{other}", user=None, ticket=ticket) as socket:
            assert await socket.end() == (4401, "unauthenticated")
        async with opened(client, path, user=None, ticket=ticket, question_id="q1") as socket:
            assert (await socket.told())["type"] == "ready"
            async with opened(client, path, question_id="q2") as second:
                assert await second.end() == (4429, "too_many_uploads")
            await record(socket, pieces[:1])
        (id,) = doors.arrived
        async with opened(client, path, question_id="q2", upload_id=id) as socket:
            assert await socket.end() == (4404, "upload_not_found")


async def test_where_the_store_does_not_answer_the_client_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    doors, pieces = Doors(), recorded()

    async def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable

    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            size = await record(socket, pieces[:1])
        with monkeypatch.context() as patch:
            patch.setattr(type(doors.arrivals), "append", fail)
            async with opened(client, f"/ws/audio/{session}") as socket:
                assert await socket.end() == (1013, "store_unavailable")
        async with opened(client, f"/ws/audio/{session}") as socket:
            assert (await socket.told())["offset"] == size


async def test_a_silent_client_is_let_go_and_a_stop_says_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        with monkeypatch.context() as patch:
            patch.setattr(upload_sockets, "IDLE_SECONDS", 0.05)
            async with opened(client, f"/ws/audio/{session}") as socket:
                assert await socket.end() == (1000, "nothing came for long")
        async with opened(client, f"/ws/audio/{session}") as socket:
            await record(socket, pieces[:1])
            departure = client._transport.app.state.services.departure  # type: ignore[attr-defined]
            departure.begin(None)
            assert await socket.end() == (1001, "the server stops")
        async with opened(client, f"/ws/audio/{session}") as socket:
            assert await socket.end() == (1001, "the server stops")


async def test_it_says_which_slices_of_another_door_are_here() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            await socket.told()
            states = []
            for sent in (None, 1, 0):
                if sent is not None:
                    await send(client, session, sent, slices[sent])
                socket.send({"type": "chunk_uploaded", "chunk_index": 1, "session_id": session})
                states.append((await socket.told())["state"])
            assert states == ["missing", "waiting", "received"]


async def test_what_nobody_foresaw_ends_the_socket_at_once_and_what_came_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    doors, pieces = Doors(), recorded()

    async def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    async with doors.client() as client:
        session = await session_of(client)
        with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="unforeseen"):
            patch.setattr(RecorderNews, "uploaded", fail)
            async with opened(client, f"/ws/audio/{session}") as socket:
                size = await record(socket, pieces[:1])
                socket.send({"type": "chunk_uploaded", "chunk_index": 0})
        async with opened(client, f"/ws/audio/{session}") as socket:
            assert (await socket.told())["offset"] == size


async def test_sockets_are_counted_as_uploads_in_flight() -> None:
    doors = Doors()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            await socket.told()
            assert doors.admission.in_flight.total() == 1
            assert "viva_http_uploads_in_flight 1.0" in await metrics(client)
        await asyncio.sleep(0)
        assert doors.admission.in_flight.total() == 0
        assert "viva_http_uploads_in_flight 0.0" in await metrics(client)


async def metrics(client: httpx2.AsyncClient) -> str:
    return (await client.get("/metrics", headers={"Authorization": "Bearer admin"})).text


async def test_more_than_is_taken_of_one_recording_is_refused_and_what_came_stays() -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            size = await record(socket, pieces)
            socket.send(bytes(doors.limits.most_bytes))
            assert (await refusal(socket))["code"] == "audio_too_large"
            assert socket.closed == (4413, "audio_too_large")
        async with opened(client, f"/ws/audio/{session}") as socket:
            assert (await socket.told())["offset"] == size


async def test_a_recording_in_slices_is_not_gone_on_with_by_offset() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        id = (await send(client, session, 0, slices[0])).json()["upload_id"]
        async with opened(client, f"/ws/audio/{session}", upload_id=id) as socket:
            assert (await refusal(socket))["code"] == "sent_by_number"
        assert doors.received(id) == slices[0]
