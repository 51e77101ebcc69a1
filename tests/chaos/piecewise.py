"""A client that sends its recording in pieces, and goes on where it is told that it was cut off."""

import base64
import threading
import time

import httpx2

from tests.chaos.machine import Machine

PIECE, LARGE = 200_000, 700_000
TAIL = 250_000
PATIENCE = 60.0
PAUSE = 0.2
UPLOADS = "/api/uploads"


class Piecewise:
    """One recording on its way by tus; `run` gives its id once all of it has been accepted, and '' where it gave up."""

    def __init__(
        self, machine: Machine, session: str, question: str, audio: bytes, gate: threading.Event | None = None
    ) -> None:
        self._machine, self._session, self._question, self._audio = machine, session, question, audio
        self._where, self._gate = "", gate

    def run(self) -> str:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                with self._machine.client() as client:
                    client.headers["Tus-Resumable"] = "1.0.0"
                    if self._is_over(client):
                        return self._where.rpartition("/")[2]
            except (httpx2.HTTPError, OSError, KeyError):
                time.sleep(PAUSE)
        return ""

    def _is_over(self, client: httpx2.Client) -> bool:
        self._where = self._where or self._begun_before(client) or self._begin(client)
        at = int(client.head(self._where, timeout=PATIENCE).headers["Upload-Offset"])
        while at < len(self._audio):
            headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(at)}
            self._wait(at)
            piece = self._audio[at : at + self._size(at)]
            at = int(
                client.patch(self._where, content=piece, headers=headers, timeout=PATIENCE).headers["Upload-Offset"]
            )
        return True

    def _size(self, at: int) -> int:
        """Two pieces that are folded into chunks, then one that is written as such."""
        return PIECE if self._gate is not None or at < 2 * PIECE else LARGE

    def _wait(self, at: int) -> None:
        """With a gate it sends slowly, and the last of it once that is open."""
        if self._gate is not None and not self._gate.wait(PAUSE) and at + PIECE >= len(self._audio) - TAIL:
            self._gate.wait(PATIENCE)

    def _begin(self, client: httpx2.Client) -> str:
        named = {"session_id": self._session, "question_id": self._question, "filetype": "audio/wav"}
        metadata = ",".join(f"{name} {base64.b64encode(said.encode()).decode()}" for name, said in named.items())
        headers = {"Upload-Length": str(len(self._audio)), "Upload-Metadata": metadata}
        return client.post(UPLOADS, headers=headers, timeout=PATIENCE).headers["Location"]

    def _begun_before(self, client: httpx2.Client) -> str:
        """One whose address was not heard."""
        own = client.get(UPLOADS, timeout=PATIENCE).json()["uploads"]
        mine = [one for one in own if (one["session_id"], one["question_id"]) == (self._session, self._question)]
        return f"{UPLOADS}/{mine[0]['upload_id']}" if mine else ""
