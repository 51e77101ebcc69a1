"""The log of writes, as MongoDB keeps it, is read for what went backwards or happened twice."""

from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from tests.chaos.history import changes, doubled_in_parts, doubled_in_sessions, scored_again

Entry = dict[str, Any]


def insert(**document: Any) -> Entry:
    return {"op": "i", "o": {"_id": "p", **document}}


def update(**values: Any) -> Entry:
    return {"op": "u", "o": {"$v": 2, "diff": {"u": values}}, "o2": {"_id": "p"}}


def answer(take: int, rev: int, scoring: str | None = None) -> Entry:
    """A whole answer as `show` writes it."""
    shown = {"take": take, "rev": rev, "scoring_status": scoring}
    return {"op": "u", "o": {"$v": 2, "diff": {"sanswers": {"u": {"q": shown}}}}, "o2": {"_id": "p"}}


def scored() -> Entry:
    diff = {"sanswers": {"sq": {"u": {"scoring_status": "scored"}}}}
    return {"op": "u", "o": {"$v": 2, "diff": diff}, "o2": {"_id": "p"}}


BEGUN = insert(state="uploading", rev=0, fence=0)
CLAIMED = update(state="processing", rev=2, fence=1)
COMPLETED = update(state="completed", rev=3)


def test_an_undisturbed_life_is_without_fault() -> None:
    assert doubled_in_parts([BEGUN, update(state="queued", rev=1), CLAIMED, COMPLETED, update(settled=True)]) == []


def test_a_second_transcript_is_found() -> None:
    # The log holds what differs: the state does not.
    again = update(rev=4, completed_at=2, transcript={"text": "other"})
    faults = doubled_in_parts([BEGUN, CLAIMED, COMPLETED, again])
    assert faults == ["part p: written again after its end: completed_at, transcript.text"]


def test_a_record_that_leaves_its_end_is_found() -> None:
    assert "state went from completed to queued" in doubled_in_parts([BEGUN, COMPLETED, update(state="queued")])[0]


def test_a_fence_that_does_not_rise_is_found() -> None:
    assert doubled_in_parts([BEGUN, CLAIMED, update(fence=1, rev=3)]) == ["part p: fence went from 1 to 1"]


def test_a_newer_take_may_be_scored_again_and_the_same_one_may_not() -> None:
    first = [answer(1, 3, "pending"), scored()]
    assert doubled_in_sessions([*first, answer(2, 1), answer(2, 3, "pending"), scored()]) == []
    assert doubled_in_sessions([*first, scored()]) == ["session p: answers.q was scored twice"]


def test_a_second_score_that_says_the_same_is_found_by_what_is_told() -> None:
    told = [{"type": type, "question_id": "q", "take": 1} for type in ("answer.completed", "answer.scored")]
    newer = {**told[1], "take": 2}
    assert scored_again([*told, newer]) == []
    assert scored_again([*told, newer, told[1]]) == ["take 1 of q was scored 2 times"]


def test_an_older_take_that_is_shown_again_is_found() -> None:
    faults = doubled_in_sessions([answer(2, 1), answer(1, 5)])
    assert faults == ["session p: answers.q went from take and rev (2, 1) to (1, 5)"]


def test_a_revision_that_does_not_rise_is_found() -> None:
    assert doubled_in_sessions([insert(revision=2), update(revision=2)]) == ["session p: revision went from 2 to 2"]


def test_a_document_that_is_logged_as_a_whole_changes_only_what_differs() -> None:
    whole = {"op": "u", "o": {"_id": "p", "state": "completed", "rev": 3, "settled": True}, "o2": {"_id": "p"}}
    assert doubled_in_parts([BEGUN, COMPLETED, whole]) == []
    backwards = {**whole, "o": {"_id": "p", "state": "completed", "rev": 2}}
    assert doubled_in_parts([BEGUN, COMPLETED, backwards]) == ["part p: rev went from 3 to 2"]


async def test_the_real_log_is_read_as_it_is_written(database: AsyncDatabase[Entry]) -> None:
    parts, log = database["parts"], database.client["local"]["oplog.rs"]
    before = (await log.find().sort("$natural", -1).to_list(1))[0]["ts"]
    await parts.insert_one({"_id": "p", "state": "processing", "rev": 1, "audio": {"files": 0}, "long": "x" * 500})
    await parts.update_one({"_id": "p"}, [{"$set": {"state": "completed", "rev": 2, "audio.files": 1, "new": 5}}])
    await parts.update_one({"_id": "p"}, {"$unset": {"new": ""}})
    entries = await log.find({"ns": f"{database.name}.parts", "ts": {"$gt": before}}).sort("$natural", 1).to_list()
    read = [changes(entry) for entry in entries]
    assert read[0]["audio.files"] == 0
    assert read[1] == {"state": "completed", "rev": 2, "audio.files": 1, "new": 5}
    assert read[2] == {"new": None}
