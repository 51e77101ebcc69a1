"""Sending a recording by tus, piece by piece, as a recorder does."""

import base64
from dataclasses import dataclass, field

import httpx2

QUESTION = "q1"
TUS = {"Tus-Resumable": "1.0.0"}


def new_session(http: httpx2.Client) -> str:
    made = http.post(
        "/api/sessions", json={"questions": [{"id": QUESTION, "text": "What was said?", "language": "en"}]}
    )
    return str(made.raise_for_status().json()["session_id"])


@dataclass(slots=True)
class Upload:
    """One of unknown length, which the last piece tells."""

    http: httpx2.Client
    session: str
    location: str = field(init=False)
    sent: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        headers = {**TUS, "Upload-Defer-Length": "1", "Upload-Metadata": _metadata(self.session)}
        self.location = self.http.post("/api/uploads", headers=headers).raise_for_status().headers["Location"]

    def send(self, piece: bytes, *, is_last: bool = False) -> None:
        length = {"Upload-Length": str(self.sent + len(piece))} if is_last else {}
        about = {"Upload-Offset": str(self.sent), "Content-Type": "application/offset+octet-stream"}
        self.http.patch(self.location, headers={**TUS, **about, **length}, content=piece).raise_for_status()
        self.sent += len(piece)

    def give_up(self) -> None:
        self.http.delete(self.location, headers=TUS).raise_for_status()


def _metadata(session: str) -> str:
    said = {"session_id": session, "question_id": QUESTION, "filetype": "audio/webm"}
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
