"""tus 1.0.0: what its requests ask for. An upload whose bytes are all here is finished, whatever the request was."""

from contextlib import suppress

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from routes.dependencies import Services
from routes.idempotency import KEY
from routes.prefix import here
from routes.resumable.bodies import has_body, held_body
from routes.resumable.limits import Limits, http_date
from routes.resumable.steps import begun, finished, is_whole
from routes.resumable.tus_headers import SIZES, Metadata, checksum_of, length_of, number_of, offset_of
from routes.resumable.tus_protocol import VERSION
from services.access.admission import Slot
from services.access.idempotency import check_key
from services.errors import AudioTooLarge, ConcatenationRefused, IdempotencyMismatch, TakeSuperseded, UploadTypeRefused
from services.interviews.model import PartId, Viewer
from services.recordings.arrivals import Arrival, Plan

DOOR = "tus"
BYTES = "application/offset+octet-stream"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination"


def described(limits: Limits) -> dict[str, str]:
    """What this server can do."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(limits.most_bytes),
        "Tus-Checksum-Algorithm": ",".join(SIZES),
    }


async def create(request: Request, viewer: Viewer, services: Services, slot: Slot, limits: Limits) -> Response:
    headers = request.headers
    if "Upload-Concat" in headers:
        raise ConcatenationRefused
    length, metadata = length_of(headers), Metadata.of(headers)
    if length is not None and length > limits.most_bytes:
        raise AudioTooLarge.over(limits.most_bytes)
    brings, checksum = has_body(request), checksum_of(headers)
    if brings:
        _check_type(request)
    key = None if brings else _key_of(headers, metadata)
    plan = Plan(DOOR, length, metadata.media_type, metadata.raw, metadata.sha256, key)
    where = metadata.session_id, metadata.question_id
    with held_body(request, services, checksum) as data:
        arrival = await begun(*where, plan, viewer, services, slot, data if brings else None, checksum)
    if key is not None and not _is_of(arrival, length, metadata):
        raise IdempotencyMismatch
    if is_whole(arrival):
        _, arrival = await finished(arrival, viewer, services, slot)
    location = here(request, f"/api/uploads/{arrival.part.id}")
    return Response(status_code=201, headers={"Location": location, **_progress(arrival)})


async def tell(id: PartId, viewer: Viewer, services: Services) -> Response:
    """How far it is, also long after its end: a client that is told nothing would send it all again."""
    arrival = await services.arrivals.located(id, viewer)
    if is_whole(arrival):
        async with services.admission.upload(viewer, is_new=False) as slot:
            with suppress(TakeSuperseded):  # sent again, it would be the newest
                await finished(arrival, viewer, services, slot)
        arrival = await services.arrivals.find(id, viewer)
    return Response(status_code=200, headers=standing(arrival))


async def append(id: PartId, request: Request, viewer: Viewer, services: Services) -> Response:
    headers = request.headers
    _check_type(request)
    at, length, checksum = offset_of(headers), number_of(headers, "Upload-Length"), checksum_of(headers)
    async with services.admission.upload(viewer, is_new=False) as slot:
        with held_body(request, services, checksum) as data:
            arrival = await services.arrivals.append(id, viewer, at, data, length=length, checksum=checksum)
        if is_whole(arrival):
            _, arrival = await finished(arrival, viewer, services, slot)
    return Response(status_code=204, headers=_progress(arrival))


def standing(arrival: Arrival) -> dict[str, str]:
    """The headers that say how far an upload is, and what was said of it."""
    length = {"Upload-Defer-Length": "1"} if arrival.length is None else {"Upload-Length": str(arrival.length)}
    metadata = {"Upload-Metadata": arrival.raw_metadata} if arrival.raw_metadata else {}
    return {**_progress(arrival), **length, **metadata}


def _progress(arrival: Arrival) -> dict[str, str]:
    expires = {} if arrival.is_complete else {"Upload-Expires": http_date(arrival.expires_at)}
    return {"Upload-Offset": str(arrival.offset), **expires}


def _key_of(headers: Headers, metadata: Metadata) -> str | None:
    """Under which a creation that is repeated, because its answer was lost, is answered alike while it arrives."""
    key = headers.get(KEY)
    return None if key is None else f"tus/{metadata.session_id}/{metadata.question_id}/{check_key(key)}"


def _is_of(arrival: Arrival, length: int | None, metadata: Metadata) -> bool:
    """Whether what arrives under a key is to be the same bytes; a length that was deferred may have been said since."""
    before = Metadata.of(Headers({"Upload-Metadata": arrival.raw_metadata or ""}))
    return before.sha256 == metadata.sha256 and length in (None, arrival.length)


def _check_type(request: Request) -> None:
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != BYTES:
        raise UploadTypeRefused(f"Send the bytes as Content-Type: {BYTES}.")
