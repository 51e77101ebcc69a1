"""The API with a probe in its event loop: `uvicorn --factory tests.probe:create_app`.

`POST /probe` answers the longest stall since it was asked last, in milliseconds. Time for which the kernel
ran something else although the loop could have gone on is not the loop's, and is not counted.
"""

import asyncio
import time
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.main import create_app as create_api

BEAT_SECONDS = 0.002
SCHEDULED = Path("/proc/thread-self/schedstat")


class Probe:
    """Beats in the loop, and knows the longest gap."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.longest = 0.0
        self.beating: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.beating is None:
            self.beating = asyncio.create_task(self._beat())
        if scope.get("path") != "/probe":
            await self.app(scope, receive, send)
            return
        longest, self.longest = self.longest, 0.0
        await JSONResponse({"longest_ms": longest * 1000})(scope, receive, send)

    async def _beat(self) -> None:
        while True:
            begun, waited = time.monotonic(), _waited()
            await asyncio.sleep(BEAT_SECONDS)
            gap = time.monotonic() - begun - BEAT_SECONDS
            self.longest = max(self.longest, gap - (_waited() - waited))


def _waited() -> float:
    """Seconds for which this thread was ready to run and did not."""
    return int(SCHEDULED.read_text().split()[1]) / 1e9 if SCHEDULED.exists() else 0.0


def create_app() -> ASGIApp:
    return Probe(create_api())
