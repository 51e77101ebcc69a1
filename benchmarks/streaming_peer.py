"""A library that others have made for the same purpose: whisper-streaming, in an environment of its own.

Its package asks for a sound card's library, which is not needed to be fed by the clock, and is left out.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import numpy as np

from app.config import Settings
from app.weights import find_weights
from benchmarks.peer_server import NotThere, done
from benchmarks.samples import MOST_FILE_SECONDS
from benchmarks.talks import Talk
from services.adapters.av_decoder.decode import decode

PACKAGE = "whisper-streaming"
ALONE = ("whisper-streaming==0.1.0", "opus-fast-mosestokenizer==0.0.8.11")
WITH_THEIRS = ("faster-whisper==1.1.1", "requests")
SCRIPT = Path(__file__).parent / "streaming_peer_side.py"


@dataclass(frozen=True, slots=True)
class Peer:
    """A process of one thread for each core, that shares out the speakers among them."""

    python: Path
    folder: Path
    weights: Path
    talks: Sequence[Path]
    pause: Callable[[], None]

    def lag(self, speakers: int, seconds: float, judged: float) -> float:
        """What 95 % of the looks in the last seconds did not exceed."""
        cores = len(os.sched_getaffinity(0))
        shares = [len(range(core, speakers, cores)) for core in range(cores)]
        running = [self._side(share, seconds, judged) for share in shares if share]
        try:
            while any(one.poll() is None for one in running):
                self.pause()
            told = [one.stdout.read() if one.stdout else b"" for one in running]
        finally:
            for one in running:
                one.kill()
                one.wait()
        if any(one.returncode for one in running):
            raise NotThere(f"{PACKAGE} ends with an error")
        lags: list[float] = [lag for one in told for lag in json.loads(one)]
        return quantiles(lags, n=20)[-1]

    def _side(self, speakers: int, seconds: float, judged: float) -> subprocess.Popen[bytes]:
        numbers = map(str, (speakers, seconds, judged))
        command = [str(self.python), "-P", str(SCRIPT), str(self.weights), *numbers, *map(str, self.talks)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)


@contextmanager
def opened(talks: Sequence[Talk], model: str, pause: Callable[[], None]) -> Iterator[Peer]:
    """NotThere if it cannot be installed."""
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-") as name:
        folder = Path(name)
        files = [folder / f"{number}.npy" for number in range(len(talks))]
        for file, talk in zip(files, talks, strict=True):
            blocks: list[bytes] = []
            decode(talk.data, MOST_FILE_SECONDS, blocks.append, blocks.clear)
            np.save(file, np.frombuffer(b"".join(blocks), np.int16))
        python = _installed(folder / "peer", pause)
        yield Peer(python, folder, find_weights(model, Settings().cache_dir), files, pause)


def _installed(folder: Path, pause: Callable[[], None]) -> Path:
    python = folder / "bin" / "python"
    done([sys.executable, "-m", "venv", str(folder)], pause, PACKAGE)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done([*install, "--no-deps", *ALONE], pause, PACKAGE)
    done([*install, *WITH_THEIRS], pause, PACKAGE)
    return python
