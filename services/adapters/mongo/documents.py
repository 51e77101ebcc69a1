"""How our values look as MongoDB documents."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from services.adapters.mongo.tolerant import known, value_of
from services.interviews.language import find
from services.interviews.model import (
    Answer,
    CallSide,
    Checkpoint,
    Entry,
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
    asked_in,
    is_id,
)
from services.interviews.spoken import Told, in_work, live
from services.interviews.transcript import Flaw, Segment, Span, Transcript, Verdict, Word

Document = dict[str, Any]

WITHOUT_TRANSCRIPT = {"transcript": False}
WITHOUT_EVENTS = {"events": False}
SCORE_FIELDS = ("score", "feedback", "scoring_status", "unscored_reason", "scorer", "usable_share")


def answer_path(question_id: QuestionId, field: str = "") -> str:
    """Where a session's document keeps an answer, or a field of it; ValueError for what is no id."""
    return _path("answers", question_id) + (f".{field}" if field else "")


def aside_path(question_id: QuestionId) -> str:
    """Where a session's document notes which right side of a call about a question was told of last."""
    return _path("asides", asked_in(question_id))


def takes_path(question_id: QuestionId) -> str:
    """Where a session's document counts a question's recordings; ValueError for what is no id."""
    return _path("takes", question_id)


def told_path(question_id: QuestionId, field: str = "") -> str:
    """Where a session's document says what was told of a recording in work; ValueError for what is no id."""
    side = question_id.removeprefix(asked_in(question_id))
    return _path("told", asked_in(question_id)) + side + (f".{field}" if field else "")


def _path(root: str, question_id: QuestionId) -> str:
    if not is_id(question_id):
        raise ValueError(f"no question id: {question_id!r}")
    return f"{root}.{question_id}"


def session_document(session: Session) -> Document:
    """A session's document, but for its id and its time."""
    return {
        "user_id": session.user_id,
        "title": session.title,
        "size": session.size,
        "questions": [_question_document(question) for question in session.questions],
        "answers": {id: answer_document(answer) for id, answer in session.answers.items()},
        "takes": {},
        "revision": session.revision,
        "cursor": session.cursor,
        "events": [],
    }


def session_of(row: Mapping[str, Any]) -> Session:
    answers = {id: answer_of(answer) for id, answer in row["answers"].items()}
    told = told_in(row)
    return value_of(
        Session,
        row,
        id=row["_id"],
        questions=tuple(question_of(question) for question in row["questions"]),
        answers=in_work(answers, told),
        live=live(answers, told),
    )


def told_in(row: Mapping[str, Any]) -> dict[QuestionId, Told]:
    """What a session's document says of recordings in work."""
    return {id: value_of(Told, one) for id, one in row.get("told", {}).items()}


def _question_document(question: Question) -> Document:
    answer_path(question.id)
    return asdict(question)


def question_of(row: Mapping[str, Any]) -> Question:
    points = tuple(value_of(KeyPoint, point) for point in row.get("key_points", ()))
    return value_of(Question, row, key_points=points, **_spoken_of(row))


def _spoken_of(row: Mapping[str, Any]) -> Document:
    """What was said of the language; codes that are none, as they were once kept, leave it to be found out."""
    several = (find(code) for code in row.get("languages", ()))
    return {"language": find(row.get("language")), "languages": tuple(code for code in several if code)}


def answer_document(answer: Answer) -> Document:
    """An answer's document, but for `model_answer`, which the session's question knows."""
    return {
        "id": answer.part_id,
        "question_id": answer.question_id,
        "gridfs_file_id": answer.part_id if answer.audio_stored else None,
        "deletion_receipt": answer.receipt,
        "transcription_status": answer.status.value,
        "received_seconds": answer.received_seconds,
        "transcribed_seconds": answer.transcribed_seconds,
        "transcribed_at": answer.transcribed_at,
        "transcription_error": answer.failure and answer.failure.sentence,
        "transcription_error_code": answer.failure and answer.failure.code,
        "transcript": answer.transcript,
        "is_cut": answer.is_cut,
        "created_at": answer.created_at,
        "take": answer.take,
        "rev": answer.rev,
        "language": answer.language,
        "language_probability": answer.language_probability,
        "duration_seconds": answer.duration,
        "no_speech": answer.no_speech,
        "warnings": list(answer.warnings),
        "flaws": [asdict(flaw) for flaw in answer.flaws],
        "speech_verdict": answer.verdict and answer.verdict.value,
        "verdict_version": answer.verdict_version,
        "call_id": answer.call_id,
        "side": answer.side and answer.side.value,
        **_score_document(answer.mark, answer.evaluation),
    }


def _score_document(mark: Mark | None, evaluation: Evaluation | None) -> Document:
    return {
        "score": evaluation and evaluation.score,
        "feedback": [asdict(feedback) for feedback in evaluation.feedback] if evaluation else [],
        "scoring_status": mark and mark.value,
        "unscored_reason": evaluation and evaluation.reason,
        "scorer": evaluation and evaluation.scorer,
        "usable_share": evaluation and evaluation.usable_share,
    }


def evaluation_document(evaluation: Evaluation) -> Document:
    """The fields of an answer that scoring writes: SCORE_FIELDS."""
    return _score_document(Mark.UNSCORED if evaluation.score is None else Mark.SCORED, evaluation)


def answer_of(row: Mapping[str, Any]) -> Answer:
    code, mark = row.get("transcription_error_code"), row.get("scoring_status")
    return value_of(
        Answer,
        row,
        part_id=row["id"],
        status=Status(row["transcription_status"]),
        audio_stored=row["gridfs_file_id"] is not None,
        receipt=row.get("deletion_receipt"),
        failure=Failure(code, row["transcription_error"]) if code else None,
        language=find(row.get("language")),
        duration=row.get("duration_seconds"),
        warnings=tuple(row.get("warnings", ())),
        flaws=flaws_of(row),
        verdict=verdict_of(row.get("speech_verdict")),
        mark=Mark(mark) if mark else None,
        side=side_of(row.get("side")),
        evaluation=_evaluation_of(row),
    )


def _evaluation_of(row: Mapping[str, Any]) -> Evaluation | None:
    if row.get("scorer") is None:
        return None
    feedback = tuple(value_of(Feedback, entry) for entry in row["feedback"])
    return value_of(Evaluation, row, feedback=feedback, reason=row.get("unscored_reason"))


# asdict copies whatever it meets, which costs more than an upload's other objects together.
PART_FIELDS = [field.name for field in fields(Part) if field.name not in ("id", "created_at", "completed_at")]


def part_document(part: Part) -> Document:
    """A part's document, but for its id and its times."""
    document = {name: getattr(part, name) for name in PART_FIELDS}
    document["failure"] = asdict(part.failure) if part.failure else None
    document["checkpoint"] = asdict(part.checkpoint) if part.checkpoint else None
    document["side"] = part.side and part.side.value
    return {**document, "state": part.state.value, "settled": True, "to_score": False, "score_failures": 0}


def part_of(row: Mapping[str, Any]) -> Part:
    failure = row.get("failure")
    return value_of(
        Part,
        row,
        id=row["_id"],
        state=PartState(row["state"]),
        side=side_of(row.get("side")),
        **_spoken_of(row),
        failure=value_of(Failure, failure) if failure else None,
        checkpoint=_checkpoint_of(row.get("checkpoint")),
    )


def _checkpoint_of(row: Mapping[str, Any] | None) -> Checkpoint | None:
    if not row:
        return None
    entry = row.get("entry")
    return value_of(
        Checkpoint, row, language=find(row.get("language")), entry=value_of(Entry, entry) if entry else None
    )


def transcript_of(row: Mapping[str, Any]) -> Transcript:
    segments = tuple(_segment_of(segment) for segment in row.get("segments", ()))
    return value_of(
        Transcript,
        row,
        segments=segments,
        language=find(row.get("language")),
        warnings=tuple(row.get("warnings", ())),
        flaws=flaws_of(row),
        verdict=verdict_of(row.get("verdict")),
        right=transcript_of(right) if (right := row.get("right")) else None,
        heard=tuple(value_of(Span, span) for span in row.get("heard", ())),
    )


def flaws_of(row: Mapping[str, Any]) -> tuple[Flaw, ...]:
    return tuple(value_of(Flaw, flaw) for flaw in row.get("flaws", ()))


def _segment_of(row: Mapping[str, Any]) -> Segment:
    words = tuple(value_of(Word, word) for word in row.get("words", ()))
    return value_of(Segment, row, words=words, verdict=verdict_of(row.get("verdict")))


def side_of(word: str | None) -> CallSide | None:
    return CallSide(word) if word else None


def verdict_of(word: str | None) -> Verdict | None:
    """None for a word of another version."""
    return next(iter(known(Verdict, [word] if word else [])), None)
