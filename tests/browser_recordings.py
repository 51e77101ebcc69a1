"""Recordings as the browsers' MediaRecorder writes them: to be read while they grow, with no length and no index."""

from io import BytesIO, RawIOBase
from typing import Any

import av

from tests.audio import CLUSTER, Samples

BITS_PER_SECOND = 64_000
FRAGMENTS = {
    "movflags": "empty_moov+default_base_moof+skip_trailer",
    "frag_duration": "1000000",
    "use_editlist": "0",
    "brand": "iso5",
}
UNKNOWN = b"\x01" + b"\xff" * 7


class Unseekable(RawIOBase):
    """A file to which a muxer can add, and in which it can mend nothing."""

    def __init__(self) -> None:
        self.written = BytesIO()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self.written.write(data)


def chromium(sound: Samples, rate: int) -> bytes:
    """Opus in WebM: a segment and clusters of unknown size, no duration, no cues."""
    whole = _muxed(sound, rate, "webm", "libopus", {"live": "1", "cluster_time_limit": "1000"})
    head, *clusters = whole.split(CLUSTER)
    return head + b"".join(CLUSTER + UNKNOWN + body[_length_of_size(body) :] for body in clusters)


def firefox(sound: Samples, rate: int) -> bytes:
    """Opus in Ogg: small pages, and no length but that of the last one."""
    return _muxed(sound, rate, "ogg", "libopus", {"page_duration": "100000"})


def safari(sound: Samples, rate: int) -> bytes:
    """AAC in fragments of MP4: an empty moov, then moof and mdat each second, and no index at the end."""
    return _muxed(sound, rate, "mp4", "aac", FRAGMENTS)


def chromium_mp4(sound: Samples, rate: int) -> bytes:
    """Opus in fragments of MP4."""
    return _muxed(sound, rate, "mp4", "libopus", FRAGMENTS)


def _length_of_size(body: bytes) -> int:
    """The bytes of an EBML size: one, and one more for each leading zero."""
    return 9 - body[0].bit_length()


def _muxed(sound: Samples, rate: int, container: str, codec: str, options: dict[str, str]) -> bytes:
    file = Unseekable()
    with av.open(file, "w", format=container, options=options) as output:
        stream: Any = output.add_stream(codec, rate=rate, layout="mono", bit_rate=BITS_PER_SECOND)
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.rate = rate
        converter = av.AudioResampler(stream.codec_context.format, "mono", rate, stream.codec_context.frame_size or 960)
        for piece in [*converter.resample(frame), *converter.resample(None), None]:
            output.mux(stream.encode(piece))
    return file.written.getvalue()
