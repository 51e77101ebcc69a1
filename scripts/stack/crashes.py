"""Tell a process that keeps dying from one that is slow to start."""

from scripts.stack.errors import KeepsDying
from scripts.stack.layout import Layout

STARTS_TOO_MANY = 4
LINES = 20


class Crashes:
    """Counts the starts of each process by its changing pid file."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._seen: dict[str, set[int]] = {}

    def check(self) -> None:
        """KeepsDying, with the end of its log, once a process has started too often."""
        for name, pid in self._layout.read_pids().items():
            seen = self._seen.setdefault(name, set())
            seen.add(pid)
            if len(seen) >= STARTS_TOO_MANY:
                raise KeepsDying(f"{name} keeps dying. The end of {self._layout.log(name)}:\n{self._tail(name)}")

    def _tail(self, name: str) -> str:
        try:
            lines = self._layout.log(name).read_text(errors="replace").splitlines()
        except OSError as error:
            return str(error)
        return "\n".join(lines[-LINES:])
