"""The bytes of a recording: all of them, or, where there are many, those that are asked for.

`Distant` has what of `bytes` is used here: its length, and slices of it. So the code that looks at bytes takes both.
"""

import io
import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

PIECE = 1024 * 1024
MOST_PIECES = 4
LONGEST_MATCH = 256  # bytes of the longest beginning that is looked for

Fetch = Callable[[int, int], bytes]


class Distant:
    """So many bytes from a place on, of which few are here at a time."""

    def __init__(self, fetch: Fetch, start: int, end: int, pieces: "OrderedDict[int, bytes] | None" = None) -> None:
        self._fetch, self._start, self._end = fetch, start, end
        self._pieces = OrderedDict[int, bytes]() if pieces is None else pieces

    def __len__(self) -> int:
        return self._end - self._start

    def __getitem__(self, wanted: "slice[Any, Any, Any]") -> bytes:
        """A short stretch of them; with a step is not asked for."""
        first, last, _ = wanted.indices(len(self))
        return b"".join(self._pieces_of(self._start + first, self._start + max(first, last)))

    def part(self, start: int, end: int) -> "Distant":
        return Distant(self._fetch, self._start + start, self._start + end, self._pieces)

    def patched(self, patches: Mapping[int, bytes]) -> "Distant":
        """The same with other bytes at some places."""

        def fetch(start: int, most: int) -> bytes:
            piece = bytearray(self._fetch(start, most))
            for at, patch in patches.items():
                inside = self._start + at - start
                first, last = max(0, inside), min(len(piece), inside + len(patch))
                if first < last:
                    piece[first:last] = patch[first - inside : last - inside]
            return bytes(piece)

        return Distant(fetch, self._start, self._end)

    def _pieces_of(self, first: int, last: int) -> Iterator[bytes]:
        while first < last:
            number, inside = divmod(first, PIECE)
            piece = self._piece(number)[inside : inside + last - first]
            if not piece:
                return
            yield piece
            first += len(piece)

    def _piece(self, number: int) -> bytes:
        if number in self._pieces:
            self._pieces.move_to_end(number)
        else:
            self._pieces[number] = self._fetch(number * PIECE, PIECE)
            if len(self._pieces) > MOST_PIECES:
                self._pieces.popitem(last=False)
        return self._pieces[number]


Source: TypeAlias = bytes | Distant


class DistantFile(io.RawIOBase):
    """The same as a file that can be read and sought in."""

    def __init__(self, data: Distant) -> None:
        self._data, self._at = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = (0, self._at, len(self._data))[whence]
        self._at = max(0, origin + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = len(self._data) if size < 0 else self._at + size
        piece = self._data[self._at : end]
        self._at += len(piece)
        return piece


def as_file(data: Source) -> io.RawIOBase | io.BytesIO:
    return io.BytesIO(data) if isinstance(data, bytes) else DistantFile(data)


def cut(data: Source, edges: list[tuple[int, int]]) -> list[Source]:
    """The stretches between these places."""
    return [data[start:end] if isinstance(data, bytes) else data.part(start, end) for start, end in edges]


def patched(data: Source, patches: Mapping[int, bytes]) -> Source:
    """The same with other bytes at some places."""
    if not isinstance(data, bytes):
        return data.patched(patches)
    whole = bytearray(data)
    for at, patch in patches.items():
        whole[at : at + len(patch)] = patch
    return bytes(whole)


def matches(pattern: "re.Pattern[bytes]", data: Source) -> Iterator[tuple[int, "re.Match[bytes]"]]:
    """Where a short pattern is found, one after the other."""
    if isinstance(data, bytes):
        yield from ((match.start(), match) for match in pattern.finditer(data))
        return
    before = 0
    for start in range(0, len(data), PIECE):
        for match in pattern.finditer(data[start : start + PIECE + LONGEST_MATCH]):
            if before <= start + match.start() < start + PIECE:
                before = start + match.end()
                yield start + match.start(), match


def unpacked(form: str, data: Source, at: int) -> tuple[Any, ...]:
    """struct.error where there are too few bytes."""
    return struct.unpack(form, data[at : at + struct.calcsize(form)])
