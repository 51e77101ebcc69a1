from typing import Any

import pytest

from tests.chaos.steps import Command, Hold, command_of, steps_of

PARTS = "viva_voce.parts"
SESSIONS = "viva_voce.interview_sessions"
EPOCHS = "viva_voce.epochs"
APP = "viva-voce-worker"


def row(op: str, ns: str, **command: Any) -> dict[str, Any]:
    return {"op": op, "ns": ns, "appName": APP, "command": command}


@pytest.mark.parametrize(
    ("entry", "title"),
    [
        (row("command", PARTS, findAndModify="parts", update=[{"$set": {"state": "queued"}}]), "accept"),
        (
            row("command", PARTS, findAndModify="parts", update=[{"$set": {"state": {"$literal": "uploading"}}}]),
            "begin",
        ),
        (
            row("command", PARTS, findAndModify="parts", update=[{"$set": {"settled": True, "audio.left": 0}}]),
            "settle",
        ),
        (row("update", PARTS, q={}, u={"$set": {"to_score": False}}), "scored"),
        (row("update", SESSIONS, u=[{"$set": {"answers.q1": {}, "revision": {}}}]), "show"),
        (row("update", SESSIONS, u={"$set": {"answers.q1.score": 1}, "$inc": {}}), "score"),
        (row("command", SESSIONS, findAndModify="interview_sessions", update={"$inc": {"takes.q": 1}}), "next_take"),
        (row("remove", "viva_voce.fs.chunks", q={}), "delete chunks"),
        (row("getmore", "viva_voce.fs.chunks", getMore=1, collection="fs.chunks"), "decode, next chunks"),
        (row("update", "viva_voce.parts", u=[{"$set": {"colour": "red"}}]), "update parts colour"),
        (row("update", EPOCHS, u=[{"$set": {"state": {"$ifNull": ["$state", "open"]}}}]), "note the new key"),
        (row("update", EPOCHS, u=[{"$set": {"state": "doomed", "reason": {}}}]), "note the doom"),
        (row("insert", "viva_voce.receipts"), "receipt"),
    ],
)  # fmt: skip
def test_a_command_is_called_after_what_it_writes(entry: dict[str, Any], title: str) -> None:
    command = command_of(entry)
    assert command.title == title
    assert command.is_step


@pytest.mark.parametrize(
    "entry",
    [
        row("update", PARTS, u=[{"$set": {"heartbeat_at": "$$NOW"}}]),
        row("update", "viva_voce.workers", u=[{"$set": {"seen_at": "$$NOW"}}]),
        row("query", SESSIONS, find="interview_sessions"),
    ],
)
def test_a_heartbeat_a_sign_of_life_and_a_look_are_no_steps(entry: dict[str, Any]) -> None:
    assert not command_of(entry).is_step


def test_a_step_knows_how_many_of_its_kind_go_by_before_it() -> None:
    chunk = Command(APP, "insert", "fs.chunks")
    steps = steps_of("upload", [chunk, Command(APP, "find", "parts"), chunk])
    assert [step.name for step in steps] == ["chunk", "chunk 2"]
    assert [step.hold for step in steps] == [Hold(APP, "insert", "fs.chunks", skip) for skip in (0, 1)]


def test_updates_of_records_are_counted_only_after_the_heartbeats_are_over() -> None:
    beat, settle = Command(APP, "update", "parts", "heartbeat_at"), Command(APP, "update", "parts", "settled")
    (step,) = steps_of("finish", [beat, beat, settle])
    assert step.hold == Hold(APP, "update", "parts", skip=0, after_complete=True)


def test_a_write_that_nobody_named_is_a_step_all_the_same() -> None:
    (step,) = steps_of("upload", [Command(APP, "update", "invoices", "paid")])
    assert step.title == "upload: update invoices paid"


def test_a_sweep_is_held_at_what_a_command_is_to_do_however_many_come_before() -> None:
    ring, settle = (Command(APP, "findAndModify", "parts", what) for what in ("rung_at", "settled"))
    steps = steps_of("sweep", [ring, ring, settle])
    assert [step.hold for step in steps] == [Hold(APP, ring.name, "parts", what=c.title) for c in (ring, settle)]


def test_what_each_sweep_does_again_is_one_step() -> None:
    counters, settle = Command(APP, "update", "counters"), Command(APP, "findAndModify", "parts", "settled")
    steps = steps_of("sweep", [counters, settle, counters, counters, settle])
    assert [step.title for step in steps] == ["sweep: tally", "sweep: settle"]
