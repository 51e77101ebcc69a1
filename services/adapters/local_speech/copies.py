"""A second copy of the model, with which several cores read one window together.

A model's threads are set when it is loaded, and what they add to each step is worth it only where cores are idle.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from services.adapters.local_speech.scheduler import Wide
from services.adapters.local_speech.tasks import Task
from services.adapters.local_speech.whisper import Whisper

log = structlog.get_logger(__name__)


class Copy:
    """For so many cores; none where there is but one. Loaded when it is asked for, beside what else is read."""

    def __init__(self, threads: ThreadPoolExecutor, cores: int) -> None:
        self._threads = threads
        self._cores = cores
        self._loading: asyncio.Task[None] | None = None
        self.model: Whisper | None = None

    @property
    def is_loading(self) -> bool:
        return self._loading is not None

    def have(self, load: Callable[[int], Whisper]) -> None:
        """See to it that it is there for who comes next."""
        if self._cores > 1 and self.model is None and not self.is_loading:
            self._loading = asyncio.create_task(self._load(partial(load, self._cores)))

    def wide(self, task: Task) -> Wide | None:
        """The task for all of its cores, if it is there."""
        return None if self.model is None else Wide(self._cores, partial(self.model.read, task))

    def forget(self) -> None:
        self.model = None
        if self._loading is not None:
            self._loading.cancel()

    async def _load(self, load: Callable[[], Whisper]) -> None:
        try:
            self.model = await asyncio.get_running_loop().run_in_executor(self._threads, load)
        except (RuntimeError, ValueError, MemoryError, OSError) as error:
            log.warning("the end of what is said is read by one core", reason=str(error))
        finally:
            self._loading = None
