"""The worker's hold on the template process."""

import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from services.adapters.av_decoder.protocol import Caps

ROOT = Path(__file__).parents[3]
START = "from services.adapters.av_decoder.fork_server import serve; serve()"
GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """A line to a child, and another on which its parent tells how it ended; closing them kills the child."""

    line: socket.socket
    verdict: socket.socket

    def close(self) -> None:
        self.line.close()
        self.verdict.close()


class ForkClient:
    """Starts the template when it is first needed, and again if it has died."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.running: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def child(self) -> Child:
        """A fresh child. OSError if none can be had."""
        (line, far_line), (verdict, far_verdict) = _pair(), _pair()
        child = Child(line, verdict)
        with far_line, far_verdict:
            try:
                socket.send_fds(self._control(), [b"f"], [far_line.fileno(), far_verdict.fileno()])
            except OSError:
                child.close()
                raise
        return child

    def close(self) -> None:
        """End the template and all its children."""
        if self.running is not None:
            (template, control), self.running = self.running, None
            control.close()
            _reap(template)

    def _control(self) -> socket.socket:
        if self.running is None or self.running[0].poll() is not None:
            self.close()
            self.running = self._start()
        return self.running[1]

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """A clean interpreter: no secrets in its environment, and its own session, so that Ctrl-C spares it."""
        control, far = _pair()
        with far:
            template = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", START, str(self.caps.seconds), str(self.caps.bytes)],
                cwd=ROOT,
                env={"OPENBLAS_NUM_THREADS": "1"},
                stdin=far.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        return template, control


def _pair() -> tuple[socket.socket, socket.socket]:
    """Our end, and the blocking end of a child.

    Celery shuts a worker down under a default timeout, and with that sockets are born non-blocking.
    """
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(True)
    return near, far


def _reap(template: subprocess.Popen[bytes]) -> None:
    try:
        template.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        template.kill()
        template.wait()
