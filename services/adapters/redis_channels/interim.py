"""Interim texts through one channel of Redis or Valkey.

The server notes the beginning of slow commands, 128 bytes of each argument, so that no message begins with what was
said; what goes through channels is in no append-only file and no snapshot.
"""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import asdict

import structlog

from services.adapters.redis_channels.connection import TROUBLE, connect, heed_cancellation, messages
from services.events.interim import Interim
from services.interviews.model import CallSide, PartId

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 1.0
SILENCE_SECONDS = 5.0
AGAIN_SECONDS = 2.0
TAKEN_MILLISECONDS = 400
HEAD = b" " * 256


class RedisInterimTexts:
    """The port InterimTexts."""

    def __init__(self, url: str, channel: str) -> None:
        self._client = connect(url, TIMEOUT_SECONDS, tries=2)
        self._channel = channel

    async def take(self, id: PartId) -> bool:
        if self._client is None:
            return False
        with suppress(*TROUBLE):
            return bool(await self._client.set(f"{self._channel}:{id}", b"", nx=True, px=TAKEN_MILLISECONDS))
        return False

    async def say(self, interim: Interim) -> None:
        if self._client is None:
            return
        try:
            await self._client.publish(self._channel, HEAD + json.dumps(asdict(interim)).encode())
        except TROUBLE as trouble:
            log.warning("interim text lost", reason=type(trouble).__name__)

    async def listen(self, heard: Callable[[Interim], None]) -> None:
        while self._client is not None:
            heed_cancellation()
            with suppress(*TROUBLE):
                async with aclosing(messages(self._client, self._channel, silence=SILENCE_SECONDS)) as arriving:
                    async for message in arriving:
                        if message["type"] == "message" and (interim := _interim_of(message["data"])) is not None:
                            heard(interim)
            await asyncio.sleep(AGAIN_SECONDS * random.uniform(0.5, 1.0))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


def _interim_of(data: bytes) -> Interim | None:
    """Of another version, or of what is none, nothing."""
    with suppress(ValueError, TypeError, AttributeError):
        said = json.loads(data)
        side = said.get("side") and CallSide(said["side"])
        return Interim(**{name: said[name] for name in Interim.__dataclass_fields__ if name in said} | {"side": side})
    return None
