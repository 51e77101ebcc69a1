"""What is said of a recording that arrives in pieces, on its socket and by its slices."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from routes.resumable import resource
from routes.resumable.schemas import UploadShown
from services.interviews.model import Checkpoint, Part, PartId
from services.interviews.spoken import Spoken
from services.interviews.transcript import Segment, Span, Transcript, Utterance, Word
from services.recordings.ports.arrivals import KeptSlice, SliceState
from services.transcription.by_slice import Known, SliceHeard, by_slice
from tests.routes.slices.doors import Doors, complete, recorded, send, session_of
from tests.routes.slices.sockets import opened
from tests.routes.slices.test_upload_sockets import DOORS, record
from tests.virtual_time import hurried

SECONDS = tuple(Segment(text=f"word{n}", start=n + 0.2, end=n + 0.7) for n in range(5))


def said(index: int, text: str) -> Spoken:
    return Spoken(index=index, start=16.0 * index, end=16.0 * (index + 1), text=text, speech_ratio=0.5)


async def tell(doors: Doors, part: Part, index: int, text: str) -> None:
    heard = replace(part, rev=part.rev + index + 1, checkpoint=Checkpoint(stretches=index + 1, seconds=16.0))
    assert await doors.house.sessions.tell(heard, [said(index, text)]) == index + 1


@pytest.mark.parametrize("door", DOORS)
async def test_a_socket_is_told_what_was_said_in_its_recording(door: str) -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"{door}/{session}") as socket:
            await record(socket, pieces[:1])
            (part,) = (row.part for row in doors.house.memory.rows.values())
            await tell(doors, part, 0, "First.")
            place = {"start": 0.0, "end": 16.0, "text": "First.", "speech_ratio": 0.5}
            assert await socket.told() == {"type": "chunk_processed", "chunk_index": 0, **place}
            analysis = {"index": 0, **place, "text_is_cut": False}
            assert await socket.told() == {"type": "analysis", "data": analysis}
            await record(socket, pieces[1:2], len(pieces[0]))
            await tell(doors, part, 1, "Second.")
            assert (await socket.until("analysis"))["data"]["text"] == "Second."
            socket.send({"type": "abort"})
            await socket.until("aborted")


async def test_a_socket_is_told_nothing_of_another_take() -> None:
    doors, pieces = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            await record(socket, pieces[:1])
            (part,) = (row.part for row in doors.house.memory.rows.values())
            await tell(doors, replace(part, take=0, id=PartId("another")), 0, "Other.")
            await tell(doors, part, 0, "Own.")
            assert (await socket.told())["text"] == "Own."


@hurried
async def test_a_socket_is_told_for_longer_than_a_stream_lasts() -> None:
    doors, pieces = Doors(age_seconds=0.05), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            await record(socket, pieces[:1])
            (part,) = (row.part for row in doors.house.memory.rows.values())
            for index in range(3):
                await asyncio.sleep(0.1)
                await tell(doors, part, index, f"{index}")
                assert (await socket.until("analysis"))["data"]["text"] == f"{index}"


async def test_slices_have_what_was_said_in_them() -> None:
    doors, slices = Doors(), recorded()
    doors.house.ears.segments = SECONDS
    async with doors.client() as client:
        session = await session_of(client)
        for index, data in enumerate(slices):
            id = (await send(client, session, index, data)).json()["upload_id"]
        before = (await client.get(f"/api/uploads/{id}")).json()["slices"]
        assert [(one["transcribed"], one["text"], one["speech_ratio"]) for one in before] == [(False, None, None)] * 5
        await complete(client, session, len(slices))
        await doors.house.work_off()
        after = (await client.get(f"/api/uploads/{id}")).json()["slices"]
        assert [one["text"] for one in after] == ["word0", "word1", "word2", "word3", "word4"]
        assert all(one["transcribed"] for one in after)
        assert after[0]["speech_ratio"] == 1.0
        assert 0.5 < after[4]["speech_ratio"] < 0.8
        async with opened(client, f"/ws/audio/{session}") as socket:
            await socket.told()
            socket.send({"type": "chunk_uploaded", "chunk_index": 3})
            assert (await socket.told())["state"] == "received"
            assert await socket.told() == {
                "type": "chunk_processed", "chunk_index": 3, "text": "word3", "speech_ratio": 1.0,
            }  # fmt: skip


async def test_very_many_slices_are_listed_beside_the_loop_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    doors, slices, listed = Doors(), recorded(), UploadShown.of
    threads: list[threading.Thread] = []

    def noted(*arguments: Any) -> UploadShown:
        threads.append(threading.current_thread())
        return listed(*arguments)

    async with doors.client() as client:
        session = await session_of(client)
        for index, data in enumerate(slices):
            id = (await send(client, session, index, data)).json()["upload_id"]
        few = await client.get(f"/api/uploads/{id}")
        monkeypatch.setattr(resource, "MANY", len(slices) - 1)
        monkeypatch.setattr(UploadShown, "of", noted)
        many = await client.get(f"/api/uploads/{id}")
    assert many.json() == few.json()
    assert {**many.headers} == {**few.headers, "x-request-id": many.headers["x-request-id"]}
    assert threads
    assert threading.main_thread() not in threads


async def test_who_asked_about_a_slice_is_told_once_it_is_transcribed() -> None:
    doors, slices = Doors(), recorded()
    doors.house.ears.segments = SECONDS
    async with doors.client() as client:
        session = await session_of(client)
        async with opened(client, f"/ws/audio/{session}") as socket:
            await socket.told()
            for index, data in enumerate(slices):
                await send(client, session, index, data)
            socket.send({"type": "chunk_uploaded", "chunk_index": 1})
            assert (await socket.told())["type"] == "chunk_uploaded"
            await complete(client, session, len(slices))
            await doors.house.work_off()
            found = await socket.told()
            assert (found["type"], found["chunk_index"], found["text"]) == ("chunk_processed", 1, "word1")


async def test_an_operator_who_reads_the_words_of_slices_is_noted() -> None:
    doors, slices = Doors(), recorded()
    async with doors.client() as client:
        session = await session_of(client)
        for index, data in enumerate(slices):
            id = (await send(client, session, index, data)).json()["upload_id"]
        await complete(client, session, len(slices))
        await doors.house.work_off()
        noted = len(await doors.house.audit_log.page(None, 10))
        await client.get(f"/api/uploads/{id}", headers={"Authorization": "Bearer admin"})
        assert len(await doors.house.audit_log.page(None, 10)) == noted + 1


def a_slice(index: int, **times: float | None) -> KeptSlice:
    return KeptSlice(index=index, size=1, state=SliceState.RECEIVED, **times)  # type: ignore[arg-type]


def known(until: float = 100.0) -> Known:
    return Known(SECONDS, (Span(0.0, 2.5),), until)


def test_slices_lie_one_behind_the_other_whatever_their_sender_calls_their_times() -> None:
    slices = [a_slice(1, start=90.0, duration=2.0), a_slice(0, start=0.0, end=1.0)]
    assert by_slice(slices, known()) == [SliceHeard(0, "word0", 1.0), SliceHeard(1, "word1 word2", 0.75)]


@pytest.mark.parametrize("slices", [[a_slice(0)], [a_slice(1, duration=1.0)]])
def test_of_a_slice_whose_place_is_not_known_nothing_is_said(slices: list[KeptSlice]) -> None:
    assert by_slice(slices, known()) == []


def test_a_slice_is_told_of_once_its_end_is_transcribed() -> None:
    slices = [a_slice(0, duration=1.0), a_slice(1, duration=1.0)]
    assert [one.index for one in by_slice(slices, known(1.9))] == [0]


def test_words_are_told_apart_by_their_middle() -> None:
    words = (Word(text=" over", start=0.4, end=1.2), Word(text=" there", start=0.9, end=1.3))
    segment = Segment(text="over there", start=0.4, end=1.3, words=words)
    said = Transcript(text="over there", language=None, duration=2.0, segments=(segment,))
    utterance = Utterance(number=0, start=0.0, transcript=said, heard=(Span(0.4, 1.3),))
    slices = [a_slice(0, duration=1.0), a_slice(1, duration=0.0), a_slice(2, duration=1.0)]
    found = by_slice(slices, Known.of_settled([utterance], 2.0))
    assert [(one.text, one.speech_ratio) for one in found] == [("over", 0.6), ("", 0.0), ("there", 0.3)]
