"""How our values look as MongoDB documents."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from services.interview import (
    Answer,
    Evaluation,
    Failure,
    Feedback,
    KeyPoint,
    Mark,
    Part,
    PartState,
    Question,
    QuestionId,
    Session,
    Status,
    is_id,
)
from services.transcript import Segment, Transcript, Word

Document = dict[str, Any]

WITHOUT_TRANSCRIPT = {"transcript": False}
WITHOUT_EVENTS = {"events": False}
SCORE_FIELDS = ("score", "feedback", "scoring_status", "unscored_reason", "scorer")
_PART_FIELDS = {f.name for f in fields(Part)} - {"id", "state", "failure"}


def answer_path(question_id: QuestionId, field: str = "") -> str:
    """Where a session's document keeps an answer, or a field of it; ValueError for what is no id."""
    return _path("answers", question_id) + (f".{field}" if field else "")


def takes_path(question_id: QuestionId) -> str:
    """Where a session's document counts a question's recordings; ValueError for what is no id."""
    return _path("takes", question_id)


def _path(root: str, question_id: QuestionId) -> str:
    if not is_id(question_id):
        raise ValueError(f"no question id: {question_id!r}")
    return f"{root}.{question_id}"


def session_document(session: Session) -> Document:
    """A session's document, but for its id and its time."""
    return {
        "user_id": session.user_id,
        "title": session.title,
        "questions": [_question_document(question) for question in session.questions],
        "answers": {id: answer_document(answer) for id, answer in session.answers.items()},
        "takes": {},
        "revision": session.revision,
        "cursor": session.cursor,
        "events": [],
    }


def session_of(row: Mapping[str, Any]) -> Session:
    return Session(
        id=row["_id"],
        user_id=row["user_id"],
        title=row["title"],
        questions=tuple(question_of(question) for question in row["questions"]),
        answers={id: answer_of(answer) for id, answer in row["answers"].items()},
        revision=row["revision"],
        cursor=row.get("cursor", 0),
        created_at=row["created_at"],
    )


def _question_document(question: Question) -> Document:
    answer_path(question.id)
    return asdict(question)


def question_of(row: Mapping[str, Any]) -> Question:
    return Question(**{**row, "key_points": tuple(KeyPoint(**point) for point in row["key_points"])})


def answer_document(answer: Answer) -> Document:
    """An answer's document, but for `model_answer`, which the session's question knows."""
    return {
        "id": answer.part_id,
        "question_id": answer.question_id,
        "gridfs_file_id": answer.part_id if answer.audio_stored else None,
        "transcription_status": answer.status.value,
        "transcribed_at": answer.transcribed_at,
        "transcription_error": answer.failure and answer.failure.sentence,
        "transcription_error_code": answer.failure and answer.failure.code,
        "transcript": answer.transcript,
        "created_at": answer.created_at,
        "take": answer.take,
        "rev": answer.rev,
        "language": answer.language,
        "duration_seconds": answer.duration,
        "no_speech": answer.no_speech,
        "warnings": list(answer.warnings),
        **_score_document(answer.mark, answer.evaluation),
    }


def _score_document(mark: Mark | None, evaluation: Evaluation | None) -> Document:
    return {
        "score": evaluation and evaluation.score,
        "feedback": [asdict(feedback) for feedback in evaluation.feedback] if evaluation else [],
        "scoring_status": mark and mark.value,
        "unscored_reason": evaluation and evaluation.reason,
        "scorer": evaluation and evaluation.scorer,
    }


def evaluation_document(evaluation: Evaluation) -> Document:
    """The fields of an answer that scoring writes: SCORE_FIELDS."""
    return _score_document(Mark.UNSCORED if evaluation.score is None else Mark.SCORED, evaluation)


def answer_of(row: Mapping[str, Any]) -> Answer:
    code, sentence = row["transcription_error_code"], row["transcription_error"]
    return Answer(
        question_id=row["question_id"],
        take=row["take"],
        rev=row["rev"],
        part_id=row["id"],
        status=Status(row["transcription_status"]),
        audio_stored=row["gridfs_file_id"] is not None,
        created_at=row["created_at"],
        transcribed_at=row["transcribed_at"],
        failure=Failure(code, sentence) if code else None,
        transcript=row["transcript"],
        language=row["language"],
        duration=row["duration_seconds"],
        no_speech=row["no_speech"],
        warnings=tuple(row["warnings"]),
        mark=Mark(row["scoring_status"]) if row["scoring_status"] else None,
        evaluation=_evaluation_of(row),
    )


def _evaluation_of(row: Mapping[str, Any]) -> Evaluation | None:
    if row["scorer"] is None:
        return None
    feedback = tuple(Feedback(**entry) for entry in row["feedback"])
    return Evaluation(score=row["score"], feedback=feedback, reason=row["unscored_reason"], scorer=row["scorer"])


def part_document(part: Part) -> Document:
    """A part's document, but for its id and its times."""
    document = asdict(part)
    for name in ("id", "created_at", "completed_at"):
        del document[name]
    return {**document, "state": part.state.value, "settled": True, "to_score": False, "score_failures": 0}


def part_of(row: Mapping[str, Any]) -> Part:
    return Part(
        id=row["_id"],
        state=PartState(row["state"]),
        failure=Failure(**row["failure"]) if row["failure"] else None,
        **{name: row[name] for name in _PART_FIELDS & row.keys()},
    )


def transcript_of(row: Mapping[str, Any]) -> Transcript:
    segments = tuple(_segment_of(segment) for segment in row["segments"])
    return Transcript(**{**row, "segments": segments, "warnings": tuple(row["warnings"])})


def _segment_of(row: Mapping[str, Any]) -> Segment:
    return Segment(**{**row, "words": tuple(Word(**word) for word in row["words"])})
