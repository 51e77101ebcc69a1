"""Has everything that decoding needs loaded and tried, before the processes are forked that can open no file."""

import gc
from collections.abc import Iterator
from io import BytesIO
from typing import cast

import av.logging
from av.audio.stream import AudioStream

from services.adapters.av_decoder.decode import decode
from services.adapters.av_decoder.demuxers import DEMUXERS
from services.recordings.formats import Container

SAMPLES = 8_192
USUAL, AMR, WMA = (16_000, 64_000), (8_000, 12_200), (16_000, 32_000)
# Of each container a muxer, an encoder that PyAV has, and the rates in samples and bits that this one takes.
SAMPLED = {
    Container.WEBM: ("matroska", "libopus", USUAL),
    Container.OGG: ("ogg", "libopus", USUAL),
    Container.WAV: ("wav", "pcm_s16le", USUAL),
    Container.MP3: ("mp3", "libmp3lame", USUAL),
    Container.MP4: ("mp4", "aac", USUAL),
    Container.FLAC: ("flac", "flac", USUAL),
    Container.AAC: ("adts", "aac", USUAL),
    Container.AMR: ("amr", "libopencore_amrnb", AMR),
    Container.CAF: ("caf", "alac", USUAL),
    Container.AIFF: ("aiff", "pcm_s16be", USUAL),
    Container.AU: ("au", "pcm_mulaw", USUAL),
    Container.W64: ("w64", "pcm_s16le", USUAL),
    Container.WMA: ("asf", "wmav2", WMA),
}


def warm_up() -> None:
    """Decode something in each container; an error here is one of the installation."""
    av.logging.set_level(None)
    for demuxer in DEMUXERS.values():
        for codec in demuxer.codecs:
            av.Codec(codec, "r")
    for muxer, codec, rates in SAMPLED.values():
        decode(_silence(muxer, codec, *rates), 2.0, lambda _: None, lambda: None)
    gc.collect()
    gc.freeze()


def _silence(muxer: str, codec: str, rate: int, bits: int) -> bytes:
    file = BytesIO()
    with av.open(file, "w", format=muxer) as output:
        stream = cast(AudioStream, output.add_stream(codec, rate=rate, layout="mono"))
        stream.bit_rate = bits
        for frame in (*_frames(stream), None):
            output.mux(stream.encode(frame))
    return file.getvalue()


def _frames(stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Whole frames of the codec's size."""
    size = stream.codec_context.frame_size or SAMPLES
    for _ in range(0, SAMPLES, size):
        frame = av.AudioFrame(stream.codec_context.format.name, "mono", size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.rate = stream.codec_context.sample_rate
        yield frame
