"""The IETF's resumable uploads: what their requests ask for. Nothing but `Upload-Complete: ?1` finishes an upload."""

from collections.abc import Mapping
from contextlib import suppress

from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from routes.dependencies import Services
from routes.prefix import here
from routes.resumable import fields
from routes.resumable.bodies import has_body, held_body
from routes.resumable.draft_headers import PARTIAL, SIXTH, Draft, is_partial, version_of
from routes.resumable.limits import Limits
from routes.resumable.steps import begun, finished
from routes.resumable.telling import told_by_draft
from routes.resumable.tus_headers import MOST_METADATA
from routes.upload_answers import UploadOut, headers_of
from services.access.admission import Slot
from services.errors import (
    AudioTooLarge,
    LengthInconsistent,
    OffsetMismatch,
    Problem,
    UploadComplete,
    UploadHeaderInvalid,
    UploadTypeRefused,
)
from services.interviews.model import Part, PartId, QuestionId, SessionId, Viewer
from services.recordings.arrivals import Arrival, Plan

DOOR = "draft"
NO_FORM = (
    "An upload in several requests takes the recording as it is, not in a form. "
    "Send its bytes as the body, or the form in one request."
)
MOST_MEDIA_TYPE = 127
OF_STATE = ("Upload-Offset", "Upload-Complete", "Upload-Length")


def described(limits: Limits) -> dict[str, str]:
    """What may be begun here, and how it goes on."""
    return {"Upload-Limit": limits.told(), "Accept-Patch": PARTIAL}


async def create(
    session_id: SessionId,
    question_id: QuestionId,
    request: Request,
    viewer: Viewer,
    services: Services,
    slot: Slot,
    limits: Limits,
    channels: int | None,
) -> Response:
    """Begin an upload that goes on in further requests, with as much of it as this one brings; maybe that is all."""
    draft = Draft.spoken(request.headers)
    length = draft.whole_length(0)
    if length is not None and length > limits.most_bytes:
        raise AudioTooLarge.over(limits.most_bytes)
    if is_form(request):
        raise UploadTypeRefused(NO_FORM)
    media_type = None if is_partial(request.headers) else _kept(request, "Content-Type", MOST_MEDIA_TYPE)
    sha256 = draft.whole_sha256.hex() if draft.whole_sha256 else None
    plan = Plan(DOOR, length, media_type, _kept(request, "Upload-Metadata", MOST_METADATA), sha256, channels=channels)
    with held_body(request, services, draft.checksum) as body:
        data = body if has_body(request) else None
        arrival = await begun(session_id, question_id, plan, viewer, services, slot, data, draft.checksum)
    location = {"Location": here(request, f"/api/uploads/{arrival.part.id}")}
    if draft.complete:
        part, _ = await finished(arrival, viewer, services, slot)
        return await _accepted(arrival.part.id, part, request, services, location)
    return Response(status_code=201, headers={**location, **_progress(arrival, draft, limits)})


async def tell(id: PartId, request: Request, viewer: Viewer, services: Services, limits: Limits) -> Response:
    draft = Draft.spoken(request.headers)
    _refuse_state(request, draft)
    with suppress(UploadComplete):
        await services.arrivals.interrupt(id, viewer)
    arrival = await services.arrivals.find(id, viewer)
    return Response(status_code=204, headers=standing(arrival, draft, limits))


async def append(id: PartId, request: Request, viewer: Viewer, services: Services, limits: Limits) -> Response:
    draft = Draft.spoken(request.headers)
    at = _checked(request, draft)
    length = draft.whole_length(at)
    async with services.admission.upload(viewer, is_new=False) as slot:
        try:
            with held_body(request, services, draft.checksum) as data:
                arrival = await services.arrivals.append(
                    id, viewer, at, data, length=length, checksum=draft.checksum, takes_over=True
                )
        except UploadComplete:
            arrival = await _replayed(id, at, request, draft, viewer, services)
        except LengthInconsistent:
            await _end_exceeded(id, length, draft, viewer, services)
            raise
        if not _completes(arrival, at, draft):
            return Response(status_code=201 if draft.is_sixth else 204, headers=_progress(arrival, draft, limits))
        try:
            part, _ = await finished(arrival, viewer, services, slot)
        except Problem as problem:
            how = {"is_sixth": draft.is_sixth, "ends": not isinstance(problem, LengthInconsistent)}
            return await told_by_draft(request, problem, limits, offset=arrival.offset, **how)
    return await _accepted(id, part, request, services)


async def cancel(id: PartId, request: Request, viewer: Viewer, services: Services) -> Response:
    _refuse_state(request, Draft.spoken(request.headers))
    await services.arrivals.abort(id, viewer)
    return Response(status_code=204)


async def told(
    request: Request, problem: Problem, limits: Limits, viewer: Viewer | None, services: Services
) -> Response:
    """A problem of a request to an upload; the sixth version wants to be told each time how far it is."""
    is_sixth = version_of(request.headers) == SIXTH
    offset, id = None, request.path_params.get("upload_id")
    if is_sixth and viewer is not None and id is not None:
        with suppress(Problem):
            offset = (await services.arrivals.find(id, viewer)).offset
    return await told_by_draft(request, problem, limits, is_sixth=is_sixth, offset=offset)


def is_form(request: Request) -> bool:
    return request.headers.get("Content-Type", "").strip().lower().startswith("multipart/")


def completed(part: Part) -> dict[str, str]:
    """The headers of the answer to all of a recording."""
    headers = {"Upload-Complete": fields.told(True), "Upload-Offset": str(part.bytes)}
    digest = {"Repr-Digest": fields.listed({"sha-256": bytes.fromhex(part.sha256)})} if part.sha256 else {}
    return headers | digest


def standing(arrival: Arrival, draft: Draft, limits: Limits) -> dict[str, str]:
    """The headers that say how far an upload is."""
    length = {} if arrival.length is None else {"Upload-Length": str(arrival.length)}
    return {**_progress(arrival, draft, limits), **length}


def _progress(arrival: Arrival, draft: Draft, limits: Limits) -> dict[str, str]:
    return {
        "Upload-Offset": str(arrival.offset),
        "Upload-Complete": fields.told(arrival.is_complete),
        "Upload-Limit": limits.told(arrival.expires_at, is_sixth=draft.is_sixth),
    }


def _checked(request: Request, draft: Draft) -> int:
    """Where the bytes begin, of a request that says all that it must."""
    if not is_partial(request.headers):
        raise UploadTypeRefused(f"Send the bytes as Content-Type: {PARTIAL}.")
    if draft.offset is None:
        raise UploadHeaderInvalid("Send Upload-Offset: how many bytes came before these.")
    if draft.complete is None and not draft.is_sixth:
        raise UploadHeaderInvalid("Send Upload-Complete: ?1 with the last bytes, ?0 with those before.")
    return draft.offset


def _completes(arrival: Arrival, at: int, draft: Draft) -> bool:
    """A client of the sixth version that learns the length last says so in a request that brings and says no more."""
    if draft.complete is None:
        return draft.length is not None and at == arrival.offset == arrival.length
    return draft.complete


async def _replayed(id: PartId, at: int, request: Request, draft: Draft, viewer: Viewer, services: Services) -> Arrival:
    """A finished upload, or one that is being finished, whose end is asked for again because the answer was lost."""
    arrival = await services.arrivals.find(id, viewer)
    if at != arrival.offset:
        raise OffsetMismatch(arrival.offset, at)
    if has_body(request) or not draft.complete or (draft.is_sixth and arrival.is_complete):
        raise UploadComplete
    return arrival


async def _end_exceeded(id: PartId, length: int | None, draft: Draft, viewer: Viewer, services: Services) -> None:
    """An upload that was sent more than it may have ends; one of which another length is said goes on."""
    arrival = await services.arrivals.find(id, viewer)
    if draft.is_sixth or arrival.is_complete or (length is not None and length != arrival.length):
        return
    await services.arrivals.abort(id, viewer)


def _kept(request: Request, name: str, most: int) -> str | None:
    """A field that is kept with the upload, and told: one that is longer counts as not sent."""
    value = request.headers.get(name)
    return value if value is not None and len(value) <= most else None


def _refuse_state(request: Request, draft: Draft) -> None:
    """The sixth version has requests refused that say what they should ask for."""
    named = [name for name in OF_STATE if name in request.headers]
    if draft.is_sixth and named:
        raise UploadHeaderInvalid(f"{request.method} takes no {named[0]}.")


async def _accepted(
    id: PartId, part: Part, request: Request, services: Services, more: Mapping[str, str] | None = None
) -> Response:
    """The answer that the recording would have had if it had come in one request."""
    body = UploadOut.of(part, id).model_dump(mode="json")
    headers = {**completed(part), **await headers_of(part, request, services), **(more or {})}
    return JSONResponse(body, 202, headers=headers)
