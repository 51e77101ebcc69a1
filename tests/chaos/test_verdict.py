"""Each promise is broken once here, and the verdict says so."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.verdict import Remains, Sent, Verdict, judge

BEFORE, CLAIMED, AFTER = (datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in (1, 2, 3))
SENT = Sent("hash", "what was said", "q1", "p1")


def part(**changed: Any) -> dict[str, Any]:
    usual = {
        "_id": "p1",
        "question_id": "q1",
        "take": 1,
        "state": "completed",
        "sha256": "hash",
        "keep_audio": False,
        "failure": None,
        "transcript": {"text": "what was said"},
        "claimed_at": CLAIMED,
    }
    return {**usual, **changed}


def shown(**changed: Any) -> dict[str, Any]:
    usual = {"id": "p1", "transcription_status": "completed", "scoring_status": "scored", "gridfs_file_id": None}
    return {**usual, **changed}


def verdict(**changed: Any) -> Verdict:
    usual: dict[str, Any] = {
        "sent": [SENT],
        "parts": [part()],
        "answers": {"q1": shown()},
        "files": set(),
        "chunks": set(),
    }
    return judge(Remains(**{**usual, **changed}))


def test_what_went_well_has_no_faults() -> None:
    found = verdict()
    assert (found.answers, found.completed, found.faults) == (1, 1, [])


@pytest.mark.parametrize(
    ("parts", "answers", "fault"),
    [
        ([], {}, "p1: no record"),
        ([part(state="queued")], {"q1": shown(transcription_status="queued")}, "p1: still queued"),
        ([part(state="aborted")], {}, "p1: still aborted"),
        ([part(transcript={"text": "something else"})], {"q1": shown()}, "the transcript is another's"),
        ([part(sha256="other")], {"q1": shown()}, "other bytes were stored"),
        ([part(state="failed")], {"q1": shown(transcription_status="failed")}, "failed by None"),
        ([part(state="failed", failure={"code": "audio_unreadable"})], {"q1": shown()}, "failed by audio_unreadable"),
        ([part(state="superseded")], {"q1": shown(transcription_status="superseded")}, "superseded by nothing"),
        ([part()], {}, "does not show its newest take"),
        ([part(), part(_id="p2", take=2)], {"q1": shown()}, "does not show its newest take p2"),
        ([part()], {"q1": shown(scoring_status="pending")}, "never scored"),
        ([part()], {"q1": shown(gridfs_file_id="p1")}, "shows completed with its audio"),
    ],
)
def test_a_lost_answer_is_found(parts: list[Any], answers: dict[str, Any], fault: str) -> None:
    assert any(fault in found for found in verdict(parts=parts, answers=answers).lost)


def test_a_failed_answer_with_a_reason_has_an_end() -> None:
    failed = part(state="failed", failure={"code": "worker_lost"})
    found = verdict(parts=[failed], answers={"q1": shown(transcription_status="failed")})
    assert (found.failed, found.faults) == (1, [])


def test_an_upload_that_heard_nothing_may_be_gone_but_leaves_no_record_uploading() -> None:
    unheard = Sent("hash", "what was said", "q1", None)
    assert verdict(sent=[unheard], parts=[part(state="aborted")], answers={}).faults == []
    left = verdict(sent=[unheard], parts=[part(state="uploading")], answers={}, files={"p1"}, chunks={"p1"})
    assert left.strays == ["p1: still uploading"]


@pytest.mark.parametrize(
    ("remains", "fault"),
    [
        ({"files": {"p1"}, "chunks": {"p1"}}, "p1: a file that no record needs"),
        ({"chunks": {"p1"}}, "p1: chunks without a file"),
        ({"parts": [part(state="failed", failure={"code": "c"}, keep_audio=True)]}, "p1: a record without its audio"),
    ],
)
def test_a_stray_is_found(remains: dict[str, Any], fault: str) -> None:
    assert fault in verdict(**remains).strays


def test_a_transcript_from_before_the_last_claim_is_of_a_worker_that_had_lost_it() -> None:
    assert verdict(heard={"what was said": AFTER}).doubled == []
    assert verdict(heard={"what was said": BEFORE}).doubled == ["p1: completed by a worker that had lost it"]


def test_a_take_that_was_scored_twice_is_doubled() -> None:
    scored = {"type": "answer.scored", "question_id": "q1", "take": 1}
    assert verdict(events=[scored]).doubled == []
    assert verdict(events=[scored, scored]).doubled == ["take 1 of q1 was scored 2 times"]
