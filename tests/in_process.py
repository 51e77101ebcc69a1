"""An app that is served over HTTP in the process of its test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from app.guarded_http import GuardedHttp
from app.guarded_ws import GuardedWebSocket

SECONDS = 60
GUARDED: dict[str, Any] = {
    "http": GuardedHttp,
    "ws": GuardedWebSocket,
    "lifespan": "off",
    "log_config": None,
    "access_log": False,
    "timeout_graceful_shutdown": SECONDS,
}


@asynccontextmanager
async def served(app: Any, **how: Any) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """The server, guarded as the API's is, and its port on loopback; it stops with the block."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, **{**GUARDED, **how}))
    serving = asyncio.create_task(server._serve())
    async with asyncio.timeout(SECONDS):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, SECONDS)
