"""Another server of resumable uploads, which others have made: @tus/server with its own store of files, in Node."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peer_server import NotThere, done

NAME = "@tus/server"
PACKAGE = Path(__file__).parent / "tus_server"


@contextmanager
def opened(pause: Callable[[], None]) -> Iterator[str]:
    """Where it takes uploads; NotThere without npm, or where its registry is not within reach."""
    if not (shutil.which("npm") and shutil.which("node")):
        raise NotThere(f"{NAME} needs npm with Node.js 20 or later")
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "server"
        shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("node_modules"))
        done(["npm", "ci", "--no-audit", "--no-fund", "--prefix", str(folder)], pause, NAME)
        files = Path(name) / "files"
        files.mkdir()
        command = ["node", str(folder / "server.mjs"), str(files)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                port = process.stdout.readline().strip() if process.stdout else ""
                if not port:
                    raise NotThere(f"{NAME} does not start")
                yield f"http://127.0.0.1:{port}/files"
            finally:
                process.kill()
