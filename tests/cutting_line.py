"""A loopback line to a server that breaks after so many bytes that a client has sent, as often as a test says."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = 16_384


class CuttingLine:
    """`cuts` says after how many bytes to the server a connection breaks, one after the other.

    What was sent until then has reached the server, whose answer is lost. A connection that carries less than that
    is none of them.
    """

    def __init__(self, server: int, cuts: list[int]) -> None:
        self._server = server
        self.cuts = cuts
        self.broken = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                with suppress(OSError):
                    far = socket.create_connection(("127.0.0.1", self._server))
                    threading.Thread(target=self._send, args=(near, far), daemon=True).start()
                    threading.Thread(target=self._answer, args=(far, near), daemon=True).start()
                    continue
                near.close()

    def _send(self, near: socket.socket, far: socket.socket) -> None:
        sent = 0
        with suppress(OSError):
            while piece := near.recv(PIECE):
                left = self.cuts[0] - sent if self.cuts else None
                if left is not None and len(piece) >= left:
                    self.cuts.pop(0)
                    self.broken += 1
                    far.sendall(piece[:left])
                    break
                far.sendall(piece)
                sent += len(piece)
        _end(far, near)

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while piece := far.recv(PIECE):
                near.sendall(piece)
        _end(far, near)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def cutting_line_to(server: int, cuts: list[int]) -> Iterator[CuttingLine]:
    line = CuttingLine(server, cuts)
    try:
        yield line
    finally:
        line.close()
