"""What lies in a keyring's folder, and what becomes of it when something is in the way."""

import base64
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.adapters import folder_keyring as module
from services.adapters.folder_keyring import FolderKeyring
from services.recordings.ports.keyring import EpochId, KeyringTrouble
from tests.services.adapters.test_keyring_contract import FIRST, OWN, SECOND

HOLD = """
import asyncio, sys
from pathlib import Path
from services.adapters.folder_keyring import FolderKeyring
async def hold():
    async with FolderKeyring(Path(sys.argv[1])).writing() as alone:
        print(alone, flush=True)
        sys.stdin.read()
asyncio.run(hold())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
async def keyring(folder: Path) -> FolderKeyring:
    made = FolderKeyring(folder)
    async with made.writing(makes=True):
        await made.make(OWN)
        await made.add(FIRST)
    return made


async def test_its_owner_alone_may_look(keyring: FolderKeyring, folder: Path) -> None:
    os.umask(0o022)
    modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert modes == {"keyring.json": 0o600, "lock": 0o600, f"{FIRST.id}.key": 0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert keyring.open_to_others() == []
    (folder / f"{FIRST.id}.key").chmod(0o644)
    assert keyring.open_to_others() == [f"{FIRST.id}.key"]


async def test_what_is_destroyed_is_overwritten_where_it_lies(keyring: FolderKeyring, folder: Path) -> None:
    seen_otherwise = folder.parent / "the same bytes on the disk"
    os.link(folder / f"{FIRST.id}.key", seen_otherwise)
    before = seen_otherwise.read_bytes()
    async with keyring.writing():
        await keyring.destroy(FIRST.id)
    after = seen_otherwise.read_bytes()
    assert len(after) == len(before)
    assert after != before
    assert json.loads(before)["key"].encode() not in after


async def test_what_a_crash_left_half_written_is_no_key_and_goes(keyring: FolderKeyring, folder: Path) -> None:
    draft = folder / f".draft-{SECOND.id}.key"
    draft.write_text('{"version": 1, "epoch"')
    assert await keyring.epochs() == [FIRST.id]
    async with keyring.writing():
        assert not draft.exists()


async def test_another_process_keeps_writers_out_until_it_ends(keyring: FolderKeyring, folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin and other.stdout
        assert other.stdout.readline() == b"True\n"
        async with keyring.writing() as is_alone:
            assert not is_alone
        assert await keyring.newest() == FIRST
        other.kill()
    async with keyring.writing() as is_alone:
        assert is_alone


@pytest.mark.parametrize("damage", ["", "{}", '{"version": 1}', "\x00" * 80, '{"version": 9}'])
async def test_a_damaged_file_is_named(keyring: FolderKeyring, folder: Path, damage: str) -> None:
    file = folder / f"{FIRST.id}.key"
    file.write_text(damage)
    with pytest.raises(KeyringTrouble, match=file.name):
        await keyring.find(FIRST.id)


@pytest.mark.parametrize("flip", range(0, 256, 8))
async def test_a_key_with_a_flipped_bit_is_damaged(keyring: FolderKeyring, folder: Path, flip: int) -> None:
    file = folder / f"{FIRST.id}.key"
    row = json.loads(file.read_text())
    secret = bytearray(base64.b64decode(row["key"]))
    secret[flip // 8] ^= 1
    file.write_text(json.dumps({**row, "key": base64.b64encode(bytes(secret)).decode()}))
    with pytest.raises(KeyringTrouble, match="damaged"):
        await keyring.newest()


async def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blocked = FolderKeyring(tmp_path / "file" / "keys")
    with pytest.raises(KeyringTrouble, match="Not a directory"):
        await blocked.identity()
    with pytest.raises(KeyringTrouble, match="Not a directory"):
        async with blocked.writing():
            pass


@pytest.mark.parametrize("id", ["../keyring", "", "1-a", "00000001-0000000a/x"])
async def test_a_strange_name_reaches_no_file(keyring: FolderKeyring, id: str) -> None:
    with pytest.raises(KeyringTrouble):
        await keyring.find(EpochId(id))


async def test_what_was_overwritten_and_not_removed_is_removed_by_the_next_try(
    keyring: FolderKeyring, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise RuntimeError("the power fails")

    async with keyring.writing():
        await keyring.add(SECOND)
        await keyring.doom(FIRST.id)
        with monkeypatch.context() as without_power, pytest.raises(RuntimeError):
            without_power.setattr(Path, "unlink", dies)
            await keyring.destroy(FIRST.id)
        assert await keyring.epochs() == [FIRST.id, SECOND.id]
        assert await keyring.newest() == SECOND
        await keyring.destroy(FIRST.id)
    assert await keyring.epochs() == [SECOND.id]


async def test_a_folder_that_hangs_is_given_up(keyring: FolderKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(keyring, "_newest", lambda: released.wait(30))
    with pytest.raises(KeyringTrouble, match="does not answer"):
        await keyring.newest()
    released.set()
