"""Room on disks."""

import shutil
from pathlib import Path

from app.finding import Finding, failing, ok, warning

GB = 10**9
ADVICE = "Free some space, or move to a larger disk, before uploads are refused."
REFUSED = "Free some space, or move to a larger disk: below LEAST_FREE_MEGABYTES no recording in pieces is taken."


def room(check: str, free: int, total: int, least: int = 0) -> Finding:
    """Whether there is room: failing below the least and 500 MB, a warning below 5 GB that are less than a tenth."""
    said = f"{free / GB:.1f} of {total / GB:.1f} GB free"
    if free < least:
        return failing(check, said, REFUSED)
    if free < GB / 2:
        return failing(check, said, ADVICE)
    if free < 5 * GB and free < total / 10:
        return warning(check, said, ADVICE)
    return ok(check, said)


def cache(folder: Path) -> Finding:
    """Room where a model is joined."""
    there = next(each for each in [folder.resolve(), *folder.resolve().parents] if each.is_dir())
    used = shutil.disk_usage(there)
    return room("Cache disk", used.free, used.total)
