"""Bytes that have come, until they are sent on: each is copied once, however they are cut."""

from collections import deque


class Buffered:
    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._taken = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)

    def take(self, size: int) -> bytes:
        """So many of the first bytes, or all there are."""
        parts: list[bytes | memoryview] = []
        left = size = min(size, self._size)
        while left:
            piece = self._pieces[0]
            end = min(len(piece), self._taken + left)
            parts.append(piece if end - self._taken == len(piece) else memoryview(piece)[self._taken : end])
            left -= end - self._taken
            self._taken = end
            if end == len(piece):
                self._pieces.popleft()
                self._taken = 0
        self._size -= size
        return parts[0] if len(parts) == 1 and isinstance(parts[0], bytes) else b"".join(parts)
