"""Models from a hub, which is a loopback server here: fetched once, whole, and pinned."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from huggingface_hub import constants

from app import fetching
from app.fetching import NAMES, repository
from app.weights import NotFetchedYet, WeightsMissing, find_weights, seen_weights
from tests.loopback import Handler, serving

COMMIT, OTHER = "a" * 40, "b" * 40


@dataclass
class Hub:
    """One repository, and what is asked of it."""

    files: dict[str, bytes]
    commit: str = COMMIT
    damaged: bool = False
    broken_off: bool = False
    asked: list[str] = field(default_factory=list)

    def tree(self) -> list[dict[str, object]]:
        return [self._row(name, data) for name, data in self.files.items()]

    def _row(self, name: str, data: bytes) -> dict[str, object]:
        row = {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
        large = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return {**row, "lfs": large} if name == "model.bin" else row

    def handler(self) -> type[Handler]:
        hub = self

        class Serving(Handler):
            def answer(self) -> None:
                hub.asked.append(f"{self.command} {self.path.partition('?')[0]}")
                self._give(*hub.reply(self.path.partition("?")[0]))

            def _give(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                whole = {**headers, "Content-Length": str(len(body))}
                self.begin(status, whole.items())
                if self.command == "GET":
                    self.wfile.write(body[: len(body) // 2] if hub.broken_off and len(body) > 1000 else body)

        return Serving

    def reply(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        if "/tree/" in path:
            return 200, json.dumps(self.tree()).encode(), {"Content-Type": "application/json"}
        if path.startswith("/api/models/own/model"):
            about = {"id": "own/model", "sha": self.commit, "siblings": [{"rfilename": name} for name in self.files]}
            return 200, json.dumps(about).encode(), {"Content-Type": "application/json"}
        name = path.rpartition("/")[2]
        if path.startswith("/own/model/resolve/") and name in self.files:
            return 200, self._data(name), self._headers(name)
        return 404, b"", {"X-Error-Code": "RepoNotFound"}

    def _data(self, name: str) -> bytes:
        data = self.files[name]
        return b"x" * len(data) if self.damaged and name == "model.bin" else data

    def _headers(self, name: str) -> dict[str, str]:
        (row,) = (row for row in self.tree() if row["path"] == name)
        large = row.get("lfs")
        tag = large["oid"] if isinstance(large, dict) else row["oid"]
        return {"ETag": f'"{tag}"', "X-Linked-ETag": f'"{tag}"', "X-Repo-Commit": self.commit}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub({"model.bin": bytes(range(256)) * 8000, "config.json": b"{}", "tokenizer.json": b"{}", "README.md": b"?"})
    with serving(hub.handler()) as address:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield hub


def test_a_model_is_fetched_once_and_then_nobody_is_asked(hub: Hub, tmp_path: Path) -> None:
    folder = find_weights("own/model", tmp_path, offline=False)
    assert (folder / "model.bin").read_bytes() == hub.files["model.bin"]
    assert not (folder / "README.md").exists(), "only what is needed"
    hub.asked.clear()
    assert find_weights("own/model", tmp_path, offline=False) == folder
    assert seen_weights("own/model", tmp_path) == folder
    assert hub.asked == []


def test_what_was_fetched_stays_though_the_repository_goes_on(hub: Hub, tmp_path: Path) -> None:
    folder = find_weights("own/model", tmp_path, offline=False)
    hub.commit, hub.files["config.json"] = OTHER, b"newer"
    assert find_weights("own/model", tmp_path, offline=False) == folder
    newer = find_weights("own/model", tmp_path, OTHER, offline=False)
    assert ((newer / "config.json").read_bytes(), newer.name) == (b"newer", OTHER)
    assert find_weights("own/model", tmp_path, COMMIT) == folder


def test_offline_nothing_is_fetched_and_it_is_said_what_to_do(hub: Hub, tmp_path: Path) -> None:
    for find in (find_weights, seen_weights):
        with pytest.raises(NotFetchedYet, match="SPEECH_OFFLINE"):
            find("own/model", tmp_path)
    assert hub.asked == []


def test_a_download_that_broke_off_is_gone_on_with(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    hub.broken_off = True
    with pytest.raises(WeightsMissing, match=r"own/model could not be fetched.*SPEECH_MODEL"):
        find_weights("own/model", tmp_path, offline=False)
    with pytest.raises(NotFetchedYet):
        find_weights("own/model", tmp_path)
    hub.broken_off = False
    folder = find_weights("own/model", tmp_path, offline=False)
    assert (folder / "model.bin").read_bytes() == hub.files["model.bin"]


def test_a_model_that_came_damaged_is_not_kept(hub: Hub, tmp_path: Path) -> None:
    hub.damaged = True
    with pytest.raises(WeightsMissing, match="damaged"):
        find_weights("own/model", tmp_path, offline=False)
    hub.damaged = False
    assert (find_weights("own/model", tmp_path, offline=False) / "model.bin").read_bytes() == hub.files["model.bin"]


@pytest.mark.parametrize("lost", ["model.bin", "tokenizer.json"])
def test_a_repository_that_holds_no_such_model_is_told(hub: Hub, tmp_path: Path, lost: str) -> None:
    del hub.files[lost]
    with pytest.raises(WeightsMissing, match="no CTranslate2 model"):
        find_weights("own/model", tmp_path, offline=False)


def test_a_repository_that_is_not_there_is_told(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"no/such could not be fetched.*SPEECH_REVISION"):
        find_weights("no/such", tmp_path, offline=False)


def test_many_at_once_fetch_it_once(hub: Hub, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        folders = set(threads.map(lambda _: find_weights("own/model", tmp_path, offline=False), range(4)))
    assert len(folders) == 1
    assert len([line for line in hub.asked if line.startswith("GET") and line.endswith("model.bin")]) == 1


def test_progress_is_told(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TELL_SECONDS", 0.0)
    with structlog.testing.capture_logs() as logged:
        find_weights("own/model", tmp_path, offline=False)
    size = sum(len(data) for name, data in hub.files.items() if name != "README.md")
    told = [line["of"] for line in logged if line["event"] == "fetching"]  # files come to be known one by one
    assert told == sorted(told)
    assert len(hub.files["model.bin"]) <= told[-1] <= size
    assert logged[-1]["commit"] == COMMIT


def test_every_name_of_faster_whisper_means_a_repository() -> None:
    assert {"large-v3", "turbo", "small.en", "distil-large-v3"} <= set(NAMES)
    assert all("/" in str(repository(name)) for name in NAMES)
    assert repository("owner/some-model_2.0") == "owner/some-model_2.0"


@pytest.mark.parametrize("name", ["large-v9", "/no/such/folder", "./here", "~/models/x", "a/b/c", "", "-x/y"])
def test_what_is_no_name_and_no_repository_is_told_with_what_there_is(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"SPEECH_MODEL.*large-v3.*owner/name.*folder"):
        find_weights(name, tmp_path, offline=False)


def test_a_folder_that_is_not_whole_is_told_and_nothing_is_fetched_for_it(hub: Hub, tmp_path: Path) -> None:
    whole = find_weights("tiny.en", tmp_path)
    folder = tmp_path / "own"
    shutil.copytree(whole, folder)
    assert find_weights(str(folder), tmp_path) == folder
    (folder / "tokenizer.json").unlink()
    with pytest.raises(WeightsMissing, match=r"lacks tokenizer\.json"):
        find_weights(str(folder), tmp_path, offline=False)
    assert hub.asked == []
