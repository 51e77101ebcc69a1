"""What a stranger may send in place of a recording, by the name of the trick."""

import gzip
import struct
import zipfile
from functools import cache
from io import BytesIO

import av
import numpy as np

from tests import audio

LURE = "http://127.0.0.1:{port}/lure"
SECRET = "/etc/hostname"
EXTENSIONS = {
    "webm": "audio/webm",
    "ogg": "audio/ogg",
    "oga": "application/ogg",
    "opus": "audio/opus",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "m4a": "audio/mp4",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "amr": "audio/amr",
    "3gp": "video/3gpp",
    "caf": "audio/x-caf",
    "aiff": "audio/x-aiff",
    "au": "audio/basic",
    "w64": "audio/x-w64",
    "wma": "audio/x-ms-wma",
}
HEADS = {
    "webm": b"\x1a\x45\xdf\xa3",
    "ogg": b"OggS",
    "flac": b"fLaC",
    "wav": b"RIFF\xff\xff\xff\xffWAVE",
    "rf64": b"RF64\xff\xff\xff\xffWAVE",
    "mp4": b"\x00\x00\x00\x18ftypisom",
    "id3": b"ID3\x04\x00\x00\x00\x00\x00\x00",
    "id3 of a size that lies": b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f",
    "mp3": b"\xff\xfb\x90\x00",
    "mp2": b"\xff\xfd\xe0\xc4",
    "aac": b"\xff\xf1\x50\x40\x22\x1f\xfc",
    "amr": b"#!AMR\n",
    "amr of the wide band": b"#!AMR-WB\n",
    "3gp": b"\x00\x00\x00\x18ftyp3gp4",
    "caf": b"caff\x00\x01\x00\x00desc" + struct.pack(">Qd4sIIIII", 32, 44_100.0, b"lpcm", 0, 2, 1, 1, 16),
    "caf of packets that lie": b"caff\x00\x01\x00\x00desc"
    + struct.pack(">Qd4sIIIII", 32, 44_100.0, b"alac", 0, 0, 4096, 1, 0)
    + struct.pack(">4sQQQII", b"pakt", 2**62, 2**62, 2**62, 0, 0),
    "aiff": b"FORM\xff\xff\xff\xffAIFFCOMM",
    "aifc": b"FORM\xff\xff\xff\xffAIFCCOMM",
    "au": b".snd" + struct.pack(">IIIII", 24, 0xFFFFFFFF, 3, 44_100, 1),
    "w64": bytes.fromhex("726966662e91cf11a5d628db04c10000") + b"\xff" * 8,
    "wma": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + b"\xff" * 8,
}

BLOCK = b"\xa3\x85\x82\0\0\0\0"  # of WebM, of a track that nobody has named
BOMBS = ("91 h of webm", "10 h of mp3", "hours of mp3, of one take again and again")
TAKE_ANY_BYTES = ("au", "amr")  # behind these heads everything is samples


@cache
def texts(port: int = 9) -> dict[str, bytes]:
    """Bodies without any audio; where one can name an address, it is a listener's on loopback."""
    lure = LURE.format(port=port)
    return {
        "empty-ish": b"\0",
        "text": b"hello, I am an audio file" * 100,
        "html": f"<!DOCTYPE html><html><body><audio src='{lure}'></body></html>".encode(),
        "script": f"<script>fetch('{lure}')</script>".encode() * 40,
        "ffconcat of a file": f"ffconcat version 1.0\nfile '{SECRET}'\n".encode(),
        "ffconcat of an address": f"ffconcat version 1.0\nfile '{lure}'\n".encode(),
        "m3u8 of a file": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{SECRET}\n#EXT-X-ENDLIST\n".encode(),
        "m3u8 of an address": f"#EXTM3U\n#EXTINF:9,\nconcat:{lure}|file://{SECRET}\n#EXT-X-ENDLIST\n".encode(),
        "sdp": f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=audio {port} RTP/AVP 0\r\n".encode(),
        "mpd": f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{lure}</BaseURL></MPD>'.encode(),
        "xxe": f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file://{SECRET}">]><a>&b;</a>'.encode(),
        "data address": b"data:audio/wav;base64,UklGRg==",
        "zip bomb": _zip(),
        "gzip bomb": gzip.compress(bytes(10_000_000)),
        "random": np.random.default_rng(3).bytes(50_000),
        "null": bytes(50_000),
        "elf": b"\x7fELF\x02\x01\x01" + bytes(400),
    }


def heads_on_texts(port: int = 9) -> dict[str, bytes]:
    """A good first few bytes, and then one of the texts."""
    return {f"{head} on {name}": HEADS[head] + body for head in HEADS for name, body in texts(port).items()}


@cache
def silent_failures(port: int = 9) -> dict[str, bytes]:
    """Files of which nothing can be heard, each with a container that is good as far as it goes."""
    return {
        "a picture": audio.video_only(),
        "ogg with a picture": audio.video_only("ogg"),
        "not a number": audio.float_wav([0.1] * 40_000 + [float("nan")] + [0.1] * 9_000),
        "infinite": audio.float_wav([0.1] * 40_000 + [float("inf")]),
        "1 Hz": _rate(1),
        "768 kHz": _rate(768_000),
        "4 GHz": _rate(4_000_000_000),
        "64 channels": _channels(64),
        "65535 channels": _channels(65_535),
        "no channel": _channels(0),
        "mp4 with samples of 4 GB": _patched("mp4", b"stsz", 8, struct.pack(">II", 0xFFFFFFFF, 0x7FFFFFFF)),
        "mp4 without samples": _patched("mp4", b"stsz", 8, struct.pack(">II", 0, 0)),
        "flac of 16 million pictures": audio.encoded("flac", 1.0)[:42] + b"\x06\xff\xff\xff" + bytes(1000),
    }


@cache
def odd_but_sound(port: int = 9) -> dict[str, bytes]:
    """Files with something hostile beside a second or more of sound."""
    return {
        "webm with an attachment": _attached(LURE.format(port=port).encode() * 1000),
        "mp4 with external data": _external(f"file://{SECRET}".encode()),
        "mp4 with external data at an address": _external(LURE.format(port=port).encode()),
        "mp4 with a box that is larger than the file": _patched("mp4", b"moov", -4, b"\x7f\xff\xff\xff"),
        "mp4 with an absurd edit list": _patched("mp4", b"elst", 8, struct.pack(">IIi", 0xFFFFFFFF, 0x7FFFFFFF, 1)),
        "flac with a huge picture": _pictured(8_000_000, 8_000_000),
        "flac with a picture that lies": _pictured(4_000, 0xFFFFFFF0),
        "wav of a length that lies": _lying_wav(0xFFFFFFFF),
        "rf64 of a length that lies": _rf64(2**62),
        "id3 with a script": b"ID3\x04\x00\x00\x00\x00\x1f\x10"
        + b"<script>".ljust(0x1F90, b"/")
        + audio.encoded("mp3", 2.0),
        "flac that claims to last for weeks": _long_flac(),
        "sound before a playlist": audio.encoded("mp3", 2.0) + texts(port)["m3u8 of an address"],
        "webm of many blocks before many holes": audio.encoded("webm", 2.0)
        + audio.CLUSTER + b"\xff\xe7\x81\0" + BLOCK * 2_000 + (b"\0\0" + BLOCK + b"\xec\x80\xec\x80") * 2_000,
        "mp4 of many indexes": audio.encoded("mp4", 2.0) + b"\0\0\0\x05moov\0\0\0\0mvhd" * 5_000,
        "mp4 of heads in each other": audio.encoded("mp4", 2.0)
        + b"\0\0\xff\xffmoof\0\0\0\x10mfhd" * 3_000 + bytes(0xFFFF),
    }  # fmt: skip


@cache
def bombs() -> dict[str, bytes]:
    """Small files that play for hours or days."""
    frame = audio.encoded("mp3", 10.0)
    made = (audio.hours_of_silence(91), _slow_mp3() * 3600, frame * (25_000_000 // len(frame)))
    return dict(zip(BOMBS, made, strict=True))


def cuts(container: str) -> list[bytes]:
    """A recording that ends at forty places, and forty pieces from its middle without a head."""
    whole = audio.encoded(container, 3.0)
    ends = [len(whole) * n // 40 for n in range(40)]
    near = [64, 65, 100, 200, 300, 400, 500]
    return [whole[:end] for end in (*ends, *near)] + [whole[start : start + 8_000] for start in ends[1:]]


def _zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", bytes(20_000_000))
    return file.getvalue()


def _rate(rate: int) -> bytes:
    whole = bytearray(audio.wav(audio.tone(1.0)))
    whole[24:28] = struct.pack("<I", rate)
    return bytes(whole)


def _channels(count: int) -> bytes:
    whole = bytearray(audio.wav(audio.tone(4.0)))
    whole[22:24] = struct.pack("<H", count)
    whole[32:34] = struct.pack("<H", min(2 * count, 0xFFFF))
    return bytes(whole)


def _lying_wav(length: int) -> bytes:
    whole = bytearray(audio.wav(audio.tone(2.0)))
    whole[40:44] = struct.pack("<I", length)
    return bytes(whole)


def _rf64(length: int) -> bytes:
    form, data = audio.wav(audio.tone(2.0))[12:36], audio.wav(audio.tone(2.0))[44:]
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, length, length, length, 0)
    return b"RF64\xff\xff\xff\xffWAVE" + sizes + form + b"data\xff\xff\xff\xff" + data


def _patched(container: str, box: bytes, offset: int, value: bytes) -> bytes:
    """A recording with other bytes so far behind the name of a box."""
    whole = bytearray(audio.encoded(container, 2.0))
    at = whole.index(box) + offset
    whole[at : at + len(value)] = value
    return bytes(whole)


def _external(address: bytes) -> bytes:
    """An MP4 file that says that its samples are elsewhere."""
    whole = audio.encoded("mp4", 2.0)
    entry = struct.pack(">I4sI", 12, b"url ", 1)
    at = whole.index(entry)
    longer = struct.pack(">I4sI", 13 + len(address), b"url ", 0) + address + b"\0"
    changed = bytearray(whole[:at] + longer + whole[at + 12 :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        size = changed.index(box) - 4
        (before,) = struct.unpack_from(">I", changed, size)
        struct.pack_into(">I", changed, size, before + len(longer) - 12)
    return bytes(changed)


def _attached(data: bytes) -> bytes:
    whole = audio.encoded("webm", 2.0)
    at = whole.index(audio.CLUSTER)
    file = _element("466e", b"playlist.m3u8") + _element("4660", b"application/x-mpegurl")
    file += _element("46ae", b"\1") + _element("465c", data)
    return whole[:at] + _element("1941a469", _element("61a7", file)) + whole[at:]


def _element(id: str, body: bytes) -> bytes:
    return bytes.fromhex(id) + struct.pack(">Q", len(body) | 1 << 56) + body


def _pictured(size: int, said: int) -> bytes:
    whole = audio.encoded("flac", 2.0)
    picture = struct.pack(">II9sI", 3, 9, b"image/png", 0) + bytes(16) + struct.pack(">I", said) + bytes(size)
    block = b"\x06" + struct.pack(">I", len(picture))[1:] + picture
    return whole[:42] + block + whole[42:]


def _slow_mp3() -> bytes:
    """Ten seconds at 8 kbit/s."""
    file = BytesIO()
    with av.open(file, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as output:
        stream = output.add_stream("libmp3lame", rate=8_000, layout="mono")
        stream.bit_rate = 8_000
        frame = av.AudioFrame.from_ndarray(audio.silence(10, 8_000)[np.newaxis], format="s16p", layout="mono")
        frame.rate = 8_000
        for piece in [frame, None]:
            output.mux(stream.encode(piece))
    return file.getvalue()


def _long_flac() -> bytes:
    whole = bytearray(audio.encoded("flac", 1.0))
    whole[21:26] = bytes([whole[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])
    return bytes(whole)
