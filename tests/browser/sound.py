"""A sound card that nobody hears: without one a Firefox starts no AudioContext, and shows no level."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import started

PATIENCE_SECONDS = 30


@contextmanager
def silent_card(pulseaudio: Path, folder: Path) -> Iterator[dict[str, str]]:
    """What a browser's environment must have so that it plays into nothing, at the pace of a real device."""
    socket = folder / "sound"
    modules = ("module-null-sink", f"module-native-protocol-unix auth-anonymous=1 socket={socket}")
    loads = [part for module in modules for part in ("-L", module)]
    quiet = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes")
    command = ["env", f"HOME={folder}", f"XDG_RUNTIME_DIR={folder}", str(pulseaudio), *quiet, *loads]
    with (folder / "sound.log").open("wb") as log:
        server = started(command, log)
    try:
        _wait_for(socket, server)
        yield {"PULSE_SERVER": f"unix:{socket}"}
    finally:
        server.terminate()
        server.wait()


def _wait_for(socket: Path, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"The sound server did not start: {(socket.parent / 'sound.log').read_text()}")
        time.sleep(0.02)
