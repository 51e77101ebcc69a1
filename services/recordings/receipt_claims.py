"""What receipts claim: of a recording that was deleted, of one that nobody can read any more, of an erasure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from services.interviews.model import Part
from services.recordings.ports.audio import Deletion
from services.recordings.ports.receipts import Receipt

Claims = dict[str, object]

STORES = ("gridfs",)
NOT_REACHED = ("database log", "snapshots", "backups")


def of_deletion(part: Part, deletion: Deletion, ended_as: str) -> Claims:
    """That a recording was removed from the live stores. `epoch` names the key without which no copy can be read."""
    at = deletion.at or datetime.now(UTC)
    return {
        "jti": part.id,
        "kind": "deletion",
        "iat": int(at.timestamp()),
        "session_id": part.session_id,
        "question_id": part.question_id,
        "take": part.take,
        "ended_as": ended_as,
        "sha256": part.sha256,
        "bytes": part.bytes if part.sha256 else None,
        "stored_at": _moment(part.created_at),
        "deleted_at": _moment(at),
        "stores": list(STORES),
        "removed": {"files": deletion.files, "chunks": deletion.chunks},
        "found_afterwards": deletion.left,
        "not_reached": list(NOT_REACHED),
        "epoch": deletion.epoch or part.epoch,
    }


def of_epoch(id: str, epoch: str, since: datetime, receipts: Sequence[Receipt], now: datetime) -> Claims:
    """That no log, snapshot or backup can give these recordings back any more: the key of their epoch is destroyed."""
    return {
        "jti": id,
        "kind": "unreadable",
        "iat": int(now.timestamp()),
        "epoch": epoch,
        "unreadable_since": _moment(since),
        "of": [{"jti": receipt.id, "seq": receipt.number} for receipt in receipts],
    }


def of_erasure(
    id: str, cause: str, session_id: str | None, found: Mapping[str, int], asked_at: datetime, done_at: datetime
) -> Claims:
    """That a session, or all of a user, was erased, and how much was found of each kind; nothing of it is left."""
    return {
        "jti": id,
        "kind": "erasure",
        "iat": int(done_at.timestamp()),
        "session_id": session_id,
        "asked_by": cause,
        "asked_at": _moment(asked_at),
        "done_at": _moment(done_at),
        "found": dict(found),
        "found_afterwards": 0,
        "not_reached": list(NOT_REACHED),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
