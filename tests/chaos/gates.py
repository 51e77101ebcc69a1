"""Where a call may be met on its way."""

import threading

MOST_SECONDS = 1.2


class Gate:
    """While it is held, who comes waits for its release, for less than a call may take; `reached`: somebody came."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()
        self._open.set()

    def hold(self) -> None:
        self.reached.clear()
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def go_through(self) -> None:
        self.reached.set()
        self._open.wait(MOST_SECONDS)
