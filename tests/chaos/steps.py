"""The steps of an answer's way, named after the database commands that were overheard."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

WRITES = {"findAndModify", "insert", "update", "delete"}
CALLS = ("call by UDP", "call by socket", "end of call by UDP", "end of call by socket")
SCORING = ("score", "score again")
UNSTEADY = {"sweep", *CALLS}
REPEATING = {"sweep", "rotate", "destroy", "erase", *CALLS}
CALLED_THERE = {("sweep", "accept"): "take back", **{(stage, "piece"): "page append" for stage in CALLS}}
# Of these the database tells, while they wait, what they are to do.
TELLING = {"findAndModify"}
OPERATIONS = {"update": "update", "remove": "delete", "insert": "insert", "query": "find", "getmore": "getMore"}
NICKNAMES = {
    "findAndModify interview_sessions takes": "next_take",
    "findAndModify parts uploading": "begin",
    "findAndModify parts queued": "accept",
    "findAndModify parts processing": "claim",
    "findAndModify parts completed": "complete",
    "findAndModify parts arrival.writer": "take over",
    "findAndModify parts arrival.claimed,arrival.writer": "claim the arrival",
    "findAndModify parts arrival.folded": "count what was written ahead",
    "findAndModify parts arrival.closed,arrival.closed_at": "close",
    "update parts arrival.folded": "note what is folded",
    "insert pieces": "piece",
    "update fs.chunks": "fold",
    "update fs.files file": "file",
    "delete pieces": "let go of pieces",
    "findAndModify parts superseded": "supersede",
    "findAndModify parts aborted": "abandon",
    "insert fs.chunks": "chunk",
    "insert fs.files": "file",
    "insert parts": "queue",
    "update fs.files mark": "mark",
    "aggregate fs.chunks": "count chunks",
    "aggregate fs.files": "count files",
    "find fs.chunks": "decode, first chunks",
    "getMore fs.chunks": "decode, next chunks",
    "findAndModify fs.files file": "delete file",
    "delete fs.chunks": "delete chunks",
    "findAndModify parts listen": "listen",
    "findAndModify parts let go": "let go",
    "findAndModify parts checkpoint": "settle the stretch",
    "update utterances": "keep what was said",
    "update interview_sessions show": "show",
    "update interview_sessions score": "score",
    "update interview_sessions analysis": "keep the analysis",
    "findAndModify parts settled": "settle",
    "update parts to_score": "scored",
    "findAndModify parts scorings": "claim the scoring",
    "update counters": "tally",
    "findAndModify webhook_deliveries sending": "deliver",
    "findAndModify receipt_chains chain": "name the chain",
    "insert receipts": "receipt",
    "update receipts": "close the epoch of receipts",
    "update epochs open": "note the new key",
    "update epochs closed": "close the old epoch",
    "update epochs unused_since": "note that nothing needs it",
    "update epochs doomed": "note the doom",
    "update epochs destroyed": "note that the key is gone",
    "findAndModify erasures running": "note the wish",
    "update erasures done": "note that it is done",
    "update erasures next_at,told": "note that it is told",
    "findAndModify calls latch": "latch",
    "findAndModify calls begun_at": "begin the clock",
    "findAndModify calls tally": "tally",
    "findAndModify calls is_over": "end of side",
    "findAndModify calls ending": "close",
    "findAndModify calls ended": "ended",
    "update usage bytes,given_back,sessions": "give back the room",
    "delete interview_sessions": "take the session away",
    "delete parts": "forget the record",
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command as the database saw it."""

    app: str
    name: str
    collection: str
    what: str = ""

    @property
    def is_step(self) -> bool:
        """Whether to stop before it: each write, and the reads that stand for a stage of the work."""
        if self.collection in ("workers", "") or self.what == "heartbeat_at":
            return False
        is_read_of_audio = self.collection == "fs.chunks" and self.name in ("find", "getMore")
        is_count_of_audio = self.collection in ("fs.files", "fs.chunks") and self.name == "aggregate"
        return self.name in WRITES or is_count_of_audio or is_read_of_audio

    @property
    def title(self) -> str:
        plain = f"{self.name} {self.collection} {self.what}".strip()
        return NICKNAMES.get(plain, plain)


@dataclass(frozen=True, slots=True)
class Hold:
    """Where to stop a process: before its next command of this kind, once so many have gone by.

    `what` is how that command is called, where others of its kind may come between.
    """

    app: str
    command: str
    collection: str
    skip: int = 0
    after_complete: bool = False
    what: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A place in an answer's way: within a stage, at a command or, without one, at a moment."""

    stage: str
    name: str
    hold: Hold | None = None

    @property
    def title(self) -> str:
        return f"{self.stage}: {self.name}"


def command_of(row: Mapping[str, Any]) -> Command:
    """What an entry of the database's profile says."""
    body: Mapping[str, Any] = row.get("command", {})
    name = OPERATIONS.get(row["op"]) or next((key for key in body if not key.startswith("$")), "")
    collection = str(row["ns"]).partition(".")[2]
    if collection == "$cmd":
        collection = str(body.get(name, ""))
    return Command(row.get("appName", ""), name, collection, _what(name, collection, body))


def steps_of(stage: str, commands: Iterable[Command]) -> list[Step]:
    """A step for each command worth stopping at, numbered where a name comes again."""
    seen: Counter[tuple[str, str]] = Counter()
    titles: Counter[str] = Counter()
    found = []
    for command in commands:
        if command.what == "heartbeat_at":
            continue
        key = (command.name, command.collection)
        if command.is_step:
            title = CALLED_THERE.get((stage, command.title), command.title)
            titles[title] += 1
            # What each sweep does again is one step.
            if stage in REPEATING and titles[title] > 1:
                seen[key] += 1
                continue
            again = f" {titles[title]}" if titles[title] > 1 else ""
            # Heartbeats are updates of parts too: count only from where they are over.
            late = stage == "finish" and key == ("update", "parts")
            # How many of its kind come before differs from sweep to sweep, and call to call: what comes is looked at.
            skip = 0 if stage in UNSTEADY and command.name in TELLING else seen[key]
            what = command.title if command.name in TELLING else ""
            hold = Hold(command.app, *key, skip=skip, after_complete=late, what=what)
            found.append(Step(stage, title + again, hold))
        seen[key] += 1
    return found


def _what(name: str, collection: str, body: Mapping[str, Any]) -> str:
    if name not in ("findAndModify", "update"):
        return ""
    change = body.get("update") if name == "findAndModify" else body.get("u")
    first = change[0] if isinstance(change, list) else change
    values: dict[str, Any] = {}
    for operator in (first or {}).values():
        values |= operator if isinstance(operator, dict) else {}
    return _named(collection, values)


def _plain(value: Any) -> str:
    """What is written in the end: as it stands, or where there is none yet."""
    if isinstance(value, dict):
        value = value["$literal"] if "$literal" in value else value["$ifNull"][-1]
    return str(value)


def _named(collection: str, values: Mapping[str, Any]) -> str:
    state = values.get("state")
    if state is not None:
        return _plain(state)
    if collection in ("counters", "utterances"):
        return ""
    if collection == "calls":
        return _of_call(values)
    if collection == "fs.files":
        return "mark" if "metadata.status" in values else "file"
    if collection == "interview_sessions":
        roots = {key.split(".")[0] for key in values}
        if "answers" in roots:
            return "score" if any(key.endswith(".score") for key in values) else "show"
        return "analysis" if "analysis" in roots else "takes" if "takes" in roots else ",".join(sorted(roots))
    if "checkpoint" in values:
        return "checkpoint"
    if "listener" in values:
        return "let go" if values["listener"] is None else "listen"
    known = ("heartbeat_at", "settled", "to_score", "scorings", "rung_at", "score_after", "score_failures")
    return next((key for key in known if key in values), ",".join(sorted(values)))


def _of_call(values: Mapping[str, Any]) -> str:
    last = {name.rpartition(".")[2] for name in values}
    known = {"source": "latch", "is_over": "is_over", "begun_at": "begun_at", "bridged_at": "tally"}
    return next((called for name, called in known.items() if name in last), ",".join(sorted(values)))
