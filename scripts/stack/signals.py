"""Being asked to stop, noticed at the next pause."""

import signal
import time

ASKS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STEP = 0.1


class Stopped(Exception):
    """Somebody asked to stop."""


class Signals:
    """Notes the first request to stop; the ones after it change nothing."""

    def __init__(self) -> None:
        self.received: int | None = None
        for number in ASKS:
            signal.signal(number, self._note)

    def pause(self, seconds: float = STEP) -> None:
        """Sleep; Stopped if that was asked for."""
        end = time.monotonic() + seconds
        while self.received is None and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, STEP))
        if self.received is not None:
            raise Stopped

    def _note(self, number: int, _frame: object) -> None:
        self.received = self.received or number
