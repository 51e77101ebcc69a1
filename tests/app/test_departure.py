"""An upload that does not end before the server does is answered, and not cut off."""

import signal
import socket
import subprocess
from pathlib import Path

import httpx2
from pymongo import MongoClient

from scripts.stack import processes
from scripts.stack.layout import ROOT
from services.adapters.jwt_tokens import mint
from tests.scripts.running import until
from tests.servers import free_port, listens

SECRET = "s" * 32
DATABASE = "test_departure"


def head(port: int, path: str, length: int, kind: str) -> bytes:
    token = mint(SECRET, "ann", seconds=600)
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Length: {length}\r\nContent-Type: {kind}\r\n\r\n"
    ).encode()


def created(port: int) -> str:
    body = b'{"questions": [{"id": "q1", "text": "?"}]}'
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(head(port, "/api/sessions", len(body), "application/json") + body)
        return read_until(line, b'"user_id"').partition('"session_id":"')[2].partition('"')[0]


def read_until(line: socket.socket, mark: bytes) -> str:
    """What comes until this has come, in however many pieces."""
    got = b""
    while mark not in got and (piece := line.recv(65536)):
        got += piece
    return got.decode()


def _seals(port: int) -> bool:
    return bool(httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=60, trust_env=False).json()["keys"] == "ok")


def test_an_upload_that_outlasts_the_stop_is_told_to_come_again(
    mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    port = free_port()
    own = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": DATABASE, "REDIS_URL": redis_url, "JWT_SECRET": SECRET}
    own["KEYRING_DIR"] = str(tmp_path / "keys")
    command = ["env", *(f"{name}={value}" for name, value in own.items()), *processes.api(port, ()).command]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, cwd=ROOT, stderr=log) as api:
        try:
            until(lambda: listens(port), 90)
            until(lambda: _seals(port), 90)
            path = f"/api/upload-answer/{created(port)}/q1"
            with (
                socket.create_connection(("127.0.0.1", port)) as line,
                MongoClient[dict[str, str]](mongodb_url) as client,
            ):
                form = b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n\x1a\x45\xdf\xa3'
                line.sendall(head(port, path, 2_000_000, "multipart/form-data; boundary=b") + form + bytes(600_000))
                until(lambda: client[DATABASE]["parts"].find_one({"state": "uploading"}) is not None)
                api.send_signal(signal.SIGTERM)
                line.settimeout(60)
                answer = read_until(line, b"server_leaving")
        finally:
            api.terminate()
            api.wait(60)
    assert answer.startswith("HTTP/1.1 503"), answer
    assert "retry-after: 1" in answer.lower()
    assert '"code":"server_leaving"' in answer
