"""Sending a recording by tus, piece by piece, as a recorder does."""

import base64
from dataclasses import dataclass, field

import httpx2

QUESTION = "q1"
OFFSET = "application/offset+octet-stream"
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
        made = self.http.post("/api/uploads", headers=_beginning(self.session))
        self.location = made.raise_for_status().headers["Location"]

    def send(self, piece: bytes, *, is_last: bool = False) -> None:
        length = {"Upload-Length": str(self.sent + len(piece))} if is_last else {}
        about = {"Upload-Offset": str(self.sent), "Content-Type": OFFSET}
        self.http.patch(self.location, headers={**TUS, **about, **length}, content=piece).raise_for_status()
        self.sent += len(piece)

    def give_up(self) -> None:
        self.http.delete(self.location, headers=TUS).raise_for_status()


@dataclass(slots=True)
class AsyncUpload:
    """The same beside others in one process, of an end that never comes."""

    http: httpx2.AsyncClient
    session: str
    location: str
    sent: int = 0

    @classmethod
    async def begun(cls, http: httpx2.AsyncClient, session: str) -> "AsyncUpload":
        made = await http.post("/api/uploads", headers=_beginning(session))
        return cls(http, session, made.raise_for_status().headers["Location"])

    async def send(self, piece: bytes) -> None:
        headers = {**TUS, "Upload-Offset": str(self.sent), "Content-Type": OFFSET}
        (await self.http.patch(self.location, headers=headers, content=piece)).raise_for_status()
        self.sent += len(piece)

    async def give_up(self) -> None:
        (await self.http.delete(self.location, headers=TUS)).raise_for_status()


def _beginning(session: str) -> dict[str, str]:
    return {**TUS, "Upload-Defer-Length": "1", "Upload-Metadata": _metadata(session)}


def _metadata(session: str) -> str:
    said = {"session_id": session, "question_id": QUESTION, "filetype": "audio/webm"}
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
