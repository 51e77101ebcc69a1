"""An API process of its own, and a client that can do to it what no library does."""

import json
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
from pymongo import MongoClient
from pymongo.database import Database

from scripts.stack.child import die_with_parent
from scripts.stack.layout import ROOT
from services.adapters.jwt_tokens import mint
from tests import servers
from tests.scripts.running import until
from tests.servers import free_port

SECRET = "a-secret-of-tests-of-thirty-two-bytes-or-more"
MOST_KEY_SECONDS = 120.0
NO_RATES = {"RATE_UPLOADS": "", "RATE_REQUESTS": "", "RATE_ADDRESS": "", "MAX_UPLOADS_PER_USER": "1000"}


@dataclass
class Served:
    port: int
    process: subprocess.Popen[bytes]
    database: Database[dict[str, Any]]
    environment: dict[str, str]
    start: Callable[[], subprocess.Popen[bytes]]
    lines: list["Line"] = field(default_factory=list)

    def kill_and_start(self) -> None:
        """End the process where it stands, and run another in its place; it ends with the thread that asks for it."""
        self.process.kill()
        self.process.wait(60)
        until(lambda: not _is_open(self.port))
        self.process = self.start()

    @property
    def memory(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)

    @property
    def connections(self) -> int:
        """Of clients; those to the servers behind it are another matter."""
        found = psutil.Process(self.process.pid).net_connections("tcp")
        return sum(c.laddr.port == self.port and c.status != psutil.CONN_LISTEN for c in found)

    def token(self, user: str = "alice", *, admin: bool = False) -> str:
        return mint(SECRET, user, admin=admin)

    def client(self, user: str | None = "alice", *, admin: bool = False) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token(user, admin=admin)}"} if user else {}
        url = f"http://127.0.0.1:{self.port}"
        return httpx2.Client(base_url=url, headers=headers, timeout=60.0, trust_env=False, verify=False)

    def line(self, seconds: float = 60.0) -> "Line":
        self.lines.append(Line(socket.create_connection(("127.0.0.1", self.port), seconds)))
        return self.lines[-1]

    def hang_up(self) -> None:
        """Close every line that a test has left open."""
        while self.lines:
            self.lines.pop().close()

    def head(self, method: str, path: str, *more: str, user: str = "alice") -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: api", f"Authorization: Bearer {self.token(user)}", *more]
        return "\r\n".join([*lines, "", ""]).encode()

    def sweep(self) -> None:
        """Run the operator's command until what is cut off has been silent for long enough and is gone."""
        until(lambda: self._swept(), 60)

    def _swept(self) -> bool:
        command = [sys.executable, "-m", "scripts.cleanup"]
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True, timeout=300)
        return not self.database["parts"].count_documents({"state": "uploading"})


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


class Line:
    """One connection, byte by byte."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.unread = b""

    def send(self, data: bytes) -> "Line":
        self.connection.sendall(data)
        return self

    def half_close(self) -> "Line":
        self.connection.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        """Hang up so that the other side gets a RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def close(self) -> None:
        self.connection.close()

    def answer(self) -> Answer | None:
        """The next answer; None if the connection ends before it has come."""
        while b"\r\n\r\n" not in self.unread:
            if not self._read():
                return None
        head, _, self.unread = self.unread.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        length = int(headers.get("content-length", "0"))
        while len(self.unread) < length and self._read():
            pass
        body, self.unread = self.unread[:length], self.unread[length:]
        return Answer(int(first.split()[1]), headers, body)

    def is_closed(self) -> bool:
        """Wait for the other side to hang up."""
        while self._read():
            pass
        return True

    def _read(self) -> bytes:
        try:
            piece = self.connection.recv(65_536)
        except ConnectionError:
            return b""
        self.unread += piece
        return piece


def flood(line: Line, piece: bytes, most: int) -> int:
    """Send the piece again and again until the other side hangs up; how many bytes that took."""
    sent = 0
    line.connection.settimeout(120)
    try:
        while sent < most:
            line.connection.sendall(piece)
            sent += len(piece)
    except ConnectionError:
        pass
    return sent


@contextmanager
def serve(folder: Path, mongodb_url: str, redis_url: str, app: str | None = None, **more: str) -> Iterator[Served]:
    """The API as the local stack runs it, or another one with all that surrounds it; on a database of its own."""
    port, name = free_port(), f"test_{secrets.token_hex(6)}"
    environment = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": name, "REDIS_URL": redis_url, "JWT_SECRET": SECRET}
    processes = {"API_PROCESSES": str(servers.API_PROCESSES)}
    environment |= {"KEYRING_DIR": str(folder / f"{name}.keys"), **NO_RATES, **processes, **more}
    makes_keys = app is None and "KEYRING_DIR" not in more and more.get("ENCRYPT_RECORDINGS") != "0"
    with (folder / f"{name}.log").open("wb") as log, MongoClient[dict[str, Any]](mongodb_url, tz_aware=True) as mongo:

        def start() -> subprocess.Popen[bytes]:
            run = _other(app, port) if app else ["app.serve", "--port", str(port), "--grace", "2"]
            process = subprocess.Popen(
                [sys.executable, "-m", *run],
                cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent,
            )  # fmt: skip
            try:
                _wait(process, port, folder / f"{name}.log", "epoch begun" if makes_keys else "")
            except BaseException:
                process.kill()
                raise
            return process

        served = Served(port, start(), mongo[name], environment, start)
        try:
            yield served
        finally:
            served.process.send_signal(signal.SIGTERM)
            served.process.wait(60)
            mongo.drop_database(name)


def _other(app: str, port: int) -> list[str]:
    guards = ["--http", "app.guarded_http:GuardedHttp", "--ws", "app.guarded_ws:GuardedWebSocket"]
    quiet = ["--no-access-log", "--no-proxy-headers", "--timeout-graceful-shutdown", "2"]
    return ["uvicorn", "--factory", app, "--port", str(port), "--loop", "uvloop", *guards, *quiet]


def _is_open(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(process: subprocess.Popen[bytes], port: int, log: Path, line: str) -> None:
    """Until it answers and, in good time, has said this; what it lacks for that is a test's own matter."""
    begun = time.monotonic()
    while not _is_open(port) or (line not in log.read_text() and time.monotonic() < begun + MOST_KEY_SECONDS):
        if process.poll() is not None or time.monotonic() > begun + 240:
            raise RuntimeError(log.read_text()[-3000:])
        time.sleep(0.1)
