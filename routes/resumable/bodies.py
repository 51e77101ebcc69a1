"""The body of an upload, as it arrives."""

import hashlib
from collections.abc import AsyncIterator, Collection

from starlette.requests import Request

from routes.dependencies import Services
from routes.upload_deadlines import Patience, patient
from services.errors import AudioTooLarge, ChecksumMismatch, LengthInconsistent


def patience_of(services: Services) -> Patience:
    return Patience(services.upload_idle_seconds, services.upload_least_rate, services.departure)


def body_of(request: Request, services: Services) -> AsyncIterator[bytes]:
    """What comes of it, waited for as uploads are: UploadTruncated, UploadStalled, ServerLeaving."""
    return patient(request.stream(), patience_of(services))


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
