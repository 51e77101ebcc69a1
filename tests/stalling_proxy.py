"""A loopback line to a server, which may fall silent: it takes connections and bytes, and nothing comes back."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = 65_536


class Line:
    """Carries bytes both ways between its own port and the server's, until it is silenced."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._silent = threading.Event()
        self._open: set[socket.socket] = set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        """From now on whatever is sent is swallowed."""
        self._silent.set()

    def speak(self) -> None:
        """Carry again; what was open in the silence is cut, because it has lost bytes."""
        self._silent.clear()
        self._cut()

    def lead_to(self, server: int) -> None:
        """From now on new connections go to another server; what is open stays."""
        self._server = server

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._cut()

    def _cut(self) -> None:
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(("127.0.0.1", self._server))
                for source, target in ((near, far), (far, near)):
                    self._open.add(source)
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                if not self._silent.is_set():
                    target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
        source.close()


@contextmanager
def line_to(server: int) -> Iterator[Line]:
    line = Line(server)
    try:
        yield line
    finally:
        line.close()
