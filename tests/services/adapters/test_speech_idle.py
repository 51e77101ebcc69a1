"""A model is let go of once nobody has needed it for a while, and loaded again for who does."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.adapters.local_speech import IdleSpeech, LocalSpeech, engine
from services.interviews.transcript import Transcript, silence
from services.transcription.ports import Recording, Speech
from tests.virtual_time import HurriedLoop

SPEECH = Speech(Recording(b"", 1.0), [])


class Model:
    """Nothing but what is loaded and let go of."""

    def __init__(self, *_: Any) -> None:
        self.languages = ["en"]

    def time_a_window(self) -> float:
        return 3.0


class Reading(LocalSpeech):
    """Takes so many seconds for a recording, with the model in its hands."""

    seconds = 5.0

    async def transcribe(self, speech: Speech) -> Transcript:
        model = await self._loaded()
        await asyncio.sleep(self.seconds)
        assert model is self.model
        return silence(1.0)

    async def _loaded(self) -> Any:
        model: Any = self.model or self._load()  # without a thread, for time is virtual here
        self.model = model
        return model

    async def open(self) -> None:
        await self._loaded()

    async def close(self) -> None:
        self.threads.shutdown()


def is_loaded(local: LocalSpeech) -> bool:
    return local.model is not None


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    made: list[Model] = []

    def make(*given: Any) -> Model:
        made.append(Model(*given))
        return made[-1]

    monkeypatch.setattr(engine, "Whisper", make)
    return lambda: len(made)


def test_an_idle_model_is_let_go_of_and_loaded_again(loaded: Callable[[], int]) -> None:
    async def story() -> None:
        local = Reading(Path, "any", 1)
        idle = IdleSpeech(local, 60.0)
        await idle.open()
        await asyncio.sleep(59.0)
        assert is_loaded(local)
        await idle.transcribe(SPEECH)
        await asyncio.sleep(59.0)
        assert (is_loaded(local), loaded()) == (True, 1)
        await asyncio.sleep(2.0)
        assert not is_loaded(local)
        await asyncio.gather(idle.transcribe(SPEECH), idle.transcribe(SPEECH))
        assert loaded() == 2
        assert local.seconds_each_second == 0.1
        await idle.close()

    HurriedLoop.runs(story())


def test_who_reads_for_longer_keeps_it(loaded: Callable[[], int]) -> None:
    async def story() -> None:
        local = Reading(Path, "any", 1)
        local.seconds = 600.0
        idle = IdleSpeech(local, 60.0)
        await asyncio.gather(idle.transcribe(SPEECH), asyncio.sleep(300.0))
        assert loaded() == 1
        await idle.close()

    HurriedLoop.runs(story())


def test_so_does_who_began_before_it_was_open(loaded: Callable[[], int]) -> None:
    async def story() -> None:
        local = Reading(Path, "any", 1)
        local.seconds = 600.0
        idle = IdleSpeech(local, 60.0)
        reading = asyncio.create_task(idle.transcribe(SPEECH))
        await asyncio.sleep(1.0)
        await idle.open()
        await reading
        assert loaded() == 1
        await idle.close()

    HurriedLoop.runs(story())


MEASURE = """
import asyncio, sys
from pathlib import Path
import psutil
from app.weights import find_weights
from services.adapters.local_speech import LocalSpeech

async def main():
    local = LocalSpeech(lambda: find_weights("tiny.en", Path(sys.argv[1])), "tiny.en", 1)
    await local.open()
    loaded = psutil.Process().memory_info().rss
    local.forget()
    await asyncio.to_thread(local.threads.shutdown)
    print((loaded - psutil.Process().memory_info().rss) // 2**20)

asyncio.run(main())
"""


def test_its_memory_goes_back_to_the_system(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 25, "tiny.en has some 40 MB of weights as int8"
