"""Where a recording can be entered in its middle, found in its bytes alone.

What goes before the first sound, and the bytes from an entry on, are a recording that begins there. WebM, Ogg,
fragmented MP4 and FLAC say at which moment that is; frames of MP3 and ADTS, and samples of WAV, are counted from the
beginning or from an entry that is known. The first moments behind an entry are not to be believed: `BEFORE` of them.
"""

import itertools
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.adapters.av_decoder import mp4, webm
from services.adapters.av_decoder.ends import BIT_RATES, RATES
from services.adapters.av_decoder.joints import BEFORE_COUNT
from services.recordings.formats import Container, after_tags

BEFORE = 0.25  # of Opus 80 ms are asked for; MP3 leans on up to nine frames before
WEBM_SCALE = 0x2AD7B1
ADTS_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
FLAC_FRAME = re.compile(rb"\xff[\xf8\xf9][\x10-\xef].", re.DOTALL)
OPUS_RATE = 48_000
LONGEST_NUMBER = 7  # bytes of a FLAC frame's
LONGEST_BEGINNING = 4096  # bytes of a fragment's head, in which its time stands
MP3_DELAY = 529  # samples that every decoder is late
# What a head or a place that makes no sense comes to.
NONSENSE = (struct.error, IndexError, ValueError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Entry:
    """The byte at which it is, and the second of the recording that begins there."""

    offset: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Enterable:
    """A recording, as far as it is there: its first `head` bytes belong before each entry."""

    head: int
    entries: Callable[[Entry], Iterator[Entry]]
    first: Entry

    def before(self, seconds: float, known: Entry | None = None) -> Entry:
        """The last entry from which this moment can be heard, from one that is known on."""
        start = known or self.first
        wanted = seconds - BEFORE
        here = itertools.takewhile(lambda entry: entry.seconds <= wanted, self.entries(start))
        return max(here, key=lambda entry: entry.offset, default=start)


def enterable(kind: Container, data: bytes) -> Enterable | None:
    """None where it can only be heard from its beginning: MP4 with its index at the end, and what is not known here, or
    makes no sense.
    """
    found = FINDERS.get(kind)
    try:
        return found(data) if found else None
    except NONSENSE:
        return None


def from_entry(data: bytes, place: Enterable, entry: Entry) -> bytes:
    """The recording that begins there."""
    return data if entry.offset <= place.head else data[: place.head] + data[entry.offset :]


def _webm(data: bytes) -> Enterable | None:
    first = data.find(webm.CLUSTER.to_bytes(4))
    if first < 0:
        return None
    scale = _webm_scale(data[:first])
    begins = _cluster_time(data, first) or 0

    def entries(known: Entry) -> Iterator[Entry]:
        for element in webm.elements(data, known.offset):
            if element.id == webm.CLUSTER and (time := _cluster_time(data, element.start)) is not None:
                yield Entry(element.start, (time - begins) * scale)

    return Enterable(first, entries, Entry(first, 0.0))


def _webm_scale(head: bytes) -> float:
    """Seconds of one of its ticks."""
    at = head.find(WEBM_SCALE.to_bytes(3))
    if at < 0:
        return 0.001
    length = head[at + 3] & 0x7F
    return int.from_bytes(head[at + 4 : at + 4 + length]) / 1e9


def _cluster_time(data: bytes, at: int) -> int | None:
    body = at + 4 + 9 - data[at + 4].bit_length()
    return webm.time_of(data, body)


@dataclass(frozen=True, slots=True)
class _Page:
    start: int
    end: int
    granule: int
    serial: bytes
    is_continued: bool


def _pages(data: bytes, at: int) -> Iterator[_Page]:
    while data[at : at + 5] == b"OggS\0" and at + 27 <= len(data):
        kind, granule, serial = struct.unpack_from("<Bq4s", data, at + 5)
        lengths = data[at + 27 : at + 27 + data[at + 26]]
        end = at + 27 + len(lengths) + sum(lengths)
        if end > len(data):
            return
        yield _Page(at, end, granule, serial, bool(kind & 1))
        at = end


def _ogg(data: bytes) -> Enterable | None:
    head = list(itertools.takewhile(lambda page: page.granule == 0, _pages(data, 0)))
    if not head or (clock := _ogg_clock(data[head[0].start : head[0].end])) is None:
        return None
    rate, skipped = clock

    def entries(known: Entry) -> Iterator[Entry]:
        seconds: float | None = known.seconds
        for page in _pages(data, known.offset):
            if page.serial == head[0].serial:
                if seconds is not None and not page.is_continued:
                    yield Entry(page.start, seconds)
                seconds = max(0.0, (page.granule - skipped) / rate) if page.granule >= 0 else None

    return Enterable(head[-1].end, entries, Entry(head[-1].end, 0.0))


def _ogg_clock(page: bytes) -> tuple[int, int] | None:
    """Ticks a second, and how many of them go before the first sound."""
    body = page[27 + page[26] :]
    if body[:8] == b"OpusHead":
        return OPUS_RATE, struct.unpack_from("<H", body, 10)[0]
    if body[:7] == b"\x01vorbis":
        return struct.unpack_from("<I", body, 12)[0], 0
    if body[:8] == b"Speex   ":
        return struct.unpack_from("<I", body, 36)[0], 0
    return None


def _mp4(data: bytes) -> Enterable | None:
    boxes = list(itertools.takewhile(lambda box: box.name != b"moof", mp4.boxes(data)))
    index = next((box for box in boxes if box.name == b"moov"), None)
    if index is None or b"mvex" not in data[index.start : index.end]:
        return None
    head, rate = boxes[-1].end, _mp4_rate(data[index.start : index.end])
    if not rate:
        return None

    def entries(known: Entry) -> Iterator[Entry]:
        for box in mp4.boxes(data, known.offset):
            beginning = data[box.start : min(box.end, box.start + LONGEST_BEGINNING)]
            if box.name == b"moof" and (ticks := _decode_time(beginning)) is not None:
                yield Entry(box.start, ticks / rate)

    return Enterable(head, entries, Entry(head, 0.0))


def _mp4_rate(index: bytes) -> int:
    """Ticks a second of its first track."""
    at = index.index(b"mdhd") + 4
    return int(struct.unpack_from(">I", index, at + (20 if index[at] else 12))[0])


def _decode_time(fragment: bytes) -> int | None:
    at = fragment.find(b"tfdt") + 4
    return None if at < 4 else int(struct.unpack_from(">Q" if fragment[at] else ">I", fragment, at + 4)[0])


def _mp3(data: bytes) -> Enterable | None:
    start = after_tags(data)
    sound = _first_sound(data, start)

    def entries(known: Entry) -> Iterator[Entry]:
        return _counted(data, sound if known.offset <= start else known, _mp3_frame)

    return Enterable(start, entries, Entry(start, 0.0))


def _first_sound(data: bytes, start: int) -> Entry:
    """The first frame of sound; before it may stand one that says how many there are, and how much silence is first."""
    frame = _mp3_frame(data[start : start + 4])
    count = next((start + back for back in BEFORE_COUNT if data[start + back :][:4] in (b"Xing", b"Info")), None)
    if frame is None or count is None:
        return Entry(start, 0.0)
    flags = data[count + 7]
    encoder = count + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    silence = int.from_bytes(data[encoder + 21 : encoder + 24]) >> 12
    samples, rate = (silence + MP3_DELAY if silence else 0), RATES[data[start + 1] >> 3 & 3][data[start + 2] >> 2 & 3]
    return Entry(start + frame[0], -samples / rate)


def _mp3_frame(head: bytes) -> tuple[int, float] | None:
    """A frame's bytes and seconds."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer, bits, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    rates = BIT_RATES.get((version, layer) if version == 3 else (2, 1))
    if version == 1 or layer not in (1, 2) or rate == 3 or bits in (0, 15) or rates is None:
        return None
    samples, hertz = (1152 if version == 3 or layer == 2 else 576), RATES[version][rate]
    return samples // 8 * rates[bits - 1] * 1000 // hertz + (head[2] >> 1 & 1), samples / hertz


def _adts(data: bytes) -> Enterable | None:
    start = after_tags(data)
    return Enterable(start, lambda known: _counted(data, known, _adts_frame), Entry(start, 0.0))


def _adts_frame(head: bytes) -> tuple[int, float] | None:
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or (head[2] >> 2 & 15) >= len(ADTS_RATES):
        return None
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length, 1024 * (1 + (head[6] & 3)) / ADTS_RATES[head[2] >> 2 & 15]


def _counted(data: bytes, known: Entry, frame_of: Callable[[bytes], tuple[int, float] | None]) -> Iterator[Entry]:
    """Frame by frame, as long as they follow upon each other: behind a hole nobody knows the time."""
    at, seconds = known.offset, known.seconds
    while (frame := frame_of(data[at : at + 8])) is not None and frame[0] and at + frame[0] <= len(data):
        yield Entry(at, seconds)
        at, seconds = at + frame[0], seconds + frame[1]


def _wav(data: bytes) -> Enterable | None:
    form, sound = data.find(b"fmt ", 12), data.find(b"data", 12)
    if data[:4] != b"RIFF" or not 0 < form < sound:
        return None
    rate, block = struct.unpack_from("<IH", data, form + 16)
    if not rate or not block:
        return None
    head, step = sound + 8, block * max(1, rate // block // 100)

    def entries(known: Entry) -> Iterator[Entry]:
        return (Entry(at, (at - head) / rate) for at in range(known.offset, len(data), step))

    return Enterable(head, entries, Entry(head, 0.0))


def _flac(data: bytes) -> Enterable | None:
    head = 4
    while head + 4 <= len(data):
        is_last, size = data[head] >> 7, int.from_bytes(data[head + 1 : head + 4])
        head += 4 + size
        if is_last:
            break
    rate, block = int.from_bytes(data[18:21]) >> 4, int.from_bytes(data[8:10])
    if data[:4] != b"fLaC" or not rate or head >= len(data):
        return None

    def entries(known: Entry) -> Iterator[Entry]:
        last = -1
        for match in FLAC_FRAME.finditer(data, known.offset):
            sample = _flac_sample(data[match.start() : match.start() + 16], block)
            if sample is not None and sample > last:
                last = sample
                yield Entry(match.start(), sample / rate)

    return Enterable(head, entries, Entry(head, 0.0))


def _flac_sample(frame: bytes, block: int) -> int | None:
    """The first sample of a frame; None where it is none, by its own sum."""
    if len(frame) < 16:
        return None
    length = max(1, 8 - (frame[4] ^ 0xFF).bit_length())
    if length > LONGEST_NUMBER:
        return None
    number, end = frame[4] if length == 1 else frame[4] & (1 << 7 - length) - 1, 4 + length
    for byte in frame[5:end]:
        number = number << 6 | byte & 0x3F
    end += {6: 1, 7: 2}.get(frame[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(frame[2] & 15, 0)
    if end >= len(frame) or _crc8(frame[:end]) != frame[end]:
        return None
    return number if frame[1] & 1 else number * block


def _crc8(data: bytes) -> int:
    sum = 0
    for byte in data:
        sum ^= byte
        for _ in range(8):
            sum = (sum << 1 ^ (0x107 if sum & 0x80 else 0)) & 0x1FF
    return sum


FINDERS: dict[Container, Callable[[bytes], Enterable | None]] = {
    Container.WEBM: _webm,
    Container.OGG: _ogg,
    Container.MP4: _mp4,
    Container.MP3: _mp3,
    Container.AAC: _adts,
    Container.WAV: _wav,
    Container.FLAC: _flac,
}
