"""How many processor cores this process may use."""

import os
from contextlib import suppress
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """Those it may run on, or fewer where its container is given less of their time; at least one."""
    may = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError):
        quota, period = QUOTA.read_text(encoding="ascii").split()
        may = min(may, int(quota) // int(period))
    return max(1, may)
