"""tus-js-client in Node, as npm brings it; the test package beside this file names its versions."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.served import Served

PACKAGE = Path(__file__).parent / "uploaders"
# As often as a slow machine needs, until something more gets through.
PATIENT = [100] * 200
NEEDED = "The tests of other people's uploaders need npm with Node.js 20 or later, and npm's registry within reach. {}"


def run(*command: str, folder: Path) -> str:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@dataclass(frozen=True)
class Uploaders:
    """The installed package."""

    folder: Path

    @classmethod
    def into(cls, folder: Path) -> "Uploaders":
        if not shutil.which("npm"):
            pytest.fail(NEEDED.format("There is no npm."), pytrace=False)
        shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("node_modules"))
        try:
            run("npm", "ci", folder=folder)
        except AssertionError as failed:
            pytest.fail(NEEDED.format(failed), pytrace=False)
        return cls(folder)

    def upload(self, api: Served, path: Path, session: str, *, port: int = 0, **options: Any) -> dict[str, Any]:
        """Run it, with these options of its own; what came of it, and each request with its status."""
        address = f"http://127.0.0.1:{port or api.port}"
        draft = "protocol" in options
        asked = {
            "path": str(path),
            "endpoint": f"{address}/api/upload-answer/{session}/q1" if draft else f"{address}/api/uploads",
            "headers": {"Authorization": f"Bearer {api.token()}"},
            "metadata": {"session_id": session, "question_id": "q1", "filetype": "audio/webm"},
            "retryDelays": PATIENT,
            **options,
        }
        told: dict[str, Any] = json.loads(run("node", "upload.mjs", json.dumps(asked), folder=self.folder))
        return told

    def bundle(self) -> str:
        """Uppy and tus-js-client for a page: one script."""
        made = self.folder / "bundle.js"
        tool = str(self.folder / "node_modules" / ".bin" / "esbuild")
        run(tool, "page.js", "--bundle", "--format=iife", f"--outfile={made}", folder=self.folder)
        return made.read_text()
