"""One side of a call as RTP over UDP, at the speed of speech; of its packets some are lost on the way."""

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np

from scripts.calls.sample import RATE, Samples

PACKET = RATE // 50
PACKET_SECONDS = PACKET / RATE
BIT_RATE = 32_000
PAYLOAD_TYPE = 111
HEADER = struct.Struct("!BBHII")


def coded(sound: Samples) -> Iterator[bytes]:
    """Opus packets of 20 ms, as a bridge forks them."""
    coder: Any = av.CodecContext.create("libopus", "w")
    coder.sample_rate, coder.layout, coder.format, coder.bit_rate = RATE, "mono", "s16", BIT_RATE
    coder.options = {"frame_duration": "20", "application": "voip"}
    coder.open()
    whole = np.pad(sound, (0, -len(sound) % PACKET)).reshape(1, -1)
    for at in range(0, whole.shape[1], PACKET):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(whole[:, at : at + PACKET]), format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = RATE, at
        yield from (bytes(packet) for packet in coder.encode(frame))


@dataclass(slots=True)
class Sender:
    """Sends on a thread of its own, until it is over or stopped."""

    address: tuple[str, int]
    sound: Samples
    source: int
    lost_percent: float = 3.0
    sent: int = 0
    lost: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, begin: float) -> None:
        """At this moment of the monotonic clock, so that two begin together."""
        self._thread = threading.Thread(target=self._send, args=(begin,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def stop_at_end(self) -> None:
        """Wait until all of it is sent."""
        if self._thread is not None:
            self._thread.join()

    @property
    def is_over(self) -> bool:
        return self._thread is not None and not self._thread.is_alive()

    def _send(self, begin: float) -> None:
        chance = random.Random(self.source)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            for number, packet in enumerate(coded(self.sound)):
                if self._stopped.wait(max(0.0, begin + number * PACKET_SECONDS - time.monotonic())):
                    return
                if chance.random() * 100 < self.lost_percent:
                    self.lost += 1
                    continue
                line.sendto(self._header(number) + packet, self.address)
                self.sent += 1

    def _header(self, number: int) -> bytes:
        return HEADER.pack(0x80, PAYLOAD_TYPE, number % (1 << 16), number * PACKET % (1 << 32), self.source)
