"""What is left of a session that was to be erased while something broke."""

import hashlib
import time
from typing import Any

import httpx2
from bson import ObjectId

from tests.chaos.machine import BOUND, Machine
from tests.chaos.receipts import alone, chain_of
from tests.chaos.scenes import Scene
from tests.chaos.verdict import Verdict

OF_SESSION = {"parts": "session_id", "replays": "session_id", "tickets": "session_id",
              "webhook_deliveries": "data.session_id", "interview_sessions": "_id"}  # fmt: skip


def erased(machine: Machine, session: str, seconds: float) -> bool:
    """Whether that is done within so many seconds, by what the API says."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if _erasure(machine, session).get("state") == "done":
            return True
        time.sleep(0.25)
    return False


def _erasure(machine: Machine, session: str) -> dict[str, Any]:
    try:
        with machine.client() as client:
            body: dict[str, Any] = client.get(f"/api/erasures/s-{session}").json()
            return body
    except (httpx2.HTTPError, ValueError):
        return {}


def judge_erased(machine: Machine, scene: Scene) -> Verdict:
    """Nothing of the session is left, and each recording that was accepted has a receipt that is so."""
    done = erased(machine, scene.session, BOUND)
    seconds = time.monotonic() - scene.struck
    machine.clean()
    chain = chain_of(machine, machine.user)
    sums = {hashlib.sha256(machine.voice.recording(t.number, small=t.small)).hexdigest() for t in scene.sent}
    accepted = [told.body["file_id"] for told in scene.sent if told.is_accepted]
    receipts = {claims["jti"]: claims["ended_as"] for claims in chain.of("deletion")}
    untrue = [*chain.faults, *alone(chain, sums)]
    untrue += [f"{id}: gone without a receipt" for id in accepted if id not in receipts]
    untrue += [] if _erasure(machine, scene.session).get("receipt") else ["the erasure has no receipt"]
    ends = list(receipts.values())
    return Verdict(
        answers=len(accepted),
        completed=ends.count("completed"),
        superseded=ends.count("superseded"),
        failed=ends.count("failed"),
        erased=ends.count("erased"),
        lost=[] if done else [f"not erased within {BOUND:.0f} s"],
        strays=_left(machine, scene),
        untrue=untrue,
        seconds=seconds,
    )


def _left(machine: Machine, scene: Scene) -> list[str]:
    database = machine.database
    counts = {name: database[name].count_documents({field: scene.session}) for name, field in OF_SESSION.items()}
    files = {"metadata.session_id": scene.session}
    counts["fs.files"] = database["fs.files"].count_documents(files)
    ids = [ObjectId(told.body["file_id"]) for told in scene.sent if told.is_accepted]
    counts["fs.chunks"] = database["fs.chunks"].count_documents({"files_id": {"$in": ids}})
    return [f"{number} left in {name}" for name, number in counts.items() if number]
