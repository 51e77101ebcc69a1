"""What stands in MongoDB: names that others rely on, and times of the server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import answer_path, question_of
from services.errors import SessionNotFound
from services.interviews.model import Failure, QuestionId, Status
from services.interviews.transcript import silence
from services.recordings.ports.audio import Deletion
from tests.services.adapters.stores import ANN, BOB, Q1, Q2, S1, Store, a_session, store_on_mongo
from tests.services.adapters.test_audio_contract import METADATA, pieces
from tests.services.adapters.test_parts_contract import HEARD
from tests.services.adapters.test_sessions_contract import CRAFTED, PART, SCORE, an_answer, completed

Document = dict[str, Any]
SHAPE = {
    "id",
    "question_id",
    "gridfs_file_id",
    "transcription_status",
    "transcribed_at",
    "transcription_error",
    "transcript",
    "score",
    "feedback",
    "model_answer",
    "created_at",
}


@pytest.fixture
def on_mongo(database: AsyncDatabase[Document]) -> Store:
    return store_on_mongo(database)


async def the_answer(database: AsyncDatabase[Document]) -> Document:
    row = await database["interview_sessions"].find_one({"_id": S1})
    assert row is not None
    answer: Document = row["answers"][Q1]
    return answer


async def the_part(database: AsyncDatabase[Document], id: str) -> Document:
    row = await database["parts"].find_one({"_id": id})
    assert row is not None
    return row


def is_recent(moment: datetime) -> bool:
    return abs(datetime.now(UTC) - moment) < timedelta(seconds=60)


@pytest.mark.parametrize(("kept", "language"), [("eng", "en"), ("iw", "he"), ("zzz", None), (None, None), ("de", "de")])
async def test_a_language_that_was_kept_as_it_was_sent_is_one_or_is_found_out(
    on_mongo: Store, database: AsyncDatabase[Document], kept: str | None, language: str | None
) -> None:
    asked = question_of({"id": Q1, "text": "?", "language": kept})
    assert (asked.language, asked.languages) == (language, ())
    part = await on_mongo.queued()
    await database["parts"].update_one({"_id": part.id}, {"$set": {"language": kept}})
    queued = await on_mongo.records.get(part.id)
    assert queued is not None
    assert queued.language == language


@pytest.mark.parametrize("id", CRAFTED)
def test_no_path_leads_out_of_an_answer(id: str) -> None:
    with pytest.raises(ValueError):
        answer_path(QuestionId(id))


async def test_an_answer_has_the_promised_shape(database: AsyncDatabase[Document], on_mongo: Store) -> None:
    await on_mongo.sessions.create(a_session())
    await on_mongo.sessions.show(S1, an_answer())
    answer = await the_answer(database)
    assert answer.keys() >= SHAPE
    assert answer["id"] == answer["gridfs_file_id"] == PART
    assert (answer["transcription_status"], answer["feedback"], answer["score"]) == ("queued", [], None)
    assert answer["transcript"] is answer["transcribed_at"] is answer["transcription_error"] is None
    assert answer["model_answer"] == "$because"


async def test_a_scored_answer_in_the_document(database: AsyncDatabase[Document], on_mongo: Store) -> None:
    await on_mongo.sessions.create(a_session())
    await on_mongo.sessions.show(S1, completed())
    await on_mongo.sessions.score(S1, Q1, 1, SCORE)
    answer = await the_answer(database)
    assert answer["gridfs_file_id"] is None
    assert (answer["score"], answer["scoring_status"], answer["scorer"]) == (80.0, "scored", "coverage")
    assert answer["feedback"][0]["quote"] == answer["transcript"] == "$was so"


async def test_a_failed_answer_says_why(database: AsyncDatabase[Document], on_mongo: Store) -> None:
    await on_mongo.sessions.create(a_session())
    failed = an_answer(status=Status.FAILED)
    await on_mongo.sessions.show(S1, type(failed)(**{**_fields(failed), "failure": Failure("code", "Sentence.")}))
    answer = await the_answer(database)
    assert (answer["transcription_error"], answer["transcription_error_code"]) == ("Sentence.", "code")


def _fields(answer: Any) -> Document:
    return {name: getattr(answer, name) for name in answer.__slots__}


async def test_an_analysis_has_its_time(database: AsyncDatabase[Document], on_mongo: Store) -> None:
    await on_mongo.sessions.create(a_session())
    await on_mongo.sessions.record_analysis(S1, 0, {"final_score": "$x"})
    row = await database["interview_sessions"].find_one({"_id": S1})
    assert row is not None and row["analysis"] == {"final_score": "$x"}
    assert is_recent(row["analyzed_at"]) and is_recent(row["created_at"])


async def test_the_steps_of_a_part_have_their_times(database: AsyncDatabase[Document], on_mongo: Store) -> None:
    claimed = await on_mongo.claimed()
    done = await on_mongo.claims.complete(claimed.id, claimed.fence, HEARD)
    assert done is not None
    row = await the_part(database, done.id)
    for name in ("created_at", "queued_at", "claimed_at", "heartbeat_at", "completed_at"):
        assert is_recent(row[name])
    assert row["created_at"] <= row["queued_at"] <= row["claimed_at"] <= row["completed_at"]
    assert (row["owner"], row["engine"], row["to_score"], row["settled"]) == ("worker", "$engine", True, False)
    assert row["processing_seconds"] >= 0
    assert row["transcript"]["segments"][0]["words"][0]["text"] == "$so"


async def test_deletions_add_up(database: AsyncDatabase[Document], on_mongo: Store) -> None:
    claimed = await on_mongo.claimed()
    done = await on_mongo.claims.complete(claimed.id, claimed.fence, silence(1.0))
    assert done is not None
    await on_mongo.closings.settle(done.id, done.rev, Deletion(1, 4, 2))
    await on_mongo.closings.settle(done.id, done.rev, Deletion(0, 2, 0))
    noted = (await the_part(database, done.id))["audio"]
    assert {name: noted[name] for name in ("files", "chunks", "left")} == {"files": 1, "chunks": 6, "left": 0}
    assert is_recent(noted["deleted_at"])


async def test_a_foreign_user_changes_nothing(database: AsyncDatabase[Document], on_mongo: Store) -> None:
    await on_mongo.sessions.create(a_session())
    before = await database["interview_sessions"].find_one({"_id": S1})
    with pytest.raises(SessionNotFound):
        await on_mongo.sessions.next_take(S1, Q1, BOB)
    assert await database["interview_sessions"].find_one({"_id": S1}) == before


async def test_a_recordings_file_has_its_metadata(database: AsyncDatabase[Document], on_mongo: Store) -> None:
    queued = await on_mongo.queued()
    await on_mongo.audio.store(queued.id, pieces(b"x" * 300_000), METADATA)
    await on_mongo.audio.mark(queued.id, "processing")
    file = await database["fs.files"].find_one({"_id": ObjectId(queued.id)})
    assert file is not None
    assert (file["length"], file["chunkSize"], file["filename"]) == (300_000, 255 * 1024, queued.id)
    assert is_recent(file["uploadDate"]) and file["metadata"].pop("upload_date") == file["uploadDate"]
    assert file["metadata"] == {**METADATA, "status": "processing"}


async def test_a_number_whose_answer_was_lost_is_that_of_its_question(
    on_mongo: Store, mongo: AsyncMongoClient[Document]
) -> None:
    """What the driver repeats is answered with the document as it was kept, whatever was to be selected of it."""
    await on_mongo.sessions.create(a_session())
    before = datetime.now(UTC)
    lost = {"failCommands": ["findAndModify"], "writeConcernError": {"code": 91, "errmsg": "shutdown in progress"}}
    await mongo.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=lost)
    take = await on_mongo.sessions.next_take(S1, Q2, ANN)
    assert (take.number, take.question.id, take.owner) == (1, Q2, ANN.user_id)
    assert abs(take.at - before) < timedelta(minutes=1)
