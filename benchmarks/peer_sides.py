"""The three that take turns: our house, the library in bare processes, a peer's server."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psutil

from benchmarks.calls import Client, connect
from benchmarks.child import Child
from benchmarks.peer_server import Peer
from benchmarks.processes import resident
from benchmarks.run import Run
from benchmarks.samples import Clip
from benchmarks.stack import Place
from benchmarks.transcribing import LANGUAGE, NotTranscribed, Transcribing
from scripts.demo.interview import Interview, Spoken

CLIENTS = 2
LOOK_SECONDS = 0.01
MEMORY_SECONDS = 0.5
AT_WORK_SECONDS = 1.0
RECOVERY_SECONDS = 180.0


class _Side(ABC):
    """One of those that take turns; the highest memory of its processes is noted now and then."""

    def __init__(self, watch: Run) -> None:
        self._watch = watch
        self._last = 0.0
        self.peak = 0.0

    @abstractmethod
    def pids(self) -> dict[str, int]: ...

    @abstractmethod
    def seconds(self, clips: list[Clip]) -> float: ...

    @abstractmethod
    def heard(self, clips: list[Clip]) -> list[str]: ...

    def look(self) -> None:
        self._watch.pause()
        if time.monotonic() - self._last > MEMORY_SECONDS:
            self._last = time.monotonic()
            self.peak = max(self.peak, resident(self.pids().values()))


class Ours(_Side):
    def __init__(self, watch: Run, here: Place) -> None:
        super().__init__(watch)
        self._here = here
        self._http = connect(here.url, here.token())
        self._client = Client(self._http)
        self._texts: dict[str, str] = {}

    def pids(self) -> dict[str, int]:
        return self._here.layout.read_pids()

    def peaks(self) -> str:
        """What each takes by now."""
        return ", ".join(f"{name} {resident([pid]):.0f}" for name, pid in self.pids().items() if name != "supervisord")

    def seconds(self, clips: list[Clip]) -> float:
        """From the first upload to the last transcript, by the house's own times."""
        work = Transcribing(self._watch, self._client)
        taken = work.all_of([_spoken(clip) for clip in clips], self.look)
        for session in work.sessions:
            for question, answer in self._client.answers(session).items():
                self._texts[question] = str(answer["transcript"])
        return taken

    def heard(self, clips: list[Clip]) -> list[str]:
        return [self._texts[clip.file.stem] for clip in clips]

    def waits(self, clips: list[Clip]) -> list[float]:
        session = self._client.create(Interview("Benchmark", [_spoken(clip) for clip in clips]))
        return _each(clips, lambda clip: self._wait(session, clip), self.look)

    def lost(self, clips: list[Clip]) -> tuple[int, float]:
        """How many accepted answers never come once API and worker are killed; and when the last one came."""
        session = self._client.create(Interview("Benchmark", [_spoken(clip) for clip in clips]))
        for clip in clips:
            self._client.upload(session, _spoken(clip))
        for name in ("worker", "api"):
            psutil.Process(self.pids()[name]).kill()
        start, missing = time.monotonic(), len(clips)
        while missing and time.monotonic() - start < RECOVERY_SECONDS:
            self._watch.pause()
            missing = self._missing(session, missing)
        return missing, time.monotonic() - start

    def _missing(self, session: str, before: int) -> int:
        try:
            found = self._client.answers(session).values()
        except (httpx2.HTTPError, ValueError):
            return before  # the API is not back yet
        return sum(answer["status"] != "completed" for answer in found)

    def _wait(self, session: str, clip: Clip) -> None:
        self._client.upload(session, _spoken(clip))
        while True:
            answer: dict[str, Any] = self._http.get(f"/api/transcription-status/{session}/{clip.file.stem}").json()
            if answer["status"] == "completed":
                return
            if answer["status"] == "failed":
                raise NotTranscribed(str(answer))
            time.sleep(LOOK_SECONDS)


class Direct(_Side):
    """The library in processes of one thread; they take the next file from a common pile."""

    def __init__(self, watch: Run, processes: list[Child], model: str) -> None:
        super().__init__(watch)
        self._processes = processes
        self._model = model
        self._texts: dict[Path, str] = {}

    def pids(self) -> dict[str, int]:
        return {str(number): one.pid for number, one in enumerate(self._processes)}

    def seconds(self, clips: list[Clip]) -> float:
        """The longest lists first, dealt out so that both end together; the slower process counts."""
        piles: list[list[Clip]] = [[] for _ in self._processes]
        for clip in sorted(clips, key=lambda clip: -clip.seconds):
            min(piles, key=lambda pile: sum(one.seconds for one in pile)).append(clip)
        for number, (process, pile) in enumerate(zip(self._processes, piles, strict=True)):
            files = [str(clip.file) for clip in pile]
            process.begin(
                {"side": "greedy", "model": self._model, "cores": 1, "skip": number, "files": files, "at_once": 1}
            )
        answers = [process.end(self.look) for process in self._processes]
        for pile, answer in zip(piles, answers, strict=True):
            self._texts |= dict(zip([clip.file for clip in pile], answer["texts"], strict=True))
        return max(float(answer["seconds"]) for answer in answers)

    def heard(self, clips: list[Clip]) -> list[str]:
        return [self._texts[clip.file] for clip in clips]


class Server(_Side):
    def __init__(self, watch: Run, peer: Peer, at_once: int) -> None:
        super().__init__(watch)
        self._peer = peer
        self._at_once = at_once
        self._texts: dict[Path, str] = {}

    def pids(self) -> dict[str, int]:
        return {"server": self._peer.process.pid} if self._peer.process else {}

    def seconds(self, clips: list[Clip]) -> float:
        """Twice as many requests at once as it has processes, so that none of them waits."""
        start = time.monotonic()
        _each(clips, self._transcribe, self.look, 2 * self._at_once)
        return time.monotonic() - start

    def heard(self, clips: list[Clip]) -> list[str]:
        return [self._texts[clip.file] for clip in clips]

    def waits(self, clips: list[Clip]) -> list[float]:
        return _each(clips, self._transcribe, self.look)

    def lost(self, clips: list[Clip]) -> int:
        """How many of the requests in work are never answered once it is killed, also after it is back."""
        with ThreadPoolExecutor(len(clips)) as threads:
            asked = [threads.submit(self._transcribe, clip) for clip in clips]
            end = time.monotonic() + AT_WORK_SECONDS / 5
            while time.monotonic() < end:
                self._watch.pause()
            self._peer.kill()
            self._peer.start()
            return sum(one.exception() is not None for one in asked)

    def _transcribe(self, clip: Clip) -> None:
        self._texts[clip.file] = self._peer.transcribe(clip.file)


def _spoken(clip: Clip) -> Spoken:
    return Spoken({"id": clip.file.stem, "text": "What was said?", "language": LANGUAGE}, clip.file)


def _each(
    clips: list[Clip], act: Callable[[Clip], None], look: Callable[[], None], at_once: int = CLIENTS
) -> list[float]:
    """How long each took, so many at once."""

    def timed(clip: Clip) -> float:
        start = time.monotonic()
        act(clip)
        return time.monotonic() - start

    with ThreadPoolExecutor(at_once) as threads:
        asked = [threads.submit(timed, clip) for clip in clips]
        while not all(one.done() for one in asked):
            look()
        return [one.result() for one in asked]
