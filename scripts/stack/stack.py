"""One stack, from the choice of ports to the last process gone."""

import errno
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from app.config import StackSettings
from scripts.stack import leftovers, ports, processes, programs, replica_set, supervise
from scripts.stack.crashes import Crashes
from scripts.stack.errors import PortTaken, StackError
from scripts.stack.keyring import keyring_trouble
from scripts.stack.layout import Layout, write_private
from scripts.stack.processes import Process
from services.adapters.receipt_keys import BadReceiptKeys, ReceiptKeys, new_key

Pause = Callable[[], None]
Report = Callable[[str], None]

START_SECONDS = 180.0
STOP_SECONDS = 9.3
OWNER_ALONE = 0o077


class Stack:
    """The processes of one state folder, under one supervisor."""

    def __init__(self, settings: StackSettings, layout: Layout) -> None:
        self.layout = layout
        self.port = settings.port
        self.url = f"http://127.0.0.1:{settings.port}"
        self._settings = settings
        self._known = layout.read_env()
        self._mongod_port = None if settings.mongodb_url else self._own_port("MONGODB_URL")
        self._valkey_port = None if settings.redis_url else self._own_port("REDIS_URL", self._mongod_port)
        self._password = layout.read_password() or secrets.token_hex(24)
        self._processes = list(self._chosen())
        self._crashes = Crashes(layout)
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the house must know to find this stack."""
        own = self._settings
        user, password = replica_set.USER, self._password
        secret = own.jwt_secret.get_secret_value() if own.jwt_secret else self._known.get("JWT_SECRET")
        return {
            "MONGODB_URL": own.mongodb_url
            or f"mongodb://{user}:{password}@127.0.0.1:{self._mongod_port}/?replicaSet={replica_set.NAME}",
            "MONGODB_DATABASE": own.mongodb_database,
            "REDIS_URL": own.redis_url or f"redis://:{password}@127.0.0.1:{self._valkey_port}/0",
            "KEYRING_DIR": str(own.keyring_dir or self.layout.keyring(own.mongodb_database)),
            "JWT_SECRET": secret or secrets.token_hex(32),
            "RECEIPT_KEYS": str(own.receipt_keys or self.layout.receipt_keys),
            **({"RTP_PORTS": own.rtp_ports} if own.rtp_ports else {}),
        }

    def start(self) -> None:
        """Begin to run everything; `wait` says when it is ready. StackError where nothing could sign receipts."""
        self._known = self.environment
        self.layout.write_env(self._known)
        write_private(self.layout.password, self._password)
        write_private(self.layout.key, secrets.token_hex(48))
        if not any(self.layout.receipt_keys.glob("*.pem")):
            write_private(self.layout.receipt_keys / "receipts-1.pem", new_key().decode())
        _check_receipt_keys(Path(self._known["RECEIPT_KEYS"]))
        write_private(self.layout.valkey, f"requirepass {self._password}\n")
        self._supervise()

    def wait(self, pause: Pause, report: Report) -> None:
        """Return once an upload would be transcribed; StackError if that is not to be."""
        self._deadline = time.monotonic() + START_SECONDS
        if port := self._mongod_port:
            report("MongoDB")
            self._until(lambda: replica_set.is_primary(port, self._password), pause)
        report("API")
        self._until(lambda: self._ready() is not None, pause)
        report("worker")
        self._until(self._is_served, pause)

    def tend(self) -> None:
        """Bring the supervisor back, should it have died."""
        if self._daemon is not None and self._daemon.poll() is not None:
            leftovers.end_all(self.layout)
            self._supervise()

    def news(self) -> Iterator[str]:
        """What keeps dying, since it was last asked for."""
        return self._crashes.news()

    def stop(self) -> None:
        """End every process: in order if there is time, by force after that."""
        if self._daemon is None:
            return
        self._daemon.terminate()
        try:
            self._daemon.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()
        leftovers.kill_all(self.layout)

    def _supervise(self) -> None:
        shared = {
            "CACHE_DIR": str(self.layout.cache),
            "DEMO_PAGE": str(self._settings.demo_page).lower(),
            leftovers.MARK: str(self.layout.root),
            "PYTHONUNBUFFERED": "1",
        }
        self._daemon = supervise.start(self.layout, self._processes, {**self._known, **shared})

    def _chosen(self) -> Iterator[Process]:
        after: list[str] = []
        if self._mongod_port:
            test_commands = self._settings.mongod_test_commands
            yield processes.mongod(
                programs.find_mongod(),
                self._mongod_port,
                self.layout,
                test_commands=test_commands,
                key=self.layout.key,
            )
            after.append(f"127.0.0.1:{self._mongod_port}")
        if self._valkey_port:
            yield processes.valkey(programs.find_valkey(), self._valkey_port, self.layout, settings=self.layout.valkey)
            after.append(f"127.0.0.1:{self._valkey_port}")
        yield processes.worker(tuple(after))
        yield processes.upkeep(tuple(after))
        yield processes.beat(self.layout, tuple(after))
        yield processes.api(self.port, tuple(after))
        if self._settings.rtp_ports:
            yield processes.rtp(tuple(after))

    def _own_port(self, name: str, *taken: int | None) -> int:
        """The port that the server had before, if that is possible."""
        address = urlsplit(self._known.get(name, ""))
        before = address.port if address.hostname == "127.0.0.1" else None
        return ports.choose(before, taken=(self.port, *taken))

    def _until(self, done: Callable[[], bool], pause: Pause) -> None:
        while not done():
            self._crashes.check()
            self.tend()
            if time.monotonic() > self._deadline:
                raise StackError(f"The stack was not ready within {START_SECONDS:.0f} s; see {self.layout.logs}.")
            pause()

    def _ready(self) -> dict[str, object] | None:
        try:
            # Not over TLS: to read the machine's certificates each time would take a quarter of a core.
            answer = httpx2.get(f"{self.url}/readyz", timeout=2, trust_env=False, verify=False)
            body = answer.json()
        except (httpx2.HTTPError, ValueError):
            return None
        return body if isinstance(body, dict) else None

    def _is_served(self) -> bool:
        body = self._ready() or {}
        if body.get("keys") == "down" and (trouble := keyring_trouble(self._known)):
            raise StackError(trouble)
        return body.get("ready") is True and body.get("workers") not in (None, 0)


def _check_receipt_keys(folder: Path) -> None:
    """No process runs without one that signs, however often it is started anew."""
    try:
        ReceiptKeys.of_folder(folder)
    except BadReceiptKeys as bad:
        raise StackError(str(bad)) from None


@contextmanager
def _said_of(layout: Layout) -> Iterator[None]:
    """What cannot be written is said in a sentence: as a rule the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO):
            raise
        todo = "Free some space there, or set STATE_DIR to another folder; what was accepted is kept."
        raise StackError(f"Nothing can be written in {layout.root}: {error.strerror}. {todo}") from error


@contextmanager
def opened(settings: StackSettings) -> Iterator[Stack]:
    """A stack that alone uses its state folder; it is stopped on the way out.

    From here on what this process and those of the stack write is for its owner alone.
    """
    os.umask(OWNER_ALONE)
    layout = Layout.at(settings.state_dir)
    with _said_of(layout), layout.lock():
        leftovers.end_all(layout)
        if not ports.is_free(settings.port):
            raise PortTaken(f"Port {settings.port} is taken. Free it, or choose another: PORT=8001 make up")
        stack = Stack(settings, layout)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()
