"""Whether the promises held: pure looks at what a cell left behind."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.chaos.history import doubled_in_parts, doubled_in_sessions, scored_again
from tests.chaos.receipts import Chain, untrue

LIVE = {"uploading", "queued", "processing"}
# The recordings are good: only those who work on them may fail.
FAIR_REASONS = {"worker_lost", "engine_unavailable", "engine_timeout", "engine_busy"}
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """An upload as its client knows it: what it says, and the record's id if the client was told 202."""

    sha256: str
    says: str
    question: str
    accepted: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is in the database when all is quiet and one sweep is over; ids are strings.

    `chain` is its owner's receipts, None where none are made.
    `heard` tells when the engine was asked for a transcript, `is_right` whether one says what was said.
    """

    sent: Sequence[Sent]
    parts: Sequence[Row]
    answers: Mapping[str, Row]
    files: set[str]
    chunks: set[str]
    part_log: Sequence[Row] = ()
    session_log: Sequence[Row] = ()
    events: Sequence[Row] = ()
    chain: Chain | None = None
    heard: Mapping[str, datetime] = field(default_factory=dict)
    is_right: Callable[[str, str], bool] = lambda said, heard: heard.startswith(said)


@dataclass(slots=True)
class Verdict:
    answers: int = 0
    completed: int = 0
    failed: int = 0
    superseded: int = 0
    erased: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.strays, *self.untrue, *self.missed]


def judge(remains: Remains) -> Verdict:
    """Hold the promises against what remains."""
    parts = {part["_id"]: part for part in remains.parts}
    accepted = [parts[sent.accepted] for sent in remains.sent if sent.accepted in parts]
    states = [part["state"] for part in accepted]
    return Verdict(
        answers=sum(sent.accepted is not None for sent in remains.sent),
        completed=states.count("completed"),
        failed=states.count("failed"),
        superseded=states.count("superseded"),
        reasons=sorted(part["failure"]["code"] for part in accepted if part["state"] == "failed" and part["failure"]),
        lost=[*_lost(remains, parts), *_wrong(remains, parts.values()), *_not_shown(remains)],
        doubled=list(_doubled(remains)),
        strays=list(_strays(remains)),
        untrue=list(untrue(remains.chain, remains.parts, {sent.sha256 for sent in remains.sent}))
        if remains.chain
        else [],
    )


def _lost(remains: Remains, parts: Mapping[str, Row]) -> Iterator[str]:
    """Uploads that got their 202 and have no end."""
    for sent in remains.sent:
        if sent.accepted is None:
            continue
        part = parts.get(sent.accepted)
        if part is None:
            yield f"{sent.accepted}: no record"
        elif part["state"] not in ("completed", "failed", "superseded"):
            yield f"{sent.accepted}: still {part['state']}"
        elif part["sha256"] != sent.sha256:
            yield f"{sent.accepted}: other bytes were stored"


def _wrong(remains: Remains, parts: Iterable[Row]) -> Iterator[str]:
    """Records whose end is not what it should be, whether their client heard of it or not."""
    says = {sent.sha256: sent.says for sent in remains.sent}
    for part in parts:
        if part["state"] == "completed" and not _is_right(remains, says.get(part["sha256"]), part):
            yield f"{part['_id']}: the transcript is another's: {part['transcript']['text']!r}"
        reason = (part["failure"] or {}).get("code")
        if part["state"] == "failed" and reason not in FAIR_REASONS:
            yield f"{part['_id']}: failed by {reason}, though its recording is good"
        if part["state"] == "superseded" and not _has_newer(part, remains.parts):
            yield f"{part['_id']}: superseded by nothing"


def _is_right(remains: Remains, says: str | None, part: Row) -> bool:
    return says is not None and remains.is_right(says, part["transcript"]["text"])


def _doubled(remains: Remains) -> Iterator[str]:
    yield from _stale(remains)
    yield from doubled_in_parts(remains.part_log)
    yield from doubled_in_sessions(remains.session_log)
    yield from scored_again(remains.events)


def _stale(remains: Remains) -> Iterator[str]:
    """Transcripts that were heard before their record was last claimed: they are of a worker that had lost it."""
    for part in remains.parts:
        heard = remains.heard.get(part["transcript"]["text"]) if part["state"] == "completed" else None
        if heard is not None and heard < part["claimed_at"]:
            yield f"{part['_id']}: completed by a worker that had lost it"


def _has_newer(part: Row, parts: Iterable[Row]) -> bool:
    same = (other for other in parts if other["question_id"] == part["question_id"] and other["take"] > part["take"])
    return any(other["state"] != "aborted" for other in same)


def _not_shown(remains: Remains) -> Iterator[str]:
    """Answers that do not show their newest take as it ended, evaluated."""
    for question in {sent.question for sent in remains.sent}:
        takes = [
            p for p in remains.parts if p["question_id"] == question and p["state"] not in ("aborted", "uploading")
        ]
        if not takes:
            continue
        newest = max(takes, key=lambda part: part["take"])
        shown = remains.answers.get(question)
        if shown is None or (shown["id"], shown["transcription_status"]) != (newest["_id"], newest["state"]):
            yield f"{question}: does not show its newest take {newest['_id']} as {newest['state']}"
        elif newest["state"] == "completed" and shown["scoring_status"] not in ("scored", "unscored"):
            yield f"{question}: was never scored"
        elif newest["state"] == "completed" and shown["gridfs_file_id"] is not None:
            yield f"{question}: shows completed with its audio"


def _untrue(remains: Remains) -> list[str]:
    """What receipts do not say, or not as it is."""
    if remains.chain is None:
        return []
    return list(untrue(remains.chain, remains.parts, {sent.sha256 for sent in remains.sent}))


def _strays(remains: Remains) -> Iterator[str]:
    """Audio without a record that needs it, records without their audio, chunks without a file."""
    needed = {part["_id"] for part in remains.parts if part["state"] in LIVE or part["keep_audio"]}
    yield from (f"{id}: a file that no record needs" for id in sorted(remains.files - needed))
    yield from (f"{id}: chunks without a file" for id in sorted(remains.chunks - remains.files))
    yield from (f"{id}: a record without its audio" for id in sorted(needed - remains.files))
    yield from (f"{p['_id']}: still uploading" for p in remains.parts if p["state"] == "uploading")
