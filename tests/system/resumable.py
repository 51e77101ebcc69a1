"""What tests of resumable uploads share: a recording that is large enough to be cut, and what became of it."""

import hashlib
import random
from typing import Any

from tests.hostile.served import Served

HEAD = b"\x1a\x45\xdf\xa3"
SIZE = 700_000
PIECE = 64 * 1024


def recording(seed: int = 7, size: int = SIZE) -> bytes:
    """A recording as far as its first bytes go: nobody listens to it here."""
    return HEAD + random.Random(seed).randbytes(size - len(HEAD))


def session(api: Served, user: str = "alice") -> str:
    with api.client(user) as client:
        made = client.post("/api/sessions", json={"questions": [{"id": "q1", "text": "?"}]})
    return str(made.json()["session_id"])


def parts(api: Served, session: str) -> list[dict[str, Any]]:
    return list(api.database["parts"].find({"session_id": session}))


def accepted(api: Served, session: str) -> list[tuple[int, str, int]]:
    """Take, sum and size of each recording of the session that became one."""
    found = (part for part in parts(api, session) if part["state"] == "queued")
    return [(part["take"], part["sha256"], part["bytes"]) for part in found]


def is_the_one_take(api: Served, session: str, data: bytes) -> bool:
    """Whether the session has this recording, once, and nothing else was begun."""
    assert accepted(api, session) == [(1, hashlib.sha256(data).hexdigest(), len(data))], parts(api, session)
    assert len(parts(api, session)) == 1
    return True
