"""Hints through one channel of Redis or Valkey; no caller waits for it, and without it there are none."""

import asyncio
import random
import time
from contextlib import aclosing
from itertools import islice

import structlog
from redis.asyncio import Redis

from services.adapters.redis_channels.connection import TROUBLE, connect, heed_cancellation, messages
from services.background import Background, Kind
from services.events.ports import Heard
from services.interviews.model import SessionId

log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
MOST_AT_ONCE = 1_000
TIMEOUT_SECONDS = 1.0
QUIET_SECONDS = 2.0
SILENCE_SECONDS = 5.0
LEAST_BACKOFF, MOST_BACKOFF = 0.5, 10.0


class RedisHints:
    """Port Hints. After an announcement that failed it stays quiet for a moment; those who listen look by themselves.

    It belongs to the loop that announces first.
    """

    def __init__(self, url: str, channel: str, background: Background) -> None:
        self._client = connect(url, TIMEOUT_SECONDS)
        self._channel = channel
        self._background = background
        self._waiting: dict[SessionId, None] = {}
        self._publishing: asyncio.Task[None] | None = None
        self._quiet_until = 0.0
        self._hears = True

    def announce(self, id: SessionId) -> None:
        if self._client is None or len(self._waiting) >= MOST_WAITING or time.monotonic() < self._quiet_until:
            return
        self._waiting[id] = None
        if self._publishing is None or self._publishing.done():
            self._publishing = self._background.start(Kind.ANNOUNCEMENTS, self._publish)

    async def listen(self, heard: Heard) -> None:
        backoff = LEAST_BACKOFF
        while self._client is not None:
            heed_cancellation()
            begun = time.monotonic()
            try:
                await self._hear(self._client, heard)
            except TROUBLE as trouble:
                self._tell(hears=False, reason=type(trouble).__name__)
            backoff = LEAST_BACKOFF if time.monotonic() - begun > MOST_BACKOFF else min(backoff * 2, MOST_BACKOFF)
            await asyncio.sleep(backoff * random.uniform(0.5, 1.0))

    async def close(self) -> None:
        """Let what was announced be sent, for a moment."""
        if self._publishing is not None:
            await asyncio.wait([self._publishing], timeout=TIMEOUT_SECONDS)
        if self._client is not None:
            await self._client.aclose()

    async def _publish(self) -> None:
        """Send what has come together, and what does meanwhile; a server that takes each piece in time is well."""
        while self._client is not None and self._waiting:
            ids = list(islice(self._waiting, MOST_AT_ONCE))
            for id in ids:  # announced once more from here on is sent once more
                del self._waiting[id]
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await self._send(self._client, ids)
            except TROUBLE as trouble:
                self._quiet_until = time.monotonic() + QUIET_SECONDS
                log.warning("hints lost", number=len(ids) + len(self._waiting), reason=type(trouble).__name__)
                self._waiting.clear()

    async def _send(self, client: Redis, ids: list[SessionId]) -> None:
        async with client.pipeline(transaction=False) as pipeline:
            for id in ids:
                pipeline.publish(self._channel, id)
            await pipeline.execute()

    async def _hear(self, client: Redis, heard: Heard) -> None:
        async with aclosing(messages(client, self._channel, silence=SILENCE_SECONDS)) as arriving:
            async for message in arriving:
                if message["type"] == "subscribe":
                    self._tell(hears=True)
                    heard(None)
                elif message["type"] == "message":
                    heard(SessionId(message["data"].decode(errors="replace")))

    def _tell(self, *, hears: bool, reason: str | None = None) -> None:
        if hears != self._hears:
            log.warning("hints are heard again" if hears else "no hints are heard", reason=reason)
        self._hears = hears
