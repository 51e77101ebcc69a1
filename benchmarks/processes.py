"""Processes with all that they have started, and the memory that they hold."""

from collections.abc import Iterable

import psutil

MB = 1_000_000


def family(pid: int) -> list[psutil.Process]:
    """A process and its descendants; none if it is gone."""
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def resident(pids: Iterable[int]) -> float:
    """The resident memory of these and their descendants, in MB; what they share counts for each."""
    everybody = {one.pid: one for pid in pids for one in family(pid)}
    return sum(map(_resident, everybody.values())) / MB


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0.0
