"""A conversation through the API: of an upload with two sides, and of a call with two recordings."""

import threading
from dataclasses import replace

import pytest

from services.calls.calls import Wanted
from services.calls.turns import Turn, turns
from services.interviews.model import CallId, CallSide, PartId
from services.interviews.transcript import Transcript
from services.recordings.ports.audio import Stored
from tests.in_memory import ALICE, Q1, Interior
from tests.routes.api import QUESTIONS, WEBM, Api
from tests.services.calls.conversations import evenly, said

ASKED = said(*evenly("What is an index?", 0.0, 2.0))
ANSWERED = said(*evenly("It finds rows fast.", 2.6, 5.0))


async def uploaded(api: Api, query: str = "?channels=2", **question: object) -> dict[str, object]:
    questions = [{**QUESTIONS["questions"][0], **question}]
    async with api.client("alice") as alice:
        session = (await alice.post("/api/sessions", json={"questions": questions})).json()["session_id"]
        sent = await alice.post(f"/api/upload-answer/{session}/q1{query}", files={"audio": ("a.webm", WEBM)})
    assert sent.status_code == 202
    return dict(sent.json())


async def transcribed(house: Interior, id: str, transcript: Transcript) -> None:
    claimed = await house.claims.claim(PartId(id), "w")
    assert claimed is not None
    done = await house.claims.complete(claimed.id, claimed.fence, transcript)
    assert done is not None
    await house.closing.close(done, transcript)


async def conversation(api: Api, id: object, query: str = "", user: str = "alice") -> dict[str, object]:
    async with api.client(user) as client:
        answer = await client.get(f"/api/calls/{id}/transcript{query}")
    return {**answer.json(), "code": answer.status_code}


@pytest.mark.parametrize(("query", "channels"), [("?channels=2", 1), ("", 2)])
async def test_an_upload_with_two_sides_is_a_conversation(query: str, channels: int) -> None:
    api = Api()
    sent = await uploaded(api, query, channels=channels)
    assert sent["call_id"] == sent["file_id"]
    before = await conversation(api, sent["call_id"])
    assert (before["status"], before["turns"], before["warnings"]) == ("processing", [], [])
    await transcribed(api.house, str(sent["file_id"]), replace(ANSWERED, right=ASKED))
    found = await conversation(api, sent["call_id"], "?words=true")
    assert (found["status"], found["response_latency"], found["warnings"]) == ("completed", 0.6, [])
    turns = found["turns"]
    assert isinstance(turns, list)
    assert [(turn["speaker"], turn["text"]) for turn in turns] == [
        ("right", "What is an index?"),
        ("left", "It finds rows fast."),
    ]
    assert turns[0]["words"][0] == {"text": "What", "start": 0.0, "end": 0.5, "probability": None}
    async with api.client("alice") as alice:
        answer = (await alice.get(f"/api/transcription-status/{sent['session_id']}/q1")).json()
    assert (answer["transcript"], answer["call_id"]) == ("It finds rows fast.", sent["call_id"])


async def test_it_can_be_had_in_each_form_once_it_is_over() -> None:
    api = Api()
    sent = await uploaded(api)
    async with api.client("alice") as alice:
        where = f"/api/calls/{sent['call_id']}/transcript?format="
        early = await alice.get(where + "vtt")
        assert (early.status_code, early.json()["code"]) == (409, "conversation_pending")
        assert int(early.headers["retry-after"]) >= 1
        await transcribed(api.house, str(sent["file_id"]), replace(ANSWERED, right=ASKED))
        vtt, srt, rttm = [await alice.get(where + form) for form in ("vtt", "srt", "rttm")]
    assert vtt.headers["content-type"] == "text/vtt; charset=utf-8"
    assert "<v right>What is an index?</v>" in vtt.text
    assert "left: It finds rows fast." in srt.text
    assert rttm.text.startswith(f"SPEAKER {sent['call_id']} 2 0.000 2.000")
    assert f'filename="conversation_{sent["call_id"]}.rttm"' in rttm.headers["content-disposition"]


async def test_a_side_on_which_nobody_speaks_is_a_warning() -> None:
    api = Api()
    sent = await uploaded(api)
    await transcribed(api.house, str(sent["file_id"]), replace(ANSWERED, right=said()))
    found = await conversation(api, sent["call_id"])
    assert (found["warnings"], found["response_latency"], found["talk_ratio"]) == (["side_silent"], None, 1.0)


async def test_another_users_call_is_not_there_nor_is_an_ordinary_recording_one() -> None:
    api = Api()
    sent = await uploaded(api)
    assert (await conversation(api, sent["call_id"], user="bob"))["code"] == 404
    assert (await conversation(api, sent["call_id"], user="admin"))["code"] == 200
    assert api.house.audit_log.entries, "what operators read is noted"
    one = await uploaded(api, "")
    assert one["call_id"] is None
    assert (await conversation(api, one["file_id"]))["code"] == 404
    assert (await conversation(api, "nothing"))["code"] == 404


async def test_of_a_call_with_two_recordings_both_are_read_and_one_may_be_empty() -> None:
    api = Api()
    house = api.house
    session = await house.session()
    both = {CallSide.LEFT: Wanted(), CallSide.RIGHT: Wanted()}
    call = await house.calls.begin(session, Q1, ALICE, both)
    assert (await conversation(api, call.id))["status"] == "processing"
    left, right = (call.lines[side].part_id for side in CallSide)
    await house.arrivals.abort(right, ALICE)
    await _accepted(house, left)
    await transcribed(house, left, ANSWERED)
    for side in CallSide:
        await house.call_records.side_over(call.id, side)
    await house.call_records.ended(call.id)
    found = await conversation(api, call.id)
    assert (found["status"], found["warnings"]) == ("completed", ["side_empty"])
    assert (found["left"]["state"], found["right"]["state"]) == ("completed", "empty")  # type: ignore[index]


async def test_a_call_of_one_side_says_that_the_other_is_missing() -> None:
    api = Api()
    house = api.house
    call = await house.calls.begin(await house.session(), Q1, ALICE, {CallSide.LEFT: Wanted()})
    await _accepted(house, call.lines[CallSide.LEFT].part_id)
    await transcribed(house, call.lines[CallSide.LEFT].part_id, ANSWERED)
    await house.call_records.side_over(CallId(call.id), CallSide.LEFT)
    await house.call_records.ended(call.id)
    found = await conversation(api, call.id)
    assert (found["warnings"], found["right"]["state"]) == (["side_missing"], "missing")  # type: ignore[index]


async def _accepted(house: Interior, id: PartId) -> None:
    await house.arriving.close(id)
    stored = Stored("5ha", 9)
    assert await house.uploads.accept(id, stored.sha256, stored.size) is not None


@pytest.mark.parametrize("form", ["json", "vtt", "srt", "rttm"])
async def test_a_conversation_is_put_together_once_and_beside_all_else(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, threads = Api(), list[threading.Thread]()

    def seen(*sides: Transcript | None) -> list[Turn]:
        threads.append(threading.current_thread())
        return turns(*sides)

    monkeypatch.setattr("services.calls.conversations.turns", seen)
    sent = await uploaded(api)
    await transcribed(api.house, str(sent["file_id"]), replace(ANSWERED, right=ASKED))
    async with api.client("alice") as client:
        answer = await client.get(f"/api/calls/{sent['call_id']}/transcript?format={form}")
    assert answer.status_code == 200
    assert len(threads) == 1 and threads[0] is not threading.main_thread()
