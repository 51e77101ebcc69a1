"""The main job on real processes and real speech: answers in, transcripts and scores out, audio gone."""

import pytest

from services.recordings.formats import Container
from tests.at_length import long_but
from tests.audio import noise, silence, wav
from tests.system.live import Stack, analyze, create, upload, wait_for
from tests.system.speech import samples, transcoded, word_error_rate

ANSWER_FIELDS = {
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


def test_an_interview_becomes_transcripts_and_scores_and_its_audio_is_gone(stack: Stack) -> None:
    spoken = samples()
    with stack.client() as client:
        session = create(client, *(s.question for s in spoken))
        for sample in spoken:
            upload(client, session, sample.id, sample.audio.read_bytes())
        result = analyze(client, session)
    assert result["scored_count"] == len(spoken)
    assert 0 < result["final_score"] <= 100
    for sample, answer in zip(spoken, result["answers"], strict=True):
        assert word_error_rate(sample.said, answer["transcript"]) < 0.15
        quotes = [f["quote"] for f in answer["feedback"] if f["covered"]]
        assert quotes
        assert all(quote in answer["transcript"] for quote in quotes)
    _check_record(stack, session)


def _check_record(stack: Stack, session: str) -> None:
    document = stack.database["interview_sessions"].find_one({"_id": session})
    assert document is not None
    for answer in document["answers"].values():
        assert answer.keys() >= ANSWER_FIELDS
        assert (answer["transcription_status"], answer["gridfs_file_id"]) == ("completed", None)
        assert answer["model_answer"]
    for part in stack.database["parts"].find({"session_id": session}):
        assert (part["audio"]["files"], part["audio"]["left"]) == (1, 0)
        assert part["transcript"]["segments"][0]["words"]
        assert stack.database["fs.chunks"].count_documents({"files_id": part["_id"]}) == 0


@pytest.mark.parametrize("container", long_but("mp4", of=[container.value for container in Container]))
def test_every_container_is_heard(stack: Stack, container: str) -> None:
    sample = samples()[0]
    with stack.client() as client:
        session = create(client, sample.question)
        upload(client, session, sample.id, transcoded(sample.audio, container), f"answer.{container}")
        answer = wait_for(client, session, sample.id)
    assert answer["status"] == "completed", answer
    assert word_error_rate(sample.said, answer["transcript"]) < 0.15


@pytest.mark.parametrize("sound", [silence(8), noise(8)], ids=["silence", "noise"])
def test_where_nobody_speaks_there_are_no_words(stack: Stack, sound) -> None:  # type: ignore[no-untyped-def]
    with stack.client() as client:
        session = create(client, {"id": "q1", "text": "?", "key_points": ["anything"]})
        upload(client, session, "q1", wav(sound))
        answer = wait_for(client, session, "q1")
        assert (answer["status"], answer["transcript"], answer["no_speech"]) == ("completed", "", True)
        assert analyze(client, session)["unscored"] == {"q1": "no_speech"}


def test_what_cannot_be_decoded_fails_with_a_reason_and_is_not_kept(stack: Stack) -> None:
    with stack.client() as client:
        session = create(client, {"id": "q1", "text": "?"})
        file_id = upload(client, session, "q1", b"\x1a\x45\xdf\xa3" + b"no webm at all" * 500)["file_id"]
        answer = wait_for(client, session, "q1")
        assert (answer["status"], answer["error"]["code"]) == ("failed", "audio_unreadable")
        assert analyze(client, session)["failed"] == ["q1"]
    assert stack.database["fs.files"].count_documents({"filename": file_id}) == 0


def test_recording_again_shows_the_newest_take(stack: Stack) -> None:
    first, second, _ = samples()
    with stack.client() as client:
        session = create(client, first.question)
        upload(client, session, first.id, first.audio.read_bytes())
        upload(client, session, first.id, second.audio.read_bytes())
        answer = wait_for(client, session, first.id)
    assert answer["take"] == 2
    assert word_error_rate(second.said, answer["transcript"]) < 0.15


def test_another_user_sees_nothing_of_it(stack: Stack) -> None:
    with stack.client("alice") as alice, stack.client("bob") as bob, stack.client("root", admin=True) as admin:
        session = create(alice, {"id": "q1", "text": "?"})
        for path in (f"/api/sessions/{session}", f"/api/transcription-status/{session}"):
            assert bob.get(path).status_code == 404
            assert bob.get(path).json() == bob.get(path.replace(session, "nowhere")).json()
            assert admin.get(path).status_code == 200


def test_the_contract_is_documented(stack: Stack) -> None:
    with stack.client() as client:
        document = client.get("/openapi.json").json()
    assert "/api/upload-answer/{session_id}/{question_id}" in document["paths"]
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["operationId"]
            assert operation["tags"]


def test_nothing_is_left(stack: Stack) -> None:
    assert stack.audio_left() == (0, 0)
