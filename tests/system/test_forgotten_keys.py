"""Deleted recordings, rebuilt from MongoDB's log and from a copy of its files: with their key, and after it."""

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient

from scripts.stack.layout import ROOT
from services.adapters.folder_keyring import FolderKeyring
from services.recordings.ports.keyring import EpochKey
from tests.openai_server import OpenAIServer
from tests.rebuilding import Kept, from_log, on_a_copy, places_with, sums, windows
from tests.system import live
from tests.system.live import Stack, create, upload, wait_for
from tests.system.speech import samples

pytestmark = pytest.mark.long

RECORDINGS = [sample.audio.read_bytes() for sample in samples()]
SOUND = sums(RECORDINGS)
WORDS = [word for recording in RECORDINGS for word in windows(recording)]


@dataclass
class Scene:
    """A stack whose recordings are all transcribed and deleted, and what an operator's copies have kept."""

    stack: Stack
    folder: Path
    copied_keys: Path

    @property
    def state(self) -> Path:
        return self.stack.running.layout.root

    def log(self) -> list[Kept]:
        kept = from_log(self.stack.database.client, self.stack.database.name)
        assert len(kept) == len(RECORDINGS)
        return kept


def keys_in(folder: Path) -> dict[str, EpochKey]:
    async def read() -> dict[str, EpochKey]:
        keyring = FolderKeyring(folder)
        found = [await keyring.find(id) for id in await keyring.epochs()]
        return {key.id: key for key in found if key is not None}

    return asyncio.run(read())


def by_hand(stack: Stack, *words: str) -> str:
    environment = [f"{name}={value}" for name, value in stack.environment.items()]
    command = ["env", *environment, sys.executable, "-m", "scripts.keys", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("forgotten")
    (folder / "tmp").mkdir()
    with OpenAIServer() as server:
        given = {"OPENAI_API_KEY": "sk-loopback", "OPENAI_BASE_URL": server.url, "TMPDIR": str(folder / "tmp")}
        with live.stack(folder, **given) as stack:
            with stack.client() as client:
                session = create(client, *(sample.question for sample in samples()))
                for sample, recording in zip(samples(), RECORDINGS, strict=True):
                    upload(client, session, sample.id, recording)
                for sample in samples():
                    assert wait_for(client, session, sample.id)["status"] == "completed"
            assert stack.audio_left() == (0, 0)
            copied = folder / "copied-keys"
            shutil.copytree(stack.environment["KEYRING_DIR"], copied)
            yield Scene(stack, folder, copied)


def copied_data(scene: Scene, name: str) -> Path:
    """A copy of the database's files at this moment."""
    admin = scene.stack.database.client.admin
    admin.command("fsync", lock=True)
    try:
        shutil.copytree(scene.state / "data" / "mongod", scene.folder / name)
    finally:
        admin.command("fsyncUnlock")
    return scene.folder / name


def destroyed(scene: Scene) -> None:
    """Each epoch that has sealed something is destroyed, if it was not yet."""
    for row in json.loads(by_hand(scene.stack, "list", "--json")):
        if row["state"] == "open" and scene.stack.database["epochs"].count_documents({"state": "destroyed"}) == 0:
            by_hand(scene.stack, "destroy", row["id"], "--at-once")


def test_with_the_key_the_log_gives_all_recordings_back_and_after_it_none(scene: Scene) -> None:
    kept = scene.log()
    assert sums([one.opened(keys_in(scene.copied_keys)) or b"" for one in kept]) == SOUND
    destroyed(scene)
    left = keys_in(Path(scene.stack.environment["KEYRING_DIR"]))
    assert left and not left.keys() & keys_in(scene.copied_keys).keys()
    for one in scene.log():
        assert (one.opened(left), one.tried(left)) == (None, [])
        assert hashlib.sha256(one.stored).hexdigest() not in SOUND
        assert not [word for word in WORDS if word in one.stored]


def test_so_does_a_copy_of_the_databases_files(scene: Scene) -> None:
    destroyed(scene)
    data = copied_data(scene, "data")
    (scene.folder / "second").mkdir()
    with on_a_copy(data, scene.folder / "second") as client:
        kept = from_log(client, scene.stack.database.name)
        assert len(kept) == len(RECORDINGS)
        assert sums([one.opened(keys_in(scene.copied_keys)) or b"" for one in kept]) == SOUND
        left = keys_in(Path(scene.stack.environment["KEYRING_DIR"]))
        assert [one.tried(left) for one in kept] == [[]] * len(kept)


def test_no_plain_sound_is_in_any_file_of_the_stack(scene: Scene, mongodb_url: str) -> None:
    """In data files, Valkey's, logs, temporary folders: and what is looked for would be found, were it there."""
    scene.stack.database.client.admin.command("fsync")
    assert places_with(WORDS, scene.state) == places_with(WORDS, scene.folder / "tmp") == []
    plain = {"files_id": ObjectId(), "n": 0, "data": RECORDINGS[0]}
    scene.stack.database.client["plain"]["fs.chunks"].insert_one(plain)
    scene.stack.database.client.admin.command("fsync")
    found = {file.relative_to(scene.state).parts[:2] for file in places_with(WORDS, scene.state)}
    assert found == {("data", "mongod")}


def test_a_key_that_comes_back_from_a_copy_is_destroyed_again(scene: Scene) -> None:
    destroyed(scene)
    folder = Path(scene.stack.environment["KEYRING_DIR"])
    (old,) = keys_in(scene.copied_keys)
    shutil.copy(scene.copied_keys / f"{old}.key", folder)
    environment = [f"{name}={value}" for name, value in scene.stack.environment.items()]
    subprocess.run(
        ["env", *environment, sys.executable, "-m", "scripts.cleanup"], cwd=ROOT, capture_output=True, timeout=300
    )
    assert not (folder / f"{old}.key").exists()
    rows: list[dict[str, Any]] = json.loads(by_hand(scene.stack, "list", "--json"))
    assert [(row["state"], row["returns"]) for row in rows if row["id"] == old] == [("destroyed", 1)]


def test_recordings_are_told_when_they_became_unreadable(scene: Scene) -> None:
    destroyed(scene)
    row = scene.stack.database["epochs"].find_one({"state": "destroyed"})
    assert row is not None
    assert (row["reason"], set(row) >= {"opened_at", "closed_at", "gone_at"}) == ("destroyed by hand", True)
    with MongoClient[dict[str, Any]](scene.stack.environment["MONGODB_URL"]) as client:
        text = str(list(client[scene.stack.database.name]["epochs"].find()))
    assert not [
        key for key in keys_in(scene.copied_keys).values() if key.secret.hex() in text or str(key.secret) in text
    ]
