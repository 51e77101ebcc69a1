"""Sound as a browser records it."""

from collections.abc import Mapping
from io import BytesIO

import av
import numpy as np
from numpy.typing import NDArray

BIT_RATE = 24_000


def webm(sound: NDArray[np.int16], rate: int, options: Mapping[str, str] | None = None) -> bytes:
    """Opus in WebM, handed to its encoder a second at a time; with the muxer's options."""
    file = BytesIO()
    with av.open(file, "w", format="webm", options=dict(options or {})) as output:
        stream = output.add_stream("libopus", rate=48_000, layout="mono")
        stream.bit_rate = BIT_RATE
        for start in range(0, len(sound), rate):
            frame = av.AudioFrame.from_ndarray(sound[None, start : start + rate], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()
