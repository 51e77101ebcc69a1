"""The process that sends the packets of many calls at once by UDP, and notes how far it was behind its time."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.child import Handle, Job, serve
from benchmarks.files import open_many
from tests.calls.sound import coded, murmur

HEAD = struct.Struct("!BBHII")
PAYLOAD_TYPE = 111
PACKET_SECONDS, PACKET_SAMPLES = 0.02, 960
SOUND_SECONDS = 10.0
WARM_SECONDS = 0.5
# Packets between the beginnings of two calls: twenty calls begin in a second.
APART = 2.5


class Side:
    """One side's source of packets, each one made when it is sent; a call begins some packets after the one before."""

    def __init__(self, number: int, address: list[Any], sounds: list[bytes]) -> None:
        self._ssrc, self._address, self._sounds = number + 1, (str(address[0]), int(address[1])), sounds
        self.begins = int(number // 2 * APART)
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.setblocking(False)

    def send(self, number: int) -> bool:
        head = HEAD.pack(0x80, PAYLOAD_TYPE, number % (1 << 16), number * PACKET_SAMPLES % (1 << 32), self._ssrc)
        try:
            self._line.sendto(head + self._sounds[number % len(self._sounds)], self._address)
        except (BlockingIOError, ConnectionRefusedError):
            return False
        return True

    def close(self) -> None:
        self._line.close()


@asynccontextmanager
async def opened() -> AsyncIterator[Handle]:
    open_many()
    sounds = coded(murmur(SOUND_SECONDS))

    async def handle(job: Job) -> Job:
        """Each side's packets at 50 a second, spread over the 20 ms, for so long after the last call has begun."""
        sides = [Side(number, address, sounds) for number, address in enumerate(job["addresses"])]
        try:
            return await _sent(sides, round(job["seconds"] / PACKET_SECONDS))
        finally:
            for side in sides:
                side.close()

    yield handle


async def _sent(sides: list[Side], packets: int) -> Job:
    loop = asyncio.get_running_loop()
    begun, behind, sent = loop.time() + WARM_SECONDS, 0.0, 0
    for number in range(sides[-1].begins + packets):
        for place, side in enumerate(each for each in sides if each.begins <= number):
            due = begun + (number + place / len(sides)) * PACKET_SECONDS
            if (early := due - loop.time()) > 0.0005:
                await asyncio.sleep(early)
            behind = max(behind, loop.time() - due)
            sent += side.send(number)
    return {"sent": sent, "behind": behind}


if __name__ == "__main__":
    serve(opened)
