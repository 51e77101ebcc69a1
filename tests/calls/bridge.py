"""A media bridge that brings a call to a running stack in its own time, by a WebSocket or by UDP."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from services.interviews.model import CallSide
from tests.calls.live import LEFT, NUMBER, RIGHT
from tests.system.live import Stack

Packets = list[tuple[float, CallSide, bytes]]
AGAIN_SECONDS = 0.1
ENDED_SECONDS = 15.0


@dataclass
class Bridge:
    """Brings a call through whichever door; what is said while nobody is there is not said again."""

    stack: Stack
    call: dict[str, Any]
    packets: Packets
    user: str = "alice"

    async def by_socket(self, begun: float) -> None:
        while self.packets:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with self._socket() as line:
                    await line.recv()
                    while self.packets:
                        await self._pace(begun)
                        _, side, data = self.packets[0]
                        await line.send(NUMBER[side] + data)
                        self.packets.pop(0)
            self._let_go(begun)
            await asyncio.sleep(AGAIN_SECONDS)

    async def by_udp(self, begun: float) -> None:
        lines = {side: self._line() for side in (LEFT, RIGHT)}
        while self.packets:
            await self._pace(begun)
            _, side, data = self.packets.pop(0)
            address = self.call["rtp"][side.value]
            with suppress(OSError):
                lines[side].sendto(data, (address["host"], address["port"]))
        for line in lines.values():
            line.close()

    async def end_by_socket(self) -> None:
        """Say once that both sides are whole, and hear, or not, that the call has ended."""
        with suppress(OSError, WebSocketException, TimeoutError):
            async with self._socket() as line, asyncio.timeout(ENDED_SECONDS):
                await line.send(json.dumps({"type": "end"}))
                async for _ in line:
                    pass

    async def _pace(self, begun: float) -> None:
        await asyncio.sleep(max(0.0, begun + self.packets[0][0] - time.monotonic()))

    def _let_go(self, begun: float) -> None:
        now = time.monotonic() - begun
        while self.packets and self.packets[0][0] < now:
            self.packets.pop(0)

    def _line(self) -> socket.socket:
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.bind(("127.0.0.1", 0))
        return line

    @asynccontextmanager
    async def _socket(self) -> AsyncIterator[ClientConnection]:
        headers = {"Authorization": f"Bearer {self.stack.token(self.user)}"}
        address = f"ws://127.0.0.1:{self.stack.running.port}{self.call['websocket']}"
        async with connect(address, additional_headers=headers, proxy=None, open_timeout=5) as line:
            yield line


def serves(stack: Stack, process: str, since: datetime) -> bool:
    """Whether what has started anew does its work; of others than those that calls pass through, that it runs."""
    with suppress(Exception):
        if process == "api":
            with stack.client() as client:
                return client.get("/healthz").status_code == 200
        if process == "mongod":
            return bool(stack.database.command("ping"))
        if process == "rtp":
            return stack.database["rtp_receivers"].count_documents({"seen_at": {"$gt": since}}) > 0
        return True
    return False


def has_receiver(stack: Stack) -> bool:
    """Whether calls get ports."""
    return stack.database["rtp_receivers"].count_documents({}) > 0
