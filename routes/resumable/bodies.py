"""The body of an upload, as it arrives."""

import hashlib
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager

from starlette.requests import Request

from routes.dependencies import Services
from routes.held_forms import Held, Room
from routes.upload_deadlines import Patience, patient
from services.errors import AudioTooLarge, ChecksumMismatch, LengthInconsistent
from services.recordings.arrivals import Checksum


def patience_of(services: Services) -> Patience:
    return Patience(services.upload_idle_seconds, services.upload_least_rate, services.departure)


def body_of(request: Request, services: Services) -> AsyncIterator[bytes]:
    """What comes of it, waited for as uploads are: UploadTruncated, UploadStalled, ServerLeaving."""
    return patient(request.stream(), patience_of(services))


@contextmanager
def held_body(request: Request, services: Services, checksum: Checksum | None) -> Iterator[AsyncIterator[bytes]]:
    """The same; what is held until its sum is known counts with the forms that are held: UploadsSaturated."""
    held: Held = request.app.state.held
    data = body_of(request, services)
    with held.room() as room:
        yield data if checksum is None else _held(data, room)


async def _held(data: AsyncIterator[bytes], room: Room) -> AsyncIterator[bytes]:
    async for piece in data:
        room.take(len(piece))
        yield piece


def has_body(request: Request) -> bool:
    length = request.headers.get("Content-Length", "")
    return "Transfer-Encoding" in request.headers or (length.isdecimal() and int(length) > 0)


async def whole(
    data: AsyncIterator[bytes],
    most: int,
    *,
    length: int | None = None,
    sha256: Collection[bytes] = (),
) -> AsyncIterator[bytes]:
    """The pieces of a recording that comes in one request, held to its length and to each of these sums."""
    size, sum = 0, hashlib.sha256()
    async for piece in data:
        size += len(piece)
        if size > most:
            raise AudioTooLarge.over(most)
        sum.update(piece)
        yield piece
    if length is not None and size != length:
        raise LengthInconsistent
    if any(sum.digest() != told for told in sha256):
        raise ChecksumMismatch
