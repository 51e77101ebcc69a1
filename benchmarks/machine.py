"""What the figures were measured on."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil

GB = 1_000_000_000


def described() -> str:
    """Processor, cores, memory and versions in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / GB
    return (
        f"{cores} cores of {_processor()}, {memory:.0f} GB of memory, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "an unnamed processor"
