"""Processor time, and who has taken it."""

from collections.abc import Iterable, Mapping

import psutil


def seconds(pid: int) -> float:
    """What a process and all that it started have taken so far."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(sum(one.cpu_times()[:4]) for one in family)
    except psutil.NoSuchProcess:
        return 0.0


class Spending:
    """Sums up what named processes take between `start` and `stop`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.spent = dict.fromkeys(pids, 0.0)
        self._pids = pids

    def start(self) -> None:
        self._before = self._now()

    def stop(self) -> None:
        for name, now in self._now().items():
            self.spent[name] += now - self._before[name]

    def each(self, parts: float, names: Iterable[str] | None = None) -> str:
        """Milliseconds for each of so many parts, as `api 3.1, mongod 4.0`."""
        chosen = self.spent if names is None else names
        return ", ".join(f"{name} {1000 * self.spent[name] / parts:.1f}" for name in chosen)

    def _now(self) -> dict[str, float]:
        return {name: seconds(pid) for name, pid in self._pids.items()}
