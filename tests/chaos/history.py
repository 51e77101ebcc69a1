"""What happened to the records, from the database's own log of writes: every write, in order."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.events.model import EventType

ENDED = {"completed", "failed", "superseded", "aborted"}
SCORED = {"scored", "unscored"}
Flat = dict[str, Any]


def changes(entry: Mapping[str, Any]) -> Flat:
    """What an entry of the log sets, by dotted path; what it removes is None there."""
    body: Mapping[str, Any] = entry["o"]
    if entry["op"] == "u" and body.get("$v") == 2:
        return dict(_of_diff(body["diff"], ""))
    return dict(_of_document(body, ""))


def _news(entry: Mapping[str, Any], now: Flat) -> Flat:
    """What it changes; a small document is logged as a whole, with what was there before."""
    is_whole = entry["op"] == "u" and entry["o"].get("$v") != 2
    return {path: value for path, value in changes(entry).items() if not is_whole or now.get(path, ...) != value}


def _of_diff(diff: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, value in diff.items():
        if key in ("u", "i"):
            for name, new in value.items():
                yield from _of_value(f"{path}{name}", new)
        elif key == "d":
            yield from ((f"{path}{name}", None) for name in value)
        elif key.startswith("s") and not value.get("a"):
            yield from _of_diff(value, f"{path}{key[1:]}.")


def _of_document(document: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        yield from _of_value(f"{path}{name}", value)


def _of_value(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from _of_document(value, f"{path}.")
    else:
        yield path, value


@dataclass
class _PartLife:
    """What is known so far of one record."""

    now: Flat = field(default_factory=dict)

    def take(self, entry: Mapping[str, Any]) -> Iterator[str]:
        set_ = _news(entry, self.now)
        for name in ("rev", "fence"):
            if name in set_ and self.now.get(name) is not None and set_[name] <= self.now[name]:
                yield f"{name} went from {self.now[name]} to {set_[name]}"
        state = self.now.get("state")
        if "state" in set_ and state in ENDED:
            yield f"state went from {state} to {set_['state']}"
        # A state that is written again looks like no change; its moment, or the text, gives it away.
        again = [path for path in set_ if path in ("completed_at", "fence") or path.startswith("transcript")]
        if state in ENDED and again:
            yield f"written again after its end: {', '.join(sorted(again))}"
        self.now |= set_


def doubled_in_parts(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where a record went backwards, left its end, or took a second transcript."""
    lives: dict[Any, _PartLife] = {}
    found = []
    for entry in entries:
        id = _id(entry)
        found += [f"part {id}: {fault}" for fault in lives.setdefault(id, _PartLife()).take(entry)]
    return found


def doubled_in_sessions(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where an answer went back to an older take or rev, or one take was scored twice."""
    known: dict[Any, Flat] = {}
    found = []
    for entry in entries:
        id = _id(entry)
        now = known.setdefault(id, {})
        new = _news(entry, now)
        found += [f"session {id}: {fault}" for fault in _faults_of_session(now, new)]
        now |= new
    return found


def _faults_of_session(now: Flat, new: Flat) -> Iterator[str]:
    if "revision" in new and new["revision"] <= now.get("revision", -1):
        yield f"revision went from {now['revision']} to {new['revision']}"
    for root in {".".join(path.split(".")[:2]) for path in new if path.startswith("answers.")}:
        before = _standing(root, now)
        after = _standing(root, {**now, **new})
        if before > after:
            yield f"{root} went from take and rev {before} to {after}"
        was_scored = now.get(f"{root}.scoring_status") in SCORED and before[0] == after[0]
        if was_scored and f"{root}.scoring_status" in new:
            yield f"{root} was scored twice"


def scored_again(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Takes whose score was written more than once, by the session's own events.

    The log holds only what differs: a second score that says the same as the first is seen here alone.
    """
    scores = Counter((event["question_id"], event["take"]) for event in events if event["type"] == EventType.SCORED)
    return [f"take {take} of {question} was scored {n} times" for (question, take), n in scores.items() if n > 1]


def _standing(root: str, flat: Flat) -> tuple[int, int]:
    return flat.get(f"{root}.take") or 0, flat.get(f"{root}.rev") or 0


def _id(entry: Mapping[str, Any]) -> Any:
    return (entry.get("o2") or entry["o"])["_id"]
