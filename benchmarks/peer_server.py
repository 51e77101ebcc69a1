"""A server that others have made for the same purpose: faster-whisper-server, in an environment of its own."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import yaml

from benchmarks.processes import family
from scripts.stack import ports

NAME = "faster-whisper-server"
PACKAGE = f"{NAME}==0.0.3"
INSTALL_SECONDS = 300
READY_SECONDS = 120
ANSWER_SECONDS = 300
LANGUAGE = "en"


class NotThere(Exception):
    """The peer cannot be installed or does not start; the text says why."""


@dataclass(slots=True)
class Peer:
    """The running server; `kill` and `start` it again at will."""

    command: list[str]
    port: int
    pause: Callable[[], None]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """NotThere if it is not ready in time."""
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        end = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if time.monotonic() > end or self.process.poll() is not None:
                raise NotThere(f"{NAME} does not start")
            self.pause()

    def kill(self) -> None:
        """At once, whatever it is doing."""
        if self.process is None:
            return
        for one in self.family():
            one.kill()
        self.process.wait()

    def family(self) -> list[psutil.Process]:
        return family(self.process.pid) if self.process else []

    def transcribe(self, file: Path) -> str:
        """The text; a connection of its own, so that an idle process of the server takes it."""
        with file.open("rb") as sound, httpx2.Client(timeout=ANSWER_SECONDS, trust_env=False) as http:
            form = {"model_name": "tiny.en", "language": LANGUAGE}
            answer = http.post(
                f"http://127.0.0.1:{self.port}/v1/audio/transcriptions", data=form, files={"file": (file.name, sound)}
            )
        return str(answer.raise_for_status().json()["text"])

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/health", timeout=2, trust_env=False).is_success
        except httpx2.HTTPError:
            return False


@contextmanager
def opened(folder: Path, weights: Path, cores: int, pause: Callable[[], None]) -> Iterator[Peer]:
    """The server with one process of one thread for each core; NotThere if it cannot be had."""
    python, port = _installed(folder / "peer", pause), ports.choose()
    settings = folder / "peer.yaml"
    settings.write_text(yaml.safe_dump(_settings(weights)), "utf-8")
    options = ["--config", str(settings), "--host", "127.0.0.1", "--port", str(port), "--workers", str(cores)]
    peer = Peer([str(python), "-m", "faster_whisper_server", *options], port, pause)
    try:
        peer.start()
        yield peer
    finally:
        peer.kill()


def _settings(weights: Path) -> dict[str, object]:
    model = {"device": "cpu", "compute_type": "int8", "cpu_threads": 1}
    reading = {"beam_size": 1, "vad_filter": True, "condition_on_previous_text": False}
    return {
        "models": [{"name": "tiny.en", "path": str(weights), "model_options": model, "transcribe_options": reading}]
    }


def _installed(folder: Path, pause: Callable[[], None]) -> Path:
    python = folder / "bin" / "python"
    done([sys.executable, "-m", "venv", str(folder)], pause)
    done([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE], pause)
    return python


def done(command: list[str], pause: Callable[[], None], name: str = NAME) -> None:
    """Run it to its end; NotThere if that is a bad one, or does not come."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + INSTALL_SECONDS
    try:
        while process.poll() is None:
            if time.monotonic() > end:
                raise NotThere(f"{name} could not be installed in {INSTALL_SECONDS} s")
            pause()
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise NotThere(f"{name} could not be installed")
