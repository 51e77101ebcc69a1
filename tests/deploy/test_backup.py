"""docs/operations.md: what a backup without audio leaves out."""

import re
from pathlib import Path

from services.adapters.mongo.audio import ARRIVING

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def test_a_backup_without_audio_leaves_out_every_collection_that_has_audio() -> None:
    assert set(re.findall(r"--excludeCollection=([\w.]+)", PAGE)) == {"fs.files", "fs.chunks", *ARRIVING}
