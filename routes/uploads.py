"""Uploading an answer: stored while it arrives, answered at once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from routes import idempotency
from routes.dependencies import Asker, Needs, QuestionPath, Services, SessionPath, UploadSlot
from routes.errors import documented
from routes.multipart import FORM_OVERHEAD, boundary_of, file_bytes, incoming
from routes.resumable import asking, creation, draft
from routes.resumable.bodies import patience_of
from routes.resumable.limits import limits_of
from routes.upload_answers import UploadOut, headers_of
from services import errors
from services.access.admission import Slot
from services.access.ports import Hold
from services.interviews.model import Part, PartId, QuestionId, SessionId, Viewer
from services.recordings import formats
from services.recordings.ports.audio import Incoming

router = APIRouter(prefix="/api", tags=["answers"], route_class=idempotency.OnceRead)

Channels = Annotated[
    int | None,
    Query(
        ge=1,
        le=2,
        description="2: it has who answers on the left and who asks on the right. Left out, the question says it.",
    ),
]

FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["audio"],
                    "properties": {
                        "audio": {
                            "type": "string",
                            "format": "binary",
                            "description": f"The recording: {formats.names()}.",
                        }
                    },
                }
            },
            "application/octet-stream": asking.BINARY,
        },
    }
}


@router.post(
    "/upload-answer/{session_id}/{question_id}",
    status_code=202,
    operation_id="uploadAnswer",
    response_model=UploadOut,
    dependencies=[idempotency.takes_key],
    openapi_extra=FORM | {"parameters": asking.SAID},
    responses=asking.BEGUN
    | documented(
        errors.UploadMalformed,
        errors.UploadTruncated,
        errors.AudioFieldMissing,
        errors.TooManyFiles,
        errors.AudioEmpty,
        errors.SessionNotFound,
        errors.QuestionNotFound,
        errors.UploadStalled,
        errors.TakeSuperseded,
        errors.AudioTooLarge,
        errors.NotAudio,
        errors.StoreUnavailable,
        errors.KeyringUnavailable,
        errors.RateLimited,
        errors.TooManyUploads,
        errors.TooMuchQueued,
        errors.UploadsSaturated,
        errors.ServerLeaving,
        *asking.MAY_BEGIN,
        *idempotency.PROBLEMS,
    ),
)
async def upload_answer(
    session_id: SessionPath,
    question_id: QuestionPath,
    request: Request,
    viewer: Asker,
    services: Needs,
    slot: UploadSlot,
    channels: Channels = None,
) -> Response:
    """Upload the recording of one answer; answered as soon as it is stored, before it is transcribed.

    With `Upload-Complete: ?0` it begins an upload that goes on at the `Location` of its answer.
    """
    if creation.is_begun(request):
        return await creation.begin(session_id, question_id, request, viewer, services, slot, channels)
    if not creation.is_whole(request):
        return await _upload(session_id, question_id, request, viewer, services, slot, channels)
    try:
        return await _upload(session_id, question_id, request, viewer, services, slot, channels)
    except errors.Problem as problem:
        return await creation.told(request, problem, services)


@router.options("/upload-answer/{session_id}/{question_id}", status_code=204, operation_id="describeUploadAnswer")
async def describe_upload_answer(session_id: SessionPath, question_id: QuestionPath, services: Needs) -> Response:
    """How large a recording may be that comes in several requests, and how long it is waited for."""
    return Response(status_code=204, headers=draft.described(limits_of(services)))


async def _upload(
    session_id: SessionId,
    question_id: QuestionId,
    request: Request,
    viewer: Viewer,
    services: Services,
    slot: Slot,
    channels: int | None,
) -> Response:
    data = creation.body(request, services) if creation.is_whole(request) else _form(request, services)
    declared = _declared(request, services.max_audio_bytes)
    if kept := idempotency.kept_of(request):
        await services.intake.admit(session_id, question_id, viewer)
        await idempotency.refuse_other_body(data, kept.fingerprint)
        return idempotency.replay(kept)
    services.eta.look()
    taking = partial(_taken_in, data, declared, slot)
    hold = idempotency.hold_of(request)
    part, id = await _received(session_id, question_id, viewer, services, data, taking, hold, channels)
    idempotency.note_body(request, part.sha256)
    headers = await headers_of(part, request, services)
    if creation.is_whole(request):
        headers |= creation.told_of(part)
    body = UploadOut.of(part, id).model_dump_json()
    return Response(body, 202, headers, "application/json")


def _form(request: Request, services: Services) -> AsyncIterator[bytes]:
    boundary = boundary_of(request.headers.get("content-type"))
    return file_bytes(request.stream(), boundary, services.max_audio_bytes, patience_of(services))


async def _received(
    session_id: SessionId,
    question_id: QuestionId,
    viewer: Viewer,
    services: Services,
    data: AsyncIterator[bytes],
    taking: Callable[[], Awaitable[Incoming]],
    hold: Hold | None,
    channels: int | None,
) -> tuple[Part, PartId]:
    """The part that the upload made, or that an earlier try with its key had made, and the id it was given."""
    if hold is None:
        numbered = await services.intake.number(session_id, question_id, viewer, channels=channels)
        return await services.intake.take_in(numbered, await taking()), numbered.part.id
    await services.intake.admit(session_id, question_id, viewer)
    hold, made = await services.idempotency.resume(hold)
    if made is not None:
        await idempotency.refuse_other_body(data, made.sha256)
        return made, made.id
    id = PartId(hold.made_id)
    part = await services.intake.receive(session_id, question_id, viewer, await taking(), id=id, channels=channels)
    if part.id != id:
        await services.idempotency.renamed(hold, part.id)
    return part, id


async def _taken_in(data: AsyncIterator[bytes], declared: int, slot: Slot) -> Incoming:
    """The recording as it arrives, of which nothing is read where its user has enough waiting."""
    await slot.reserve(0.0)
    return await incoming(data, declared, slot.reserve)


def _declared(request: Request, max_bytes: int) -> int:
    """How many bytes come by the client's own word, 0 where it gives none; AudioTooLarge."""
    length = request.headers.get("content-length", "")
    declared = int(length) if length.isdecimal() else 0
    if declared > max_bytes + FORM_OVERHEAD:
        raise errors.AudioTooLarge.over(max_bytes)
    return declared
