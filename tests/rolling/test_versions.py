"""The version before reads what this one writes, this one reads what that one wrote, and all that ever was."""

import asyncio
import io
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from scripts.stack.layout import ROOT
from tests.rolling import sample, scene

WRITTEN_BY = ("services", "app", "tests/rolling")


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, check=True).stdout


@cache
def version_before() -> str | None:
    """The commit before this one, or the one that was changed since; None where there is no history."""
    try:
        changed = bool(git("status", "--porcelain", "--", *WRITTEN_BY))
        before = git("rev-parse", "HEAD" if changed else "HEAD~1").decode().strip()
        return before if git("ls-tree", before, "tests/rolling/__main__.py") else None
    except (OSError, subprocess.CalledProcessError):
        return None


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout of the version before."""
    commit = version_before()
    if commit is None:
        pytest.skip("needs a checkout by git with the commit before this one")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
        archive.extractall(folder, filter="data")
    yield folder


async def act(what: str, url: str, database: str, folder: Path) -> None:
    command = [sys.executable, "-m", "tests.rolling", what, url, database]
    done = await asyncio.to_thread(subprocess.run, command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


async def test_the_version_before_reads_what_this_one_writes(
    before: Path, mongodb_url: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    await scene.write(database)
    await act("check", mongodb_url, database.name, before)


async def test_this_version_reads_what_the_one_before_wrote(
    before: Path, mongodb_url: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    await act("write", mongodb_url, database.name, before)
    await scene.check(database)


@pytest.mark.parametrize("file", sample.kept(), ids=lambda file: file.stem)
async def test_what_an_earlier_version_wrote_is_read(file: Path, database: AsyncDatabase[dict[str, Any]]) -> None:
    found = sample.read(file)
    audio = next(row for row in found["fs.files"])
    chunk = {"files_id": audio["_id"], "n": 0, "data": b"x" * audio["chunkSize"]}
    rest = {"files_id": audio["_id"], "n": 1, "data": b"x" * (audio["length"] - audio["chunkSize"])}
    await sample.put({**found, "fs.chunks": [chunk, rest]}, database)
    await scene.check(database)


async def test_a_sample_of_this_version_is_kept(mongodb_url: str, database: AsyncDatabase[dict[str, Any]]) -> None:
    await scene.write(database)
    now = sample.shape(await sample.taken(database))
    assert now in {file.stem for file in sample.kept()}, (
        "what is written has a new shape: run `python -m tests.rolling keep`, and commit the sample"
    )


def test_a_shape_is_of_fields_and_not_of_what_stands_in_them() -> None:
    one = {"parts": [{"_id": 1, "x": {"y": [1, 2]}, "answers": {"q1": {"z": 1}}}]}
    same = {"parts": [{"_id": 2, "x": {"y": [3]}, "answers": {"q2": {"z": 2}, "q3": {"z": 3}}}]}
    other = {"parts": [{"_id": 1, "x": {"y": [1], "w": 1}, "answers": {"q1": {"z": 1}}}]}
    assert sample.shape(one) == sample.shape(same) != sample.shape(other)


async def test_a_field_that_the_version_before_does_not_know_is_no_trouble_to_it(
    before: Path, mongodb_url: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    await scene.write(database)
    for name in ("parts", "interview_sessions", "webhooks", "webhook_deliveries", "workers", "replays"):
        await database[name].update_many({}, {"$set": {f"later_{uuid.uuid4().hex}": {"x": [1]}}})
    await database["interview_sessions"].update_one({}, {"$set": {"questions.$[].later": 1}})
    await act("check", mongodb_url, database.name, before)
