"""What lies where in a stack's state folder."""

import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.stack.errors import StackError, StateInUse

ROOT = Path(__file__).resolve().parents[2]
# Where supervisord's file would end a line.
NOT_FOR_SUPERVISOR = re.compile(r"\s[#;]|[\r\n]")


@dataclass(frozen=True, slots=True)
class Layout:
    """The state folder of one stack."""

    root: Path

    @classmethod
    def at(cls, folder: Path) -> "Layout":
        return cls(folder.expanduser().resolve())

    @property
    def env(self) -> Path:
        return self.root / "env"

    @property
    def settings(self) -> Path:
        return self.root / "settings"

    @property
    def pids(self) -> Path:
        return self.root / "pids"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def supervisor(self) -> Path:
        return self.root / "supervisord.conf"

    @property
    def key(self) -> Path:
        """What the embedded mongod asks others of its set for; with it, it asks users for a password."""
        return self.root / "mongod.key"

    @property
    def receipt_keys(self) -> Path:
        """What signs this stack's deletion receipts."""
        return self.root / "receipt-keys"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey.conf"

    @property
    def password(self) -> Path:
        """What the embedded servers ask users for; it is with the data that keeps it, and goes where that goes."""
        return self.data("mongod") / "password"

    def keyring(self, database: str) -> Path:
        """The keys of a database's recordings; in no backup of `data`."""
        return self.root / "keys" / database

    def data(self, name: str) -> Path:
        return self.root / "data" / name

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        return self.pids / f"{name}.pid"

    def make(self) -> None:
        """Create the folders that are not there yet; nobody else may look into them."""
        if NOT_FOR_SUPERVISOR.search(str(self.root)):
            raise StackError(
                f"STATE_DIR {str(self.root)!r} has a line break, or a space before a # or a ; in it: choose another."
            )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            if self.root.stat().st_mode & stat.S_ISVTX:
                raise StackError(f"STATE_DIR {self.root} is everybody's, and would be shut: choose a folder in it.")
            self.root.chmod(0o700)
            for folder in (
                self.pids,
                self.logs,
                self.cache,
                self.receipt_keys,
                self.data("mongod"),
                self.data("valkey"),
            ):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(f"STATE_DIR {self.root} cannot be used: {error}") from error

    def read_env(self) -> dict[str, str]:
        """What the last start wrote; empty if there was none."""
        return _pairs(self.env.read_text().split("\n")) if self.env.is_file() else {}

    def write_env(self, values: Mapping[str, str]) -> None:
        write_private(self.env, _lines(values))

    def write_settings(self, values: Mapping[str, str]) -> None:
        """What every process of the stack is to find in its environment."""
        write_private(self.settings, _lines(values))

    def read_password(self) -> str:
        """Empty where there is no data yet."""
        return self.password.read_text() if self.password.is_file() else ""

    def read_environment(self, name: str) -> dict[str, str]:
        """The environment of a process of the stack that runs now; empty if it does not, or is another user's."""
        return _pairs(self._read_of(name, "environ"))

    def read_command(self, name: str) -> list[str]:
        """The command line of a process of the stack that runs now; empty if it does not."""
        return self._read_of(name, "cmdline")

    def _read_of(self, name: str, file: str) -> list[str]:
        try:
            held = (Path("/proc") / str(self.read_pids().get(name)) / file).read_bytes()
        except OSError:
            return []
        return held.decode(errors="replace").split("\0")

    def read_pids(self) -> dict[str, int]:
        """The process of each program, by its name, as far as they are known."""
        found = {file.stem: _read_pid(file) for file in self.pids.glob("*.pid")}
        return {name: pid for name, pid in found.items() if pid}

    def forget_pids(self) -> None:
        shutil.rmtree(self.pids, ignore_errors=True)
        self.pids.mkdir(exist_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other stacks out of the folder; StateInUse if one is in it."""
        self.make()
        with (self.root / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise StateInUse(_in_use(self.root, file.read().strip())) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in values.items())


def _pairs(lines: Iterable[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value for key, _, value in pairs}


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner may read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def _in_use(root: Path, pid: str) -> str:
    return f"Another stack (process {pid or 'unknown'}) is using {root}.\nStop it, or set STATE_DIR to another folder."


def _read_pid(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
