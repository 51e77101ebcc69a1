"""What is found wrong with a recording, as it is found."""

from services.interviews.transcript import Flaw

MOST = 50
ERRORS = "decode_errors"
NEAR_SECONDS = 1.0


class Flaws:
    """A list of them: errors within a second are one, and no more than a page of them is kept."""

    def __init__(self, latest: float) -> None:
        self.found: list[Flaw] = []
        self.latest = latest

    def add(self, code: str, at: float, seconds: float | None = None) -> None:
        """Seconds that cannot be are not told."""
        if code == ERRORS and any(_is_near(flaw, at) for flaw in self.found[-3:]):
            return
        if len(self.found) < MOST:
            known = seconds if seconds is not None and 0 < seconds <= self.latest else None
            self.found.append(Flaw(code=code, at=round(at, 3), seconds=known and round(known, 3)))


def _is_near(flaw: Flaw, at: float) -> bool:
    return flaw.code == ERRORS and at - (flaw.at or 0.0) < NEAR_SECONDS
