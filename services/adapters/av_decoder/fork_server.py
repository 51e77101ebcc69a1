"""A process that has everything loaded, and forks a child for each recording it is handed.

It starts from a clean interpreter with an empty environment, reads sockets from its
standard input, and ends, with all its children, when that closes.
"""

import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

from services.adapters.av_decoder import protocol
from services.adapters.av_decoder.decode import Handing, hand_over
from services.adapters.av_decoder.merging import merge
from services.adapters.av_decoder.places import Entered
from services.adapters.av_decoder.planning import Found
from services.adapters.av_decoder.protocol import Caps, Order, message
from services.adapters.av_decoder.sandbox import enter_sandbox
from services.adapters.av_decoder.source import Distant, Source, cut
from services.adapters.av_decoder.warm_up import warm_up
from services.errors import AudioTooLong, AudioUnreadable

LINE = 3
MOST_FILES = 1024
HELD_SAMPLES = 330 * protocol.RATE  # a recording of no more is gone through once


def serve() -> None:
    """Fork children until the standard input closes."""
    caps = Caps(float(sys.argv[1]), int(sys.argv[2]))
    warm_up()
    with socket.socket(fileno=os.dup(0)) as control:
        _ForkServer(control, caps).run()


@dataclass(frozen=True, slots=True)
class _Far:
    """The child's ends of the two lines; the template keeps them until the child has ended."""

    line: socket.socket
    verdict: socket.socket

    def tell(self, status: int, used: resource.struct_rusage) -> None:
        killer = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        with suppress(OSError):
            self.verdict.send(protocol.ENDING.pack(killer, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024))

    def close(self) -> None:
        """The line last: when the worker sees it close, all is over."""
        self.verdict.close()
        self.line.close()


class _ForkServer:
    def __init__(self, control: socket.socket, caps: Caps) -> None:
        self.control = control
        self.caps = caps
        self.children: dict[int, _Far] = {}
        self.poll = select.poll()
        self.ended, self.bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.bell, warn_on_full_buffer=False)
        self.poll.register(self.control, select.POLLIN)
        self.poll.register(self.ended, select.POLLIN)
        while self._turn():
            pass
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)

    def _turn(self) -> bool:
        ready = dict(self.poll.poll())
        self._kill_those_hung_up(ready)
        if self.ended in ready:
            os.read(self.ended, 4096)
            self._bury()
        return self.control.fileno() not in ready or self._accept()

    def _kill_those_hung_up(self, ready: dict[int, int]) -> None:
        for pid, far in self.children.items():
            if far.line.fileno() in ready:
                self.poll.unregister(far.line)
                os.kill(pid, signal.SIGKILL)

    def _bury(self) -> None:
        """Reap what ended, and tell how; only then does the worker see the line close."""
        while self.children:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if not pid:
                return
            far = self.children.pop(pid)
            far.tell(status, used)
            with suppress(KeyError):
                self.poll.unregister(far.line)
            far.close()

    def _accept(self) -> bool:
        word, files, _, _ = socket.recv_fds(self.control, 1, 2)
        if not word:
            return False
        line, verdict = (socket.socket(fileno=file) for file in files)
        self._fork(_Far(line, verdict))
        return True

    def _fork(self, far: _Far) -> None:
        try:
            pid = os.fork()
        except OSError:
            far.close()
            return
        if pid == 0:
            _live(far.line, self.caps)
        self.children[pid] = far
        self.poll.register(far.line, 0)


def _live(line: socket.socket, caps: Caps) -> None:
    """The whole life of a child; it never returns."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if line.fileno() != LINE:
            os.dup2(line.fileno(), LINE)
        os.closerange(LINE + 1, MOST_FILES)
        sealed = enter_sandbox(caps)
        line = socket.socket(fileno=LINE)
        line.sendall(message(protocol.READY, protocol.SEALED if sealed else b""))
        _decode(line, caps)
    except BaseException:  # whatever it was, the worker sees that the samples did not end well
        os._exit(1)
    os._exit(0)


def _decode(line: socket.socket, caps: Caps) -> None:
    """Samples, or pages, then one word on how it ended. What is not known to come from a recording is told by name."""
    order = protocol.order_of(_ordered(line))
    try:
        work = _hand_over if order.left is None else _merge
        work(line, order, _source(line, order, caps), min(order.most_seconds, caps.seconds))
        last = message(protocol.DONE)
    except AudioTooLong:
        last = message(protocol.TOO_LONG)
    except (AudioUnreadable, MemoryError):
        last = message(protocol.UNREADABLE)
    except OSError:
        raise
    except Exception as error:
        last = message(protocol.FAILED, protocol.error_body(error))
    line.sendall(last)


def _hand_over(line: socket.socket, order: Order, data: Source, most_seconds: float) -> None:
    known = Found.of(order.plan) if order.plan and not order.entered else None
    to = Handing(
        give=lambda block: line.sendall(message(protocol.SAMPLES, block)),
        tell=lambda found: line.sendall(message(protocol.PLAN, found.planned().body())),
        skip=order.skip,
        held_samples=HELD_SAMPLES,
        channel=order.channel,
        entered=Entered(*order.entered) if order.entered else None,
        before=order.plan,
    )
    hand_over(data, most_seconds, to, known)


def _merge(line: socket.socket, order: Order, data: Source, most_seconds: float) -> None:
    left, right = cut(data, [(0, order.left or 0), (order.left or 0, len(data))])
    merge(left, right, most_seconds, lambda page: line.sendall(message(protocol.PAGES, page)))


def _ordered(line: socket.socket) -> bytes:
    _, size = protocol.HEAD.unpack(_exactly(line, protocol.HEAD.size))
    return _exactly(line, size)


def _source(line: socket.socket, order: Order, caps: Caps) -> Source:
    """What is small is here as a whole; of what is not, the worker is asked."""
    size = order.size
    if order.is_held or size is None:
        return _read(line, caps.held)

    def fetch(start: int, most: int) -> bytes:
        there = max(0, min(most, size - start))
        if there:
            line.sendall(message(protocol.NEED, protocol.RANGE.pack(start, there)))
        return _exactly(line, there)

    return Distant(fetch, 0, size)


def _exactly(line: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = line.recv(size - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return bytes(data)


def _read(line: socket.socket, most: int) -> bytes:
    data = BytesIO()
    while piece := line.recv(256 * 1024):
        if data.tell() + len(piece) > most:
            raise AudioUnreadable
        data.write(piece)
    return data.getvalue()
