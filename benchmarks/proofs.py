"""What proofs cost: receipts that are checked, a session that is erased, and sound that is looked for afterwards."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymongo import MongoClient

from benchmarks import stack
from benchmarks.calls import Client, connect
from benchmarks.child import ChildFailed
from benchmarks.long_worker import hosted, quick_speech
from benchmarks.results import NO_GOAL, Result, summary
from benchmarks.run import Run
from benchmarks.stack import DATABASE, Place
from benchmarks.transcribing import the_answers
from scripts.demo.interview import Interview, the_demo
from scripts.stack import ports
from scripts.stack.layout import ROOT
from scripts.stack.processes import Process
from services.adapters.receipt_keys import ReceiptKeys, new_key
from services.recordings.receipts import hash_of
from tests.rebuilding import from_log, places_with, windows

RECEIPTS, ROUNDS = 100_000, 3
ANSWERS, ERASED = 100, 3
NONE_GOAL = "<= 0"
LEAST_LOOK_SECONDS, END_SECONDS = 0.02, 60.0
# What a receipt of a deletion names beside its place, as long as it usually is.
USUAL = {"kind": "deletion", "recording": 24 * "a", "session": 22 * "b", "bytes": 123_456, "software": "viva-voce"}


def run(watch: Run) -> Iterator[Result]:
    """Checking a chain; erasing sessions of many answers; and what is left of their sound in any file."""
    yield _verifying(watch)
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-") as name:
        yield from _erasing(watch, Path(name))


def _verifying(watch: Run) -> Result:
    """A whole chain, beside nothing but its signatures."""
    count = max(1000, round(RECEIPTS * watch.options.scale))
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-") as name, watch.waiting(f"{count:,} receipts"):
        folder = Path(name)
        _chain(folder, count)
        pairs = watch.pairs(ROUNDS, "checking receipts", lambda: _checked(folder), lambda: _signatures(count))
    own = median(own for own, _ in pairs)
    note = f"{count:,} receipts in {own:.1f} s, {count / own:,.0f} a second on one core, the process's start and all"
    ratios = [own / bare for own, bare in pairs]
    return summary("receipts, checking a chain", NO_GOAL, "times its signatures alone", ratios, note)


def _chain(folder: Path, count: int) -> None:
    (folder / "receipts-1.pem").write_bytes(new_key())
    keys, prev = ReceiptKeys.of_folder(folder), None
    (folder / "jwks.json").write_text(dumps(keys.published()))
    with (folder / "receipts").open("w") as file:
        for number in range(1, count + 1):
            token = keys.sign({**USUAL, "chain": "c", "seq": number, "prev": prev})
            prev = hash_of(token)
            file.write(f"{token}\n")


def _checked(folder: Path) -> float:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "scripts.verify_receipts",
        folder / "receipts",
        "--keys",
        folder / "jwks.json",
    ]
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChildFailed(done.stderr[-500:] or done.stdout[-500:])
    return time.monotonic() - start


def _signatures(count: int) -> float:
    key = Ed25519PrivateKey.generate()
    content = bytes(400)
    signature, public = key.sign(content), key.public_key()
    start = time.monotonic()
    for _ in range(count):
        public.verify(signature, content)
    return time.monotonic() - start


@dataclass(frozen=True, slots=True)
class Erased:
    """How long it took, and how many commands of the API and of what goes on in the background."""

    seconds: float
    commands: int


def _erasing(watch: Run, folder: Path) -> Iterator[Result]:
    port = ports.choose()
    (folder / "keys").mkdir()
    (folder / "keys" / "receipts-1.pem").write_bytes(new_key())
    (folder / "temporary").mkdir()
    settings = {**hosted(port), "RECEIPT_KEYS": str(folder / "keys"), "TMPDIR": str(folder / "temporary")}

    def beside(here: Place) -> Iterator[Process]:
        yield quick_speech(port)
        yield from stack.workers(1)(here)

    with ExitStack() as held:
        here = held.enter_context(stack.opened(watch, beside=beside, ready_workers=1, settings=settings))
        http = held.enter_context(connect(here.url, here.token()))
        answers = max(2, round(ANSWERS * watch.options.scale))
        found = [_one(watch, here, http, answers) for _ in watch.rounds(ERASED, f"erasing {answers} answers")]
        yield _left(watch, here, folder, answers * len(found))
    note = f"{answers} transcribed answers; {', '.join(str(each.commands) for each in found)} commands to MongoDB"
    seconds = [each.seconds for each in found]
    yield summary("erasure of a session", NO_GOAL, "s from the wish to its end", seconds, note)


def _one(watch: Run, here: Place, http: httpx2.Client, answers: int) -> Erased:
    """Erase a session of so many transcribed answers."""
    session = _transcribed(watch, http, answers)
    with MongoClient[dict[str, Any]](here.mongodb_url) as client:
        database = client[DATABASE]
        database["system.profile"].drop()
        database.command({"profile": 2})
        start, end = time.monotonic(), time.monotonic() + END_SECONDS
        http.delete(f"/api/sessions/{session}").raise_for_status()
        while http.get(f"/api/erasures/s-{session}").json().get("state") != "done":
            if time.monotonic() > end:
                raise ChildFailed("an erasure does not end")
            time.sleep(LEAST_LOOK_SECONDS)
        seconds = time.monotonic() - start
        database.command({"profile": 0})
        looks = {"ns": {"$ne": f"{DATABASE}.system.profile"}, "appName": {"$regex": "^viva-voce"}}
        return Erased(seconds, database["system.profile"].count_documents(looks))


def _transcribed(watch: Run, http: httpx2.Client, answers: int) -> str:
    client = Client(http)
    spoken = the_answers(answers)
    session = client.create(Interview("Benchmark", spoken))
    for one in spoken:
        client.upload(session, one)
        watch.pause()
    while not all(answer["status"] == "completed" for answer in client.answers(session).values()):
        watch.pause()
    return session


def _left(watch: Run, here: Place, folder: Path, recordings: int) -> Result:
    """Places where a piece of plain sound stands: in a file of the stack, or in a write of MongoDB's own log."""
    words = [word for answer in the_demo().answers for word in windows(answer.audio.read_bytes())]
    with watch.waiting("looking for sound"):
        files = [*places_with(words, here.layout.root), *places_with(words, folder / "temporary")]
        with MongoClient[dict[str, Any]](here.mongodb_url) as client:
            written = from_log(client, DATABASE)
    if len(written) < recordings:
        raise ChildFailed(f"of {recordings} recordings {len(written)} are in MongoDB's log")
    logged = [kept for kept in written if any(word in kept.stored for word in words)]
    note = (
        f"{recordings} recordings, transcribed, deleted and erased; looked for in MongoDB's data and log, "
        f"Valkey's files, logs and temporary folders by {len(words):,} pieces of {len(words[0])} bytes"
    )
    return summary("plain sound found afterwards", NONE_GOAL, "places", [len(files) + len(logged)], note)
