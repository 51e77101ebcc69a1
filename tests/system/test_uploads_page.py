"""docs/uploads.md: what it has typed by hand does what it says."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.stack.layout import ROOT
from tests.hostile.served import Served, serve
from tests.system.resumable import is_the_one_take, recording, session

PAGE = (ROOT / "docs" / "uploads.md").read_text()
BY_HAND = re.findall(r"```sh\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("page"), mongodb_url, redis_url) as served:
        yield served


@pytest.mark.parametrize("typed", BY_HAND, ids=["tus", "ietf", "slices"])
def test_what_is_typed_by_hand_uploads(api: Served, typed: str, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("there is no curl")
    data, made = recording(size=20_000), session(api)
    (tmp_path / "answer.webm").write_bytes(data)
    names = {"API": f"http://127.0.0.1:{api.port}", "TOKEN": api.token(), "SESSION": made, "NO_PROXY": "127.0.0.1"}
    command = ["env", *(f"{name}={value}" for name, value in names.items()), "bash", "-euo", "pipefail", "-c", typed]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert is_the_one_take(api, made, data)
    if "Upload-Complete" in typed:
        assert hashlib.sha256(data).hexdigest() in ran.stdout
