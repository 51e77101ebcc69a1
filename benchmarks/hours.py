"""Hours of Opus, as a browser records them."""

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np

from benchmarks.encoded import webm
from benchmarks.samples import RATE, answers


def a_minute() -> bytes:
    """A minute of answers as a browser records it."""
    sound = np.concatenate([said.sound for said in answers()])
    return webm(np.resize(sound, 60 * RATE), RATE)


def hours_of_opus(hours: float, folder: Path) -> bytes:
    """The minute again and again, with the times that it then has."""
    file = folder / "hours.webm"
    with av.open(BytesIO(a_minute()), "r") as source:
        all_packets = [(bytes(packet), packet.pts or 0, packet.duration) for packet in source.demux(audio=0)]
        packets = [(data, pts, length) for data, pts, length in all_packets if data and 0 <= pts < 60_000]
        track, base = source.streams.audio[0], Fraction(1, 1000)
        with av.open(str(file), "w", format="webm") as output:
            stream = output.add_stream_from_template(track)
            for minute in range(round(hours * 60)):
                for data, pts, duration in packets:
                    packet = av.Packet(data)
                    packet.stream, packet.time_base, packet.duration = stream, base, duration
                    packet.pts = packet.dts = pts + int(60 / base) * minute
                    output.mux(packet)
    return file.read_bytes()
