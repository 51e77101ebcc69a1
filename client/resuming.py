"""An upload that goes on where it was cut off, by the IETF's resumable uploads: docs/uploads.md."""

import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import httpx2

from client.answers import Expected, answer_of, passes, problem_of
from client.errors import ApiProblem, NoConnection
from client.models import Uploaded

PIECE_BYTES = 2 * 1024 * 1024
READ_BYTES = 1024 * 1024
UPLOADED: Expected = {202: {"file_id": "string"}}
# What was begun is not there any more, and begins anew.
LOST = {404, 410}
# Somewhere between, something counts otherwise: how far it is, is asked for again.
CONFLICT = 409

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Calls:
    """How requests are sent, how often, and how long is waited after a try that failed, and maybe was answered."""

    tries: int
    send: Callable[..., httpx2.Response]
    wait: Callable[[int, httpx2.Response | None], None]


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording, as it is read again and again."""

    file: BinaryIO
    size: int
    digest: bytes

    @classmethod
    @contextmanager
    def of(cls, audio: Path | bytes) -> Iterator["Sound"]:
        with io.BytesIO(audio) if isinstance(audio, bytes) else audio.open("rb") as file:
            sum = hashlib.sha256()
            while piece := file.read(READ_BYTES):
                sum.update(piece)
            yield cls(file, file.tell(), sum.digest())

    def at(self, offset: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(PIECE_BYTES)


@dataclass(slots=True)
class Note:
    """The file that says where an upload goes on, for whoever sends the same recording again."""

    file: Path | None
    of: dict[str, Any]

    def read(self) -> str | None:
        """The address of an upload of this very recording."""
        if self.file is None or not self.file.exists():
            return None
        try:
            noted = json.loads(self.file.read_text())
            where = noted.pop("upload")
        except (ValueError, KeyError, AttributeError, TypeError):
            return None
        return where if noted == self.of and isinstance(where, str) else None

    def write(self, where: str) -> None:
        if self.file is not None:
            self.file.write_text(json.dumps({**self.of, "upload": where}))

    def forget(self) -> None:
        if self.file is not None:
            self.file.unlink(missing_ok=True)


@dataclass(slots=True)
class Resumed:
    """One recording on its way; `reached` is how many bytes of it the API has."""

    calls: Calls
    path: str
    sound: Sound
    note: Note
    progress: Progress | None = None
    where: str | None = None
    reached: int = 0
    _is_known: bool = field(default=False, init=False)

    def sent(self) -> Uploaded:
        """Once it is accepted; each piece that got through gives it as many tries anew."""
        self.where, tries, before = self.note.read(), 0, 0
        while True:
            answer = None
            try:
                answer = self._step()
                if (accepted := answer_of(answer, UPLOADED)) is not None:
                    self.note.forget()
                    self._tell(self.sound.size)
                    return cast(Uploaded, accepted)
                if self._takes(answer):
                    continue
            except httpx2.TransportError:
                if tries + 1 >= self.calls.tries and self.reached == before:
                    raise
            tries = 1 if self.reached > before else tries + 1
            before, self._is_known = self.reached, False
            if answer is not None and tries >= self.calls.tries:
                raise _trouble(answer)
            self.calls.wait(tries, answer)

    def _step(self) -> httpx2.Response:
        if self.where is None:
            return self.calls.send("POST", self.path, headers=self._said(complete=False, whole=True))
        if not self._is_known:
            return self.calls.send("HEAD", self.where)
        piece = self.sound.at(self.reached)
        headers = self._said(complete=self.reached + len(piece) == self.sound.size)
        headers |= {"Upload-Offset": str(self.reached), "Content-Type": "application/partial-upload"}
        return self.calls.send("PATCH", self.where, headers=headers, content=piece)

    def _takes(self, answer: httpx2.Response) -> bool:
        """Whether the answer leads on at once. ApiProblem where the API refuses for good."""
        offset = _offset(answer)
        if answer.is_success and offset is not None and offset <= self.sound.size:
            if self.where is None:
                self.where = answer.headers.get("Location")
                self.note.write(self.where or "")
            self.reached, self._is_known = offset, self.where is not None
            self._tell(offset)
            return self._is_known
        if self.where is not None and answer.status_code in LOST and _is_own(answer):
            self.note.forget()
            self.where, self.reached, self._is_known = None, 0, False
            return False
        if answer.status_code == CONFLICT and offset is not None:
            return False
        problem = problem_of(answer)
        if problem is not None and not passes(answer, problem):
            if answer.headers.get("Upload-Complete") == "?1":
                self.note.forget()
            raise ApiProblem(answer.status_code, problem)
        return False

    def _tell(self, reached: int) -> None:
        if self.progress is not None:
            self.progress(reached, self.sound.size)

    def _said(self, *, complete: bool, whole: bool = False) -> dict[str, str]:
        said = {"Upload-Complete": f"?{complete:d}", "Upload-Length": str(self.sound.size)}
        digest = base64.b64encode(self.sound.digest).decode()
        return said | ({"Repr-Digest": f"sha-256=:{digest}:"} if whole else {})


def _offset(answer: httpx2.Response) -> int | None:
    """How far the API says that it is; whoever else answers does not say it."""
    value = answer.headers.get("Upload-Offset", "")
    return int(value) if value.isdecimal() and "Upload-Complete" in answer.headers else None


def _is_own(answer: httpx2.Response) -> bool:
    """The body of an answer to HEAD is not there to tell it by."""
    return "Upload-Complete" in answer.headers or problem_of(answer) is not None


def _trouble(answer: httpx2.Response) -> Exception:
    problem = problem_of(answer)
    return NoConnection(answer.status_code) if problem is None else ApiProblem(answer.status_code, problem)
