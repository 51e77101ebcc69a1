"""What was said so far, over HTTP: in the status, in the session, as events."""

import asyncio
import json

import httpx2

from services.errors import EngineBusy
from services.events.interim import Interim
from services.events.model import EventType
from services.interviews.model import SessionId
from tests.in_memory import Q1, Interior
from tests.routes.api import Api, make_session
from tests.routes.test_events import STREAM, told, where
from tests.services.transcription.test_stretches import TEN, Talk, talk, words
from tests.services.transcription.test_telling import stops_at
from tests.virtual_time import hurried


async def half_heard(api: Api, client: httpx2.AsyncClient) -> str:
    """A recording of 45 s, of which 20 are listened to."""
    session = await make_session(client)
    await api.house.upload(SessionId(session), data=talk(45))
    await api.house.work_off()
    return session


def an_api() -> Api:
    ears = Talk()
    stops_at(ears, 2, EngineBusy(retry_after=5.0))
    return Api(house=Interior(ears=ears, length=TEN))


async def test_the_status_of_one_in_work_has_what_was_said_so_far() -> None:
    api = an_api()
    async with api.client() as client:
        session = await half_heard(api, client)
        path = f"/api/transcription-status/{session}/q1"
        first = await client.get(path, params={"segments": True})
        body = first.json()
        assert (body["status"], body["stage"], body["transcribed_seconds"]) == ("queued", "waiting", 20.0)
        assert body["received_seconds"] >= 20.0
        assert [segment["text"] for segment in body["segments"]] == words(0, 20).split()
        assert [segment["start"] for segment in body["segments"]] == [float(second) for second in range(20)]
        assert (body["transcript"], (await client.get(path)).json()["segments"]) == (None, None)
        whole = (await client.get(f"/api/transcription-status/{session}")).json()["answers"]["q1"]
        shown = (await client.get(f"/api/sessions/{session}")).json()["answers"]["q1"]
        assert whole == shown == {name: value for name, value in body.items() if name != "segments"}
        api.house.memory.clock.advance(600)
        (part,) = api.house.memory.rows
        await api.house.worker().run(part)
        again = await client.get(path, params={"segments": True}, headers={"If-None-Match": first.headers["etag"]})
        done = again.json()
        assert (done["status"], done["stage"], done["transcribed_seconds"]) == ("completed", None, None)
        assert done["transcript"] == words(0, 45)


async def test_the_status_says_that_it_changed_with_each_utterance() -> None:
    api = an_api()
    async with api.client() as client:
        session = await make_session(client)
        await api.house.upload(SessionId(session), data=talk(45))
        path, seen = f"/api/transcription-status/{session}/q1", set()
        for _ in range(2):
            answer = await client.get(path)
            seen.add(answer.headers["etag"])
            await api.house.work_off()
        assert len(seen) == 2


async def test_utterances_come_by_poll_and_stream_alike() -> None:
    api = an_api()
    async with api.client() as client:
        session = await half_heard(api, client)
        polled = (await client.get(where(session), params={"since": 0})).json()["events"]
        utterances = [event for event in polled if event["type"] == "utterance"]
        assert [
            (one["index"], one["start"], one["end"], one["text"], one["text_is_cut"], one["speech_ratio"])
            for one in utterances
        ] == [(0, 0.0, 10.0, words(0, 10), False, 1.0), (1, 10.0, 20.0, words(10, 20), False, 1.0)]
        about = {"session_id": session, "question_id": "q1", "take": 1, "status": "processing"}
        assert all(about.items() <= one.items() for one in utterances)
        assert all("text" not in event for event in polled if event["type"] != "utterance")
        api.streams.age_seconds = 0.2
        streamed = await client.get(where(session), params={"since": 0}, headers=STREAM)
        assert told(streamed.text) == polled


async def test_who_comes_back_to_a_process_that_holds_them_is_told_no_words_of_what_was_dropped() -> None:
    api = an_api()
    async with api.client() as client:
        session = await half_heard(api, client)
        viewer = await api.tokens.verify("alice")
        async with api.streams.open(SessionId(session), 0, viewer) as listening:
            heard = (await listening.news(5.0)).events
            assert [event.spoken.text for event in heard if event.spoken] == [words(0, 10), words(10, 20)]
            await api.house.upload(SessionId(session), data=talk(5))
            while heard[-1].type is not EventType.DROPPED:
                heard = (await listening.news(5.0)).events
            polled = await client.get(where(session), params={"since": 0, "wait": 1})
            assert [event["text"] for event in polled.json()["events"] if event["type"] == "utterance"] == ["", ""]


@hurried
async def test_what_is_said_right_now_comes_by_stream_without_a_number_and_by_no_poll() -> None:
    api = Api(age_seconds=0.5)
    async with api.client() as client:
        session = await make_session(client)
        streaming = asyncio.create_task(client.get(where(session), params={"since": 0}, headers=STREAM))
        polling = asyncio.create_task(client.get(where(session), params={"since": 0, "wait": 0.3}))
        says = Interim(
            session_id=SessionId(session), question_id=Q1, take=1, index=0, start=0.0, end=1.5, text="is thät"
        )
        while not streaming.done():
            api.streams.murmured(says)
            await asyncio.sleep(0.01)
        block, *_ = [block for block in (await streaming).text.split("\n\n") if "event: interim" in block]
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        assert json.loads(fields["data"]) == {
            "type": "interim", "session_id": session, "question_id": "q1", "take": 1, "index": 0,
            "start": 0.0, "end": 1.5, "text": "is thät", "call_id": None, "side": None,
        }  # fmt: skip
        assert "id" not in fields
        assert (await polling).json()["events"] == []


async def test_a_webhook_may_ask_for_utterances_and_is_not_told_of_them_unless_it_does() -> None:
    api = Api()
    async with api.client() as client:
        made = await client.post("/api/webhooks", json={"url": "https://hooks.example.com/a", "events": ["utterance"]})
        assert made.json()["events"] == ["utterance"]
        usual = await client.post("/api/webhooks", json={"url": "https://hooks.example.com/b"})
        assert "utterance" not in usual.json()["events"]
