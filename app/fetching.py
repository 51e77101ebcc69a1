"""Speech models from a hub: fetched once into the cache, and pinned there to what was fetched."""

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import structlog
from faster_whisper.utils import _MODELS
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from tqdm import tqdm

log = structlog.get_logger(__name__)

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")
NEEDED = ("model.bin", "config.json", "tokenizer.json")
FILES = [*NEEDED, "preprocessor_config.json", "vocabulary.*"]
TELL_SECONDS = 5.0
SHA256 = re.compile(r"[0-9a-f]{64}")
NAMES = tuple(sorted(_MODELS))


class NotFetched(Exception):
    """The model did not come, or not whole; the text says why."""


def repository(name: str) -> str | None:
    """The repository that a model's name means: one that faster-whisper knows, or `owner/name` itself."""
    return _MODELS.get(name) or (name if REPOSITORY.fullmatch(name) else None)


def kept(repository: str, cache_dir: Path, revision: str | None) -> Path | None:
    """The folder of what was fetched before, if it is whole; nobody is asked."""
    try:
        folder = Path(
            snapshot_download(
                repository, revision=revision, cache_dir=cache_dir, allow_patterns=FILES, local_files_only=True
            )
        )
    except LocalEntryNotFoundError:
        return None
    return folder if all((folder / name).is_file() for name in NEEDED) else None


def fetch(repository: str, cache_dir: Path, revision: str | None) -> Path:
    """Fetch it; what broke off is gone on with. NotFetched if it does not come, or is not what the hub says it is."""
    log.info("fetching the speech model", repository=repository, revision=revision)
    try:
        folder = snapshot_download(
            repository, revision=revision, cache_dir=cache_dir, allow_patterns=FILES, tqdm_class=Progress
        )
    except Exception as error:  # the hub's client has many, and those of its transport
        raise NotFetched(f"{repository} could not be fetched: {_first_line(error)}.") from error
    whole = kept(repository, cache_dir, revision)
    if whole is None:
        raise NotFetched(f"{repository} is no CTranslate2 model: it lacks one of {', '.join(NEEDED)}.")
    _require_sum(whole / "model.bin")
    log.info("speech model fetched", repository=repository, commit=Path(folder).name)
    return whole


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200].rstrip(".")


def _require_sum(model: Path) -> None:
    """The hub's name for a large file is its sum."""
    file = model.resolve()
    with file.open("rb") as opened:
        is_right = not SHA256.fullmatch(file.name) or hashlib.file_digest(opened, "sha256").hexdigest() == file.name
    if not is_right:
        file.unlink()
        raise NotFetched(f"{model} came damaged, and was removed. Try again.")


class Progress(tqdm):  # type: ignore[misc]
    """Says in the log how far it is, every few seconds."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.pop("name", None)
        super().__init__(*args, **options | {"disable": False, "file": io.StringIO(), "mininterval": TELL_SECONDS})

    def close(self) -> None:
        self.disable = True

    def display(self, *_: Any, **__: Any) -> None:
        if self.unit == "B" and self.n:
            log.info("fetching", bytes=self.n, of=self.total)
