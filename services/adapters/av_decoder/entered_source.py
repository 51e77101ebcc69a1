"""A recording from an entry on: the bytes of its head, and those from the entry to its end, as one."""

import struct
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from services.adapters.av_decoder.sizes import UNKNOWN
from services.interviews.model import Entry
from services.transcription.ports import Source


@dataclass(frozen=True, slots=True)
class FromEntry:
    source: Source
    entry: Entry

    @property
    def head(self) -> int:
        return self.entry.head_end - self.entry.head

    def whole(self) -> Source:
        return Source(self.head + max(0, self.source.size - self.entry.offset), self._read)

    def order(self) -> tuple[int, int, int]:
        """The bytes of the head, the sample behind it, and how many bytes of the recording lie between."""
        return self.head, self.entry.samples, self.entry.offset - self.entry.head_end

    def entries(self, told: Iterable[tuple[int, int, int, int]]) -> tuple[Entry, ...]:
        """Entries by their bytes in the recording; the one that it was entered at is the first."""
        behind = (self._entry(*each) for each in told if each[0] > self.head)
        return (self.entry, *(each for each in behind if self.entry.offset < each.offset < self.source.size))

    def _entry(self, offset: int, samples: int, head: int, head_end: int) -> Entry:
        if head_end > head and head_end <= self.head:
            head, head_end = self.entry.head + head, self.entry.head + head_end
        else:
            head, head_end = self._place(head), self._place(head_end)
        return Entry(offset=self._place(offset), samples=samples, head=head, head_end=head_end)

    def _place(self, byte: int) -> int:
        return self.entry.offset + byte - self.head

    async def _read(self, start: int) -> AsyncIterator[bytes]:
        if start < self.head:
            yield (await self._head())[start:]
        async for piece in self.source.read(self.entry.offset + max(0, start - self.head)):
            yield piece

    async def _head(self) -> bytes:
        head = b""
        async for piece in self.source.read(self.entry.head):
            head += piece[: self.head - len(head)]
            if len(head) == self.head:
                break
        return _shorter(head, self.entry.offset - self.entry.head_end)


def _shorter(head: bytes, by: int) -> bytes:
    """The head of a WAV says how many bytes follow: so many fewer."""
    if head[:4] != b"RIFF" or head[-8:-4] != b"data":
        return head
    whole, sound = _less(head[4:8], by), _less(head[-4:], by)
    return head[:4] + whole + head[8:-4] + sound


def _less(size: bytes, by: int) -> bytes:
    (number,) = struct.unpack("<I", size)
    return size if number >= UNKNOWN or number <= by else struct.pack("<I", number - by)
