"""Uploads that go on where they were cut off, against a server on loopback that keeps what it got and breaks off."""

import base64
import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from client import ApiProblem, NoConnection, VivaVoce, resuming
from tests.loopback import Handler, serving

SOUND = random.Random(7).randbytes(40_000)
PATH = "/api/upload-answer/s/q"
STORED = {"file_id": "f", "take": 1}


@dataclass
class Server:
    """What it has got, what it was asked, and what it does instead of answering."""

    url: str = ""
    uploads: dict[str, bytearray] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    said: list[dict[str, str]] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    refusals: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    hangs_up_after: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def client(self, **options: object) -> VivaVoce:
        return VivaVoce(self.url, "token", pause=self.pauses.append, **options)  # type: ignore[arg-type]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(resuming, "PIECE_BYTES", 10_000)
    known = Server()

    class Answering(Handler):
        def answer(self) -> None:
            known.asked.append(self.command)
            known.said.append(dict(self.headers))
            if known.refusals.get(self.command):
                status, headers, body = known.refusals[self.command].pop(0)
                self.body()
                self.give(status, body, headers.items())
                return
            getattr(self, f"_{self.command.lower()}")()

        def _post(self) -> None:
            where = f"/api/uploads/{len(known.uploads)}"
            known.uploads[where] = bytearray()
            self._told(201, where, Location=where)

        def _head(self) -> None:
            if self.path in known.uploads:
                self._told(204, self.path)
            else:
                self.give(410, b"", {"Upload-Complete": "?0"}.items())

        def _patch(self) -> None:
            kept, length = known.uploads[self.path], int(self.headers["Content-Length"])
            if int(self.headers["Upload-Offset"]) != len(kept):
                self.body()
                self._told(409, self.path)
                return
            if known.cuts:
                kept += self.rfile.read(min(length, known.cuts.pop(0)))
                self.close_connection = True
                return
            kept += self.body()
            if self.headers["Upload-Complete"] == "?0":
                self._told(204, self.path)
                return
            known.complete.add(self.path)
            if known.hangs_up_after:
                known.hangs_up_after.pop()
                self.close_connection = True
                return
            told = {"Content-Type": "application/json", "Upload-Complete": "?1", "Upload-Offset": str(len(kept))}
            self.give(202, json.dumps(STORED).encode(), told.items())

        def _told(self, status: int, where: str, **more: str) -> None:
            complete = f"?{where in known.complete:d}"
            told = {"Upload-Offset": str(len(known.uploads[where])), "Upload-Complete": complete, **more}
            self.give(status, b"", told.items())

    with serving(Answering) as known.url:
        yield known


def test_it_is_sent_in_pieces_and_told_of(server: Server) -> None:
    told: list[tuple[int, int]] = []
    with server.client() as client:
        assert client.upload("s", "q", SOUND, progress=lambda *of: told.append(of)) == STORED
    assert server.asked == ["POST", *["PATCH"] * 4]
    assert told == [(bytes, len(SOUND)) for bytes in (0, 10_000, 20_000, 30_000, 40_000)]
    assert bytes(server.uploads["/api/uploads/0"]) == SOUND
    digest = base64.b64encode(hashlib.sha256(SOUND).digest()).decode()
    assert server.said[0]["Repr-Digest"] == f"sha-256=:{digest}:"
    assert server.said[0]["Upload-Length"] == str(len(SOUND))


@pytest.mark.parametrize("seed", range(5))
def test_it_goes_on_wherever_it_was_cut_off(server: Server, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    audio = tmp_path / "answer.webm"
    audio.write_bytes(SOUND)
    server.cuts = [chance.randrange(1, 6_000) for _ in range(6)]
    with server.client() as client:
        assert client.upload("s", "q", audio, resume=True) == STORED
    assert bytes(server.uploads["/api/uploads/0"]) == SOUND
    assert len(server.uploads) == 1


def test_a_lost_last_answer_is_asked_for_again(server: Server) -> None:
    server.hangs_up_after = ["once"]
    with server.client() as client:
        assert client.upload("s", "q", SOUND, resume=True) == STORED
    assert server.asked[-3:] == ["PATCH", "HEAD", "PATCH"]
    assert bytes(server.uploads["/api/uploads/0"]) == SOUND


def test_another_process_goes_on_by_the_note(server: Server, tmp_path: Path) -> None:
    note = tmp_path / "answer.upload"
    server.cuts = [5_000, *[0] * 9]
    with server.client(tries=3) as client, pytest.raises(httpx2.TransportError):
        client.upload("s", "q", SOUND, resume=note)
    assert note.exists()
    server.cuts, server.asked = [], []
    with server.client() as client:
        assert client.upload("s", "q", SOUND, resume=note) == STORED
    assert server.asked[0] == "HEAD"
    assert not note.exists()
    assert bytes(server.uploads["/api/uploads/0"]) == SOUND


@pytest.mark.parametrize(
    "text", ["", "[]", "no note", '{"upload": 5}', '{"upload": "/api/uploads/0", "sha256": "other"}']
)
def test_a_note_of_something_else_is_none(server: Server, tmp_path: Path, text: str) -> None:
    note = tmp_path / "answer.upload"
    note.write_text(text)
    with server.client() as client:
        assert client.upload("s", "q", SOUND, resume=note) == STORED
    assert server.asked[0] == "POST"


def test_an_upload_that_is_gone_begins_anew(server: Server, tmp_path: Path) -> None:
    note = tmp_path / "answer.upload"
    server.cuts = [0] * 9
    with server.client(tries=2) as client, pytest.raises(httpx2.TransportError):
        client.upload("s", "q", SOUND, resume=note)
    server.cuts, server.asked = [], []
    server.uploads["/api/uploads/1"] = server.uploads.pop("/api/uploads/0")
    with server.client() as client:
        assert client.upload("s", "q", SOUND, resume=note) == STORED
    assert server.asked[:2] == ["HEAD", "POST"]


def test_a_portal_that_answers_is_no_end(server: Server) -> None:
    portal = (200, {"Content-Type": "text/html"}, b"<h1>Sign in</h1>")
    gone = (404, {"Content-Type": "text/html"}, b"<h1>Not here</h1>")
    server.refusals = {"POST": [portal], "PATCH": [portal, gone], "HEAD": [portal, gone]}
    with server.client(tries=9) as client:
        assert client.upload("s", "q", SOUND, resume=True) == STORED
    assert len(server.uploads) == 1
    server.refusals = {"POST": [portal] * 9}
    with server.client(tries=3) as client, pytest.raises(NoConnection):
        client.upload("s", "q", SOUND, resume=True)


def test_what_is_refused_for_good_is_told(server: Server, tmp_path: Path) -> None:
    note = tmp_path / "answer.upload"
    told = {"type": "/problems/not_audio", "status": 415, "detail": "No audio.", "code": "not_audio"}
    headers = {"Content-Type": "application/problem+json", "Upload-Complete": "?1"}
    server.refusals = {"PATCH": [(415, headers, json.dumps(told).encode())]}
    with server.client() as client, pytest.raises(ApiProblem, match=r"No audio\."):
        client.upload("s", "q", SOUND, resume=note)
    assert not note.exists()
    assert server.pauses == []


def test_it_waits_as_long_as_it_is_told(server: Server) -> None:
    busy = {"type": "/problems/store_unavailable", "status": 503, "detail": "Again.", "code": "store_unavailable"}
    headers = {"Content-Type": "application/problem+json", "Retry-After": "7"}
    server.refusals = {"PATCH": [(503, headers, json.dumps(busy).encode())] * 2}
    with server.client() as client:
        assert client.upload("s", "q", SOUND, resume=True) == STORED
    assert server.pauses == [7.0, 7.0]
