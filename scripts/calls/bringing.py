"""What a recorded call is sent as: one recording whose channels are the sides."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from scripts.calls.captures import MOST_SECONDS, NoCall, sides_of
from services.adapters import packet_captures
from services.adapters.av_decoder import AvDecoder
from services.calls.names import Sound, file_of
from services.interviews.model import CallId
from services.transcription.ports import Source

CAPTURES = (".pcap", ".pcapng", ".cap")
PIECE = 256 * 1024
MOST_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Brought:
    """A recording with two channels; where it was made of two, what these were."""

    sound: Path | bytes
    sides: tuple[bytes, bytes] | None = None
    said: str = ""

    def keep(self, folder: Path, call_id: str) -> list[Path]:
        """Write the sides and both of them under the names that they go by; nothing where they came as one."""
        if self.sides is None or isinstance(self.sound, Path):
            return []
        folder.mkdir(parents=True, exist_ok=True)
        sounds = dict(zip((Sound.LEFT, Sound.RIGHT, Sound.MERGED), (*self.sides, self.sound), strict=True))
        written = {folder / file_of(CallId(call_id), sound): data for sound, data in sounds.items() if data}
        for path, data in written.items():
            path.write_bytes(data)
        return list(written)


def bring(files: list[Path], left: str | None = None, right: str | None = None) -> Brought:
    """NoCall, and the problems of recordings that cannot be decoded."""
    if len(files) == 1 and files[0].suffix.lower() in CAPTURES:
        found = sides_of(packet_captures.read(files[0]), left, right)
        said = f"left: {found.left}\nright: {found.right or 'nothing came'}"
        return _merged(found.left_sound, found.right_sound, said)
    if left or right:
        raise NoCall("--left and --right name flows of a capture: give one .pcap or .pcapng file with them.")
    if len(files) == 1:
        return Brought(files[0])
    if len(files) == 2:
        return _merged(files[0].read_bytes(), files[1].read_bytes(), f"left: {files[0]}\nright: {files[1]}")
    raise NoCall("Give one file with two channels, one capture, or two files: the left side, then the right one.")


def _merged(left: bytes, right: bytes, said: str) -> Brought:
    return Brought(asyncio.run(_both(left, right)), (left, right), said)


async def _both(left: bytes, right: bytes) -> bytes:
    decoder = AvDecoder(MOST_SECONDS, MOST_BYTES, 1)
    try:
        return b"".join([page async for page in decoder.merged(_source(left), _source(right))])
    finally:
        await decoder.close()


def _source(data: bytes) -> Source:
    async def read(start: int) -> AsyncIterator[bytes]:
        for at in range(start, len(data), PIECE):
            yield data[at : at + PIECE]

    return Source(len(data), read)
