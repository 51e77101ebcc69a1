"""Ringing for a worker through Celery, from a thread of its own, so that no caller waits for the broker.

A thread that wakes for each ring takes a fifth of an upload's processor time: the first ring goes at once, and those
that follow within a moment go together.
"""

import asyncio
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from services.interviews.model import PartId

log = structlog.get_logger(__name__)

Ring = tuple[str, tuple[PartId, ...], int]

TRANSCRIBE = "transcribe_audio_task"
SCORE = "score_answer_task"
DELIVER = "deliver_webhooks_task"
MOST_WAITING = 1000
QUIET_SECONDS = 2.0
TOGETHER_SECONDS = 0.05
BROKER_TIMEOUT_SECONDS = 3.0
# The smaller one goes first; a broker has a list of its own for each step of them.
FIRST, LATER = 0, 6
STEPS = (0, 3, 6, 9)
PROBE, PROBE_SECONDS = "viva_voce.probe", 60


class CeleryDoorbell:
    """Port Doorbell. After a ring that failed it stays quiet for a moment; the sweep rings again."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="doorbell")
        self._waiting: deque[Ring] = deque()
        self._lock = threading.Lock()
        self._is_awake = False
        self._unsent = 0
        self._closes = threading.Event()
        self._quiet_until = 0.0

    async def transcribe(self, id: PartId, *, first: bool = False) -> bool:
        return self._ring(TRANSCRIBE, id, priority=FIRST if first else LATER)

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
        self._closes.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(BROKER_TIMEOUT_SECONDS):
                await asyncio.get_running_loop().run_in_executor(self._thread, self._send_waiting)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _ring(self, task: str, *ids: PartId, priority: int = FIRST) -> bool:
        if time.monotonic() < self._quiet_until:
            return False
        with self._lock:
            if self._unsent >= MOST_WAITING or not (self._is_awake or self._wake()):
                return False
            self._waiting.append((task, ids, priority))
            self._unsent += 1
        return True

    def _wake(self) -> bool:
        """Have the thread send what waits; False if it is closed."""
        try:
            self._thread.submit(self._send)
        except RuntimeError:
            return False
        self._is_awake = True
        return True

    def _send(self) -> None:
        self._send_waiting()
        self._closes.wait(TOGETHER_SECONDS)
        with self._lock:
            self._is_awake = False
            if self._waiting:
                self._wake()

    def _send_waiting(self) -> None:
        with self._lock:
            rings = list(self._waiting)
            self._waiting.clear()
        self._send_all(rings)
        with self._lock:
            self._unsent -= len(rings)

    def _send_all(self, rings: list[Ring]) -> None:
        try:
            self._publish(rings)
        except Exception as error:  # whatever the broker does, the record waits for the sweep
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning("rings lost", number=len(rings), error=str(error))

    def _publish(self, rings: list[Ring]) -> None:
        if len(rings) > 1:
            # What is sent together is tried once, and over a connection that may be gone; a ring may come twice.
            with suppress(Exception), self._celery.producer_or_acquire() as producer:
                with producer.batch():
                    self._each(rings, producer)
                return
        self._each(rings)

    def _each(self, rings: list[Ring], producer: Any = None) -> None:
        for task, ids, priority in rings:
            self._celery.send_task(task, args=[*ids], ignore_result=True, producer=producer, priority=priority)

    def _length(self) -> int:
        """What the broker has, and what is not sent yet."""
        with self._celery.producer_or_acquire() as producer:
            channel: Any = producer.channel
            with channel.conn_or_acquire() as client:
                looks = client.pipeline(transaction=False)
                looks.set(PROBE, "", ex=PROBE_SECONDS)  # one that is full answers, and takes no ring
                queue = self._celery.conf.task_default_queue
                for step in STEPS:
                    looks.llen(f"{queue}{channel.sep}{step}" if step else queue)
                _, *sent = looks.execute()
        return sum(map(int, sent)) + self._unsent
