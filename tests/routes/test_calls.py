"""Calls: begun, ended, given up; taken in over a WebSocket."""

import asyncio
from dataclasses import replace

import pytest

from services.calls.packets.opus import RATE
from services.interviews.model import CallId
from tests.calls.live import LEFT, NUMBER, RIGHT, CallDoors, begun, kept, seen, sent, talk
from tests.calls.sound import decoded
from tests.in_memory import ALICE
from tests.routes.api import problem
from tests.routes.slices.doors import session_of
from tests.routes.slices.sockets import opened


async def test_a_call_is_begun_and_seen() -> None:
    async with CallDoors().client() as client:
        session = await session_of(client)
        call = await begun(client, session, left={"payload_type": 111})
        id = call["call_id"]
        assert call == {
            "call_id": id,
            "session_id": session,
            "question_id": "q1",
            "take": 1,
            "websocket": f"/ws/calls/{id}",
            "rtp": None,
        }
        shown = await seen(client, id)
        assert (shown["state"], shown["begun_at"], shown["warnings"]) == ("open", None, [])
        assert (shown["left"]["state"], shown["left"]["packets"], shown["left"]["odd"]) == ("arriving", 0, {})
        assert (await client.get("/api/uploads")).json() == {"uploads": []}


async def test_what_is_asked_wrongly_is_refused() -> None:
    async with CallDoors().client() as client:
        session = await session_of(client)
        path = f"/api/sessions/{session}/calls"
        assert problem(await client.post(path, json={"question_id": "q9"})) == (404, "question_not_found")
        nobody = {"question_id": "q1", "left": None, "right": None}
        assert problem(await client.post(path, json=nobody)) == (422, "call_sides_missing")
        wrong = {"question_id": "q1", "left": {"payload_type": 128}}
        assert problem(await client.post(path, json=wrong)) == (422, "invalid_request")
        for answer in (await client.get("/api/calls/none"), await client.delete("/api/calls/none")):
            assert problem(answer) == (404, "call_not_found")


async def test_both_sides_come_over_a_socket_and_only_the_left_one_is_the_answer() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        session = await session_of(client)
        call = await begun(client, session)
        async with opened(client, call["websocket"]) as socket:
            ready = await socket.told()
            nothing = {"last_sequence": None, "packets": 0, "seconds": 0.0}
            assert ready == {"type": "ready", "call_id": call["call_id"], "left": nothing, "right": nothing}
            await talk(doors, socket, {LEFT: sent(3.0), RIGHT: sent(2.0, begins=1.0, seed=2, ssrc=7)})
            doors.at = 3.5
            assert (await kept(socket, "left", 1.0))["packets"] >= 50
            socket.send({"type": "end", "side": "left"})
            socket.send({"type": "end", "side": "right"})
            ended = await socket.until("ended")
            assert ended == {"type": "ended", "call_id": call["call_id"]}
            assert await socket.end() == (1000, "ended")
        shown = await seen(client, call["call_id"])
        assert (shown["state"], shown["left"]["state"], shown["right"]["state"]) == ("transcribing", "queued", "queued")
        assert (shown["left"]["packets"], shown["right"]["packets"], shown["left"]["lost"]) == (150, 100, 0)
        for side in ("left", "right"):
            heard = decoded(doors.stored(doors.part(shown, side)))
            assert abs(len(heard) / RATE - 3.0) < 0.05
        await doors.house.work_off()
        shown = await seen(client, call["call_id"])
        assert (shown["state"], shown["warnings"]) == ("completed", [])
        status = (await client.get(f"/api/transcription-status/{session}")).json()
        assert list(status["answers"]) == ["q1"]
        assert status["answers"]["q1"]["status"] == "completed"
        assert await client.post(f"/api/calls/{call['call_id']}/end")
        assert problem(await client.delete(f"/api/calls/{call['call_id']}")) == (409, "call_over")


async def test_a_side_that_does_not_come_is_a_warning() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        async with opened(client, call["websocket"]) as socket:
            await talk(doors, socket, {RIGHT: sent(1.5)})
            doors.at = 2.0
            socket.send({"type": "end"})
            await socket.until("ended")
        await doors.house.work_off()
        shown = await seen(client, call["call_id"])
        assert (shown["state"], shown["left"]["state"], shown["right"]["state"]) == ("completed", "empty", "completed")
        assert shown["warnings"] == ["side_empty"]
        other = await begun(client, shown["session_id"], left=None)
        async with opened(client, other["websocket"]) as socket:
            socket.send({"type": "end"})
            await socket.until("ended")
        shown = await seen(client, other["call_id"])
        assert (shown["state"], shown["left"], shown["warnings"]) == ("completed", None, ["side_missing", "side_empty"])


async def test_another_process_goes_on_where_one_was_and_tells_how_far_that_is() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        packets = sent(6.0)
        async with opened(client, call["websocket"]) as socket:
            await talk(doors, socket, {LEFT: packets[:150]})
            doors.at = 3.4
            before = await kept(socket, "left", 2.0)
    doors.process()
    async with doors.client() as client:
        async with opened(client, call["websocket"]) as socket:
            ready = await socket.told()
            assert ready["left"]["packets"] >= before["packets"]
            assert ready["left"]["last_sequence"] is not None
            await talk(doors, socket, {LEFT: packets[200:]})
            doors.at = 6.5
            socket.send({"type": "end"})
            await socket.until("ended")
        shown = await seen(client, call["call_id"])
        assert shown["left"]["packets"] >= 200
        heard = decoded(doors.stored(doors.part(shown, "left")))
        assert abs(len(heard) / RATE - 6.0) < 0.1


async def test_of_two_sockets_the_newer_one_has_the_side() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        packets = sent(4.0)
        async with opened(client, call["websocket"]) as older, opened(client, call["websocket"]) as newer:
            await talk(doors, older, {LEFT: packets[:100]})
            doors.at = 2.4
            await kept(older, "left", 1.0)
            await talk(doors, newer, {LEFT: packets[120:]})
            doors.at = 4.4
            await kept(newer, "left", 2.0)
            assert await older.end() == (4409, "call_taken_over")
            newer.send({"type": "end"})
            await newer.until("ended")


@pytest.mark.parametrize(
    "said",
    [b"", b"\x02packet", bytes(1 + 65_536), "no json", '{"type": "begin"}', '{"type": "end", "side": "up"}'],
)
async def test_what_means_nothing_closes_the_socket_and_not_the_call(said: bytes | str) -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        async with opened(client, call["websocket"]) as socket:
            socket.send(said)
            assert await socket.end() == (4400, "call_message_invalid")
        assert (await seen(client, call["call_id"]))["state"] == "open"


async def test_who_may_not_see_it_cannot_bring_it() -> None:
    doors = CallDoors()
    async with doors.client() as client, doors.client("bob") as bob:
        call = await begun(client)
        for asked in (("GET", ""), ("POST", "/end"), ("DELETE", "")):
            there, absent = [
                await bob.request(asked[0], f"/api/calls/{id}{asked[1]}") for id in (call["call_id"], "a" * 24)
            ]
            assert problem(there) == problem(absent) == (404, "call_not_found")
            assert there.content == absent.content
        async with opened(client, call["websocket"], user="bob") as socket:
            assert await socket.end() == (4404, "call_not_found")
        async with opened(client, call["websocket"], user=None) as socket:
            assert await socket.end() == (4401, "unauthenticated")
        ticket = (await client.post(f"/api/sessions/{call['session_id']}/tickets")).json()["ticket"]
        async with opened(client, call["websocket"], user=None, ticket=ticket) as socket:
            assert (await socket.told())["type"] == "ready"


async def test_rubbish_is_counted_by_its_reason_and_harms_nothing() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        async with opened(client, call["websocket"]) as socket:
            for rubbish in (b"", b"\x00" * 40, b"\x80", bytes(range(256)) * 10):
                socket.send(NUMBER[LEFT] + rubbish)
            await talk(doors, socket, {LEFT: sent(2.0)})
            doors.at = 2.5
            socket.send({"type": "end"})
            await socket.until("ended")
        left = (await seen(client, call["call_id"]))["left"]
        assert (left["packets"], sum(left["odd"].values())) == (100, 4)


async def test_one_that_is_ended_by_a_request_is_ended_by_who_takes_it_in() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        async with opened(client, call["websocket"]) as socket:
            await talk(doors, socket, {LEFT: sent(2.0)})
            doors.at = 2.5
            answer = await client.post(f"/api/calls/{call['call_id']}/end")
            assert (answer.status_code, answer.json()["state"]) == (202, "ending")
            await socket.until("ended")
        shown = await seen(client, call["call_id"])
        assert (shown["state"], shown["left"]["packets"]) == ("transcribing", 100)
        async with opened(client, call["websocket"]) as socket:
            assert await socket.end() == (4409, "call_over")


async def test_one_that_is_given_up_leaves_nothing() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        async with opened(client, call["websocket"]) as socket:
            await talk(doors, socket, {LEFT: sent(2.0)})
            doors.at = 2.5
            await kept(socket, "left", 1.0)
            assert (await client.delete(f"/api/calls/{call['call_id']}")).status_code == 204
            assert (await socket.end())[1] == "call_gone"
        assert problem(await client.get(f"/api/calls/{call['call_id']}")) == (410, "call_gone")
        assert await doors.arrivals.arriving(doors.house_owner) == []
        assert not any(doors.house.memory.pieces.values())


async def test_a_silent_one_is_ended_by_the_sweep_and_transcribed() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        async with opened(client, call["websocket"]) as socket:
            await talk(doors, socket, {LEFT: sent(3.0)})
            doors.at = 3.4
            await kept(socket, "left", 2.0)
        clock = doors.house.memory.clock
        clock.advance(59)
        assert (await doors.house.sweep.run(24.0)).calls == 0
        clock.advance(2)
        await doors.house.sweep.run(24.0)
        clock.advance(6)
        assert (await doors.house.sweep.survey(24.0)).calls == 1
        await doors.house.sweep.run(24.0)
        clock.advance(6)
        assert (await doors.house.sweep.run(24.0)).calls == 1
        shown = await seen(client, call["call_id"])
        assert (shown["state"], shown["right"]["state"]) == ("transcribing", "empty")
        heard = decoded(doors.stored(doors.part(shown, "left")))
        assert len(heard) / RATE >= 2.0
        await doors.house.work_off()
        assert (await seen(client, call["call_id"]))["state"] == "completed"
        assert (await doors.house.call_records.get(CallId(call["call_id"]))) is not None
        await asyncio.sleep(0)


async def test_where_calls_are_off_none_is_begun_and_none_goes_on() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
    doors.calls, doors.bridging = replace(doors.calls, is_on=False), replace(doors.bridging, is_on=False)
    async with doors.client() as client:
        answer = await client.post(f"/api/sessions/{call['session_id']}/calls", json={"question_id": "q1"})
        assert problem(answer) == (403, "calls_off")
        async with opened(client, call["websocket"]) as socket:
            assert await socket.end() == (4403, "calls_off")


async def test_a_session_that_is_erased_in_a_call_takes_the_call_with_it() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        async with opened(client, call["websocket"]) as socket:
            await talk(doors, socket, {LEFT: sent(2.0)})
            doors.at = 2.5
            await kept(socket, "left", 1.0)
            assert (await client.delete(f"/api/sessions/{call['session_id']}")).status_code in (200, 202)
            assert (await socket.end())[1] in ("call_gone", "session_erased")
        assert problem(await client.get(f"/api/calls/{call['call_id']}"))[1] in ("call_not_found", "session_erased")
        assert doors.house.memory.calls == {}
        assert await doors.arrivals.arriving(ALICE) == []


async def test_a_call_that_is_open_keeps_analyze_waiting_and_its_end_does_not() -> None:
    doors = CallDoors()
    async with doors.client() as client:
        call = await begun(client)
        path = f"/api/analyze/{call['session_id']}"
        assert (await client.post(path)).status_code == 202
        async with opened(client, call["websocket"]) as socket:
            await talk(doors, socket, {RIGHT: sent(1.5)})
            doors.at = 2.0
            socket.send({"type": "end"})
            await socket.until("ended")
        await doors.house.work_off()
        assert (await client.post(path)).status_code == 200, "of the left side nothing came"
