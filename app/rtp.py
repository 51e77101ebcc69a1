"""Takes in calls as RTP over UDP: `python -m app.rtp`. All ports of RTP_PORTS are this process's.

A call that is begun is told ports of a receiver that is there. What came to one that is
stopped is kept, and the next one goes on.
"""

import asyncio
import signal
import socket
from asyncio import DatagramProtocol, DatagramTransport
from contextlib import suppress
from pathlib import Path

import structlog

from app.config import Settings, StackSettings
from app.container import wire
from app.environment import settings_or_end, strangers
from app.jobs import make_celery
from app.keys import keyring_lack
from app.logs import configure_logs, warn_of, warn_of_unused
from app.open_files import allow_many
from app.receipts import receipts_lack
from services.adapters.mongo.calls import MongoCalls
from services.adapters.mongo.client import open_client
from services.adapters.mongo.rtp_receivers import MongoRtpReceivers
from services.background import Kind
from services.calls.model import RtpReceiver
from services.calls.reception import Reception

log = structlog.get_logger(__name__)

RECEIVE_BUFFER_BYTES = 512 * 1024
BEAT_SECONDS = 2.0
NO_PORTS = "Set RTP_PORTS to the UDP ports at which calls are taken in, like 40000-40199."


class Port(DatagramProtocol):
    """One port, which hands on whatever comes."""

    def __init__(self, port: int, reception: Reception) -> None:
        self._port, self._reception = port, reception

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._reception.take(self._port, (addr[0], addr[1]), data)

    def error_received(self, exc: Exception) -> None:
        """What is sent back of what was never sent is nothing."""


def receiver_of(settings: Settings) -> RtpReceiver:
    """This process, as calls are told of it; SystemExit where it has no ports."""
    if settings.rtp_ports is None:
        raise SystemExit(NO_PORTS)
    first, last = map(int, settings.rtp_ports.split("-"))
    name = f"{settings.rtp_host}_{socket.gethostname()}_{first}"
    return RtpReceiver(name=name, host=settings.rtp_host, first=first, last=last)


async def run(settings: Settings, stopped: asyncio.Event) -> None:
    """Take in what comes, until it is stopped."""
    receiver = receiver_of(settings)
    async with open_client(settings.mongodb_url, "rtp") as client:
        database = client[settings.mongodb_database]
        wiring = wire(settings, database, make_celery(settings, socket_timeout=2.0))
        reception = Reception(
            receiver=receiver,
            bridging=wiring.bridging,
            records=MongoCalls(database),
            receivers=MongoRtpReceivers(database),
            background=wiring.background,
        )
        transports = [await _listen(settings.rtp_bind, port, reception) for port in reception.ports]
        log.info("calls are taken in", ports=settings.rtp_ports, at=settings.rtp_bind, at_once=len(receiver.places))
        running = [
            asyncio.create_task(reception.run()),
            wiring.background.start(Kind.SIGNS, lambda: _beat(settings.heartbeat_file)),
            wiring.background.start(Kind.KEYS, wiring.key_store.look),
        ]
        try:
            await stopped.wait()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for transport in transports:
                transport.close()
            await reception.leave()
            await wiring.close()


async def _listen(host: str, port: int, reception: Reception) -> DatagramTransport:
    try:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Port(port, reception), local_addr=(host, port)
        )
    except OSError as trouble:
        raise SystemExit(
            f"UDP port {port} of {host} cannot be had: {trouble.strerror}. Set RTP_PORTS to others, or RTP_BIND."
        ) from None
    bound: socket.socket = transport.get_extra_info("socket")
    with suppress(OSError):
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    return transport


async def _beat(file: Path | None) -> None:
    while True:
        if file is not None:
            await asyncio.to_thread(file.touch)
        await asyncio.sleep(BEAT_SECONDS)


async def _until_told(settings: Settings) -> None:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    await run(settings, stopped)


def main() -> None:
    """The process on the settings of the environment."""
    settings = settings_or_end(Settings)
    configure_logs(settings)
    warn_of(strangers(Settings, StackSettings))
    warn_of_unused(settings.unused)
    receiver_of(settings)
    if lack := receipts_lack(settings) or keyring_lack(settings):
        raise SystemExit(lack)
    allow_many()
    asyncio.run(_until_told(settings))


if __name__ == "__main__":
    main()
