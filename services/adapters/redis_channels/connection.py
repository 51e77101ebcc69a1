"""Connections to a server of channels that fail soon instead of holding anyone up."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

SCHEMES = ("redis://", "rediss://")
TROUBLE = (RedisError, OSError, TimeoutError)


def connect(url: str, seconds: float, *, tries: int = 1) -> Redis | None:
    """A client that waits so long for each answer; None where the address is no server of channels.

    Only a second try notices that a connection which was kept is dead, and opens another.
    """
    if not url.startswith(SCHEMES):
        return None
    return Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), tries - 1)
    )


async def messages(client: Redis, *channels: str, silence: float) -> AsyncGenerator[dict[str, Any], None]:
    """What comes on these channels; TimeoutError where nothing does and a ping is not answered for so many seconds.

    A server that stands still keeps its connections open.
    """
    async with client.pubsub() as channel:
        await channel.subscribe(*channels)
        asked = True  # the subscription is answered as well
        while True:
            message = await next_message(channel, silence)
            if message is not None:
                yield message
            elif asked:
                raise TimeoutError
            else:
                await channel.ping()
            asked = message is None


async def next_message(channel: PubSub, seconds: float) -> dict[str, Any] | None:
    """What comes next, or None if nothing does within so many seconds."""
    heed_cancellation()
    message: dict[str, Any] | None = await channel.get_message(timeout=seconds)
    return message


def heed_cancellation() -> None:
    """The driver sends by asyncio.wait_for, which before Python 3.12 may swallow a cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
