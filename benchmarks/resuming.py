"""A large recording by tus in pieces of some megabytes, against one ordinary upload of the same size, in turns."""

import asyncio
import base64
import time
from collections.abc import Iterator

import httpx2

from benchmarks import stack
from benchmarks.raw_sockets import Target, form, questions, recording
from benchmarks.results import Result, summary
from benchmarks.run import Run

GOAL, UNIT = ">= 0.8", "of an ordinary upload's speed"
ROUNDS = 5
MB = 1_000_000
BYTES, PIECE_BYTES = 50 * MB, 5 * MB
TUS = {"Tus-Resumable": "1.0.0"}
BODY = "multipart/form-data; boundary=viva-voce-bench"


def run(watch: Run) -> Iterator[Result]:
    """One result; what was stored is removed after each upload."""
    with stack.opened(watch) as here, httpx2.Client(base_url=here.url, trust_env=False, timeout=120) as http:

        def seconds(side: str) -> float:
            (target,) = asyncio.run(questions(here.url, here.secret, 1))
            data = recording(BYTES)
            start = time.perf_counter()
            (_by_tus if side == "tus" else _at_once)(http, target, data)
            taken = time.perf_counter() - start
            here.empty()
            return taken

        pairs = watch.pairs(ROUNDS, "50 MB in pieces", lambda: seconds("tus"), lambda: seconds("plain"))
        best = [BYTES / MB / min(times) for times in zip(*pairs, strict=True)]
        note = f"best {best[0]:.0f} and {best[1]:.0f} MB/s"
        yield summary("tus, 50 MB in pieces of 5 MB", GOAL, UNIT, [plain / tus for tus, plain in pairs], note)


def _at_once(http: httpx2.Client, target: Target, data: bytes) -> None:
    headers = {"Authorization": f"Bearer {target.token}", "Content-Type": BODY}
    http.post(target.upload, content=form(data), headers=headers).raise_for_status()


def _by_tus(http: httpx2.Client, target: Target, data: bytes) -> None:
    said = {"session_id": target.session, "question_id": target.question, "filetype": "audio/webm"}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
    own = {**TUS, "Authorization": f"Bearer {target.token}"}
    begun = http.post("/api/uploads", headers={**own, "Upload-Length": str(len(data)), "Upload-Metadata": metadata})
    where = begun.raise_for_status().headers["Location"]
    for start in range(0, len(data), PIECE_BYTES):
        headers = {**own, "Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream"}
        http.patch(where, content=data[start : start + PIECE_BYTES], headers=headers).raise_for_status()
