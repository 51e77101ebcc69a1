"""A large recording by tus in pieces of some megabytes, against one ordinary upload of the same size, in turns."""

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
from rich.console import Console

from benchmarks import stack, tus_peer
from benchmarks.peer_server import NotThere
from benchmarks.raw_sockets import Target, form, questions, recording
from benchmarks.results import NO_GOAL, Result, summary
from benchmarks.run import Run

NAMED = "tus, 50 MB in pieces of 5 MB"
GOAL, UNIT = ">= 0.8", "of an ordinary upload's speed"
ROUNDS = 5
MB = 1_000_000
BYTES, PIECE_BYTES = 50 * MB, 5 * MB
TUS = {"Tus-Resumable": "1.0.0"}
console = Console(highlight=False)
BODY = "multipart/form-data; boundary=viva-voce-bench"


def run(watch: Run) -> Iterator[Result]:
    """Two results; what was stored is removed after each upload."""
    with stack.opened(watch) as here, httpx2.Client(base_url=here.url, trust_env=False, timeout=120) as http:

        def seconds(send: Callable[[httpx2.Client, Target, bytes], None]) -> float:
            (target,) = asyncio.run(questions(here.url, here.secret, 1))
            taken = _seconds(lambda data: send(http, target, data))
            here.empty()
            return taken

        pairs = watch.pairs(ROUNDS, "50 MB in pieces", lambda: seconds(_by_tus), lambda: seconds(_at_once))
        yield summary(NAMED, GOAL, UNIT, [plain / tus for tus, plain in pairs], _best(pairs))
        yield from _beside_peer(watch, http, lambda: seconds(_by_tus))


def _beside_peer(watch: Run, http: httpx2.Client, ours: Callable[[], float]) -> Iterator[Result]:
    """Where it can be had; it keeps plain files, and waits for no disk."""
    try:
        with watch.waiting(f"Installing {tus_peer.NAME}"):
            held = ExitStack()
            where = held.enter_context(tus_peer.opened(watch.pause))
    except NotThere as error:
        console.print(f"{error}: nothing to compare with")
        return
    with held:
        pairs = watch.pairs(ROUNDS, "beside a peer", ours, lambda: _seconds(lambda data: _send(http, where, data, {})))
        speeds = [peer / tus for tus, peer in pairs]
        yield summary(
            f"{NAMED}, beside a peer",
            NO_GOAL,
            f"of {tus_peer.NAME}'s speed, whose store is a folder",
            speeds,
            _best(pairs),
        )


def _seconds(send: Callable[[bytes], None]) -> float:
    data = recording(BYTES)
    start = time.perf_counter()
    send(data)
    return time.perf_counter() - start


def _best(pairs: list[tuple[float, float]]) -> str:
    one, other = (BYTES / MB / min(times) for times in zip(*pairs, strict=True))
    return f"best {one:.0f} and {other:.0f} MB/s"


def _at_once(http: httpx2.Client, target: Target, data: bytes) -> None:
    headers = {"Authorization": f"Bearer {target.token}", "Content-Type": BODY}
    http.post(target.upload, content=form(data), headers=headers).raise_for_status()


def _by_tus(http: httpx2.Client, target: Target, data: bytes) -> None:
    said = {"session_id": target.session, "question_id": target.question, "filetype": "audio/webm"}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
    own = {"Authorization": f"Bearer {target.token}", "Upload-Metadata": metadata}
    _send(http, "/api/uploads", data, own)


def _send(http: httpx2.Client, where: str, data: bytes, said: dict[str, str]) -> None:
    own = {**TUS, **said}
    begun = http.post(where, headers={**own, "Upload-Length": str(len(data))})
    place = begun.raise_for_status().headers["Location"]
    for start in range(0, len(data), PIECE_BYTES):
        headers = {**own, "Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream"}
        http.patch(place, content=data[start : start + PIECE_BYTES], headers=headers).raise_for_status()
