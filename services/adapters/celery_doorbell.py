"""Ringing for a worker through Celery, from a thread of its own, so that no caller waits for the broker."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from services.interviews.model import PartId

log = structlog.get_logger(__name__)

TRANSCRIBE = "transcribe_audio_task"
SCORE = "score_answer_task"
DELIVER = "deliver_webhooks_task"
MOST_WAITING = 1000
QUIET_SECONDS = 2.0
BROKER_TIMEOUT_SECONDS = 3.0
PROBE, PROBE_SECONDS = "viva_voce.probe", 60


class CeleryDoorbell:
    """Port Doorbell. After a ring that failed it stays quiet for a moment; the sweep rings again."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="doorbell")
        self._room = threading.Semaphore(MOST_WAITING)
        self._quiet_until = 0.0

    async def transcribe(self, id: PartId) -> bool:
        return self._ring(TRANSCRIBE, id)

    async def score(self, id: PartId) -> bool:
        return self._ring(SCORE, id)

    async def deliver(self) -> bool:
        return self._ring(DELIVER)

    async def waiting(self) -> int | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(BROKER_TIMEOUT_SECONDS):
                return await loop.run_in_executor(self._thread, self._length)
        except (TimeoutError, OperationalError, OSError):
            return None
        except Exception as error:  # the broker's driver has its own errors, which kombu does not wrap here
            log.warning("broker takes no rings", error=str(error))
            return None

    async def close(self) -> None:
        """Let what was rung be sent, for a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BROKER_TIMEOUT_SECONDS):
                await asyncio.get_running_loop().run_in_executor(self._thread, lambda: None)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _ring(self, task: str, *ids: PartId) -> bool:
        if time.monotonic() < self._quiet_until or not self._room.acquire(blocking=False):
            return False
        try:
            self._thread.submit(self._send, task, *ids)
        except RuntimeError:  # the thread is closed
            return False
        return True

    def _send(self, task: str, *ids: PartId) -> None:
        try:
            if time.monotonic() >= self._quiet_until:
                self._celery.send_task(task, args=[*ids], ignore_result=True)
        except Exception as error:  # whatever the broker does, the record waits for the sweep
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning("ring lost", task=task, parts=ids, error=str(error))
        finally:
            self._room.release()

    def _length(self) -> int:
        with self._celery.connection_for_read() as connection:
            channel: Any = connection.default_channel
            channel.client.set(PROBE, "", ex=PROBE_SECONDS)  # one that is full answers, and takes no ring
            size: int = channel.client.llen(self._celery.conf.task_default_queue)
            return size
