"""One recording through a confined process, with what it cost."""

import os
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.adapters.av_decoder import protocol
from services.adapters.av_decoder.fork_client import ForkClient
from services.adapters.av_decoder.protocol import Ending, Order

LONGEST_SECONDS = 1e6
LAST = (protocol.DONE, protocol.TOO_LONG, protocol.UNREADABLE, protocol.FAILED)


@dataclass(frozen=True)
class Outcome:
    """What the worker would hear; `kind` is the last message's, None where the process ended without one."""

    kind: bytes | None
    samples: int
    ending: Ending


def decode(nursery: ForkClient, data: bytes) -> Outcome:
    """Decode it, and wait until the process has ended."""
    child = nursery.child()
    for line in (child.line, child.verdict):
        line.setblocking(True)
        line.settimeout(120)
    sender = threading.Thread(target=_send, args=(child.line, data))
    sender.start()
    heard = b"".join(iter(lambda: child.line.recv(1 << 20), b""))
    ending = Ending(*protocol.ENDING.unpack(child.verdict.recv(protocol.ENDING.size)))
    sender.join()
    child.close()
    return Outcome(*_read(heard), ending)


def _send(line: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        line.sendall(protocol.message(protocol.ORDER, Order(LONGEST_SECONDS).body()) + data)
        line.shutdown(socket.SHUT_WR)


def _read(heard: bytes) -> tuple[bytes | None, int]:
    kind, samples, at = None, 0, 0
    while at + protocol.HEAD.size <= len(heard):
        kind, size = protocol.HEAD.unpack_from(heard, at)
        at += protocol.HEAD.size + size
        samples += size // 2 if kind == protocol.SAMPLES else 0
    return (kind if kind in LAST else None), samples


def status_of(pid: int, name: str) -> str:
    """One line of /proc/<pid>/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


def limits_of(pid: int) -> dict[str, tuple[str, str]]:
    """The soft and hard limits of a process, by their names in /proc."""
    rows = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {row[:26].strip(): (row[26:47].strip(), row[47:68].strip()) for row in rows}


def open_files(pid: int) -> set[str]:
    return set(os.listdir(f"/proc/{pid}/fd"))
