"""Documents are read with what another version adds to them, and without what it does not know."""

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import part_of, session_of, transcript_of
from services.events.model import EventType
from services.interviews.model import PartState, Question, QuestionId
from services.interviews.transcript import Segment, Transcript, Verdict, Word
from tests.rolling import scene
from tests.services.adapters.stores import store_on_mongo

Document = dict[str, Any]
LATER = {"of_a_later_version": {"x": [1]}}
MAPS = ("answers", "takes", "failures", "told")


async def every(database: AsyncDatabase[Document]) -> list[tuple[str, Document]]:
    names = await database.list_collection_names()
    return [(name, row) for name in names if name != "fs.chunks" async for row in database[name].find()]


def with_more(value: Any, name: str = "") -> Any:
    """The value with another field in each of its objects, at any depth."""
    if isinstance(value, list):
        return [with_more(each) for each in value]
    if not isinstance(value, dict):
        return value
    inside = {key: with_more(each, key) for key, each in value.items()}
    return inside if name in MAPS else {**inside, **LATER}


@pytest.fixture
async def written(database: AsyncDatabase[Document]) -> AsyncDatabase[Document]:
    await scene.write(database)
    return database


async def test_what_was_written_is_read(written: AsyncDatabase[Document]) -> None:
    await scene.check(written)


async def test_what_a_later_version_adds_is_ignored(written: AsyncDatabase[Document]) -> None:
    for name, row in await every(written):
        await written[name].replace_one({"_id": row["_id"]}, with_more(row))
    await scene.check(written)


async def test_words_of_a_later_version_are_left_out(written: AsyncDatabase[Document]) -> None:
    event = {"type": "answer.dreamt", "number": 9, "at": None, "question_id": None, "take": None, "status": "dreamt"}
    sessions, said = written["interview_sessions"], {"$push": {"events": event}, "$set": {"cursor": 9}}
    await sessions.update_one({}, said)
    await written["webhooks"].update_one({}, {"$push": {"events": "answer.dreamt"}})
    await written["audit"].update_many({"step": "begun"}, {"$set": {"action": "dream"}})
    store = store_on_mongo(written)
    assert (await store.events.after(scene.S1, 8, scene.ANN)).events is None, "a snapshot tells what no event can"
    assert set((await store.endpoints.get(scene.W1, scene.ANN)).events) == {EventType.COMPLETED, EventType.FAILED}
    assert await store.audit_log.page(None, 10) == []


def test_what_an_earlier_version_did_not_write_takes_its_default() -> None:
    asked: Document = {"id": "q1", "text": "Why?"}
    shown = {"id": "p1", "question_id": "q1", "take": 1, "rev": 2, "gridfs_file_id": None}
    answer: Document = {**shown, "transcription_status": "completed", "transcript": "So."}
    session = session_of({"_id": "s1", "user_id": "ann", "questions": [asked], "answers": {"q1": answer}})
    assert session.questions == (Question(id=QuestionId("q1"), text="Why?"),)
    assert (session.answers[session.questions[0].id].transcript, session.cursor, session.title) == ("So.", 0, None)
    part = part_of(
        {"_id": "p1", "session_id": "s1", "question_id": "q1", "user_id": "ann", "take": 1, "state": "failed"}
    )
    assert (part.state, part.failure, part.retries) == (PartState.FAILED, None, 0)
    word = {"text": "So.", "start": 0.0, "end": 1.0}
    heard = transcript_of({"text": "So.", "language": None, "duration": 1.0, "segments": [{**word, "words": [word]}]})
    segment = Segment(text="So.", start=0.0, end=1.0, words=(Word(text="So.", start=0.0, end=1.0),))
    assert heard == Transcript(text="So.", language=None, duration=1.0, segments=(segment,))


def test_a_verdict_of_a_later_version_is_none() -> None:
    word = {"text": "So.", "start": 0.0, "end": 1.0}
    heard = transcript_of(
        {"text": "So.", "language": None, "duration": 1.0, "verdict": "dreamt", "segments": [{**word, "verdict": "ok"}]}
    )
    assert (heard.verdict, heard.segments[0].verdict) == (None, Verdict.OK)
    shown = {"id": "p1", "question_id": "q1", "take": 1, "rev": 2, "gridfs_file_id": None, "speech_verdict": "dreamt"}
    answers = {"q1": {**shown, "transcription_status": "completed"}}
    session = session_of({"_id": "s1", "user_id": "ann", "questions": [], "answers": answers})
    assert session.answers[QuestionId("q1")].verdict is None
