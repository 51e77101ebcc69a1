"""What begins at an answer's own address by the IETF's protocol, which any upload may be upgraded to."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from routes.dependencies import Services
from routes.resumable import draft, fields
from routes.resumable.bodies import body_of, whole
from routes.resumable.draft_headers import SIXTH, Draft, version_of
from routes.resumable.limits import limits_of
from routes.resumable.telling import told_by_draft
from services.access.admission import Slot
from services.errors import Problem
from services.interviews.model import Part, QuestionId, SessionId, Viewer


def is_begun(request: Request) -> bool:
    """Whether it is to go on in further requests; or is of the sixth version, whose clients ask for it afterwards."""
    complete = fields.flag(request.headers, "Upload-Complete")
    return complete is False or (is_whole(request) and version_of(request.headers) == SIXTH)


def is_whole(request: Request) -> bool:
    """Whether the body is a recording as it is, all of it."""
    complete = fields.flag(request.headers, "Upload-Complete")
    return complete is True and not draft.is_form(request)


async def begin(
    session_id: SessionId,
    question_id: QuestionId,
    request: Request,
    viewer: Viewer,
    services: Services,
    slot: Slot,
    channels: int | None,
) -> Response:
    limits = limits_of(services)
    try:
        return await draft.create(session_id, question_id, request, viewer, services, slot, limits, channels)
    except Problem as problem:
        return await told(request, problem, services)


async def told(request: Request, problem: Problem, services: Services) -> Response:
    """A problem of a request that would begin an upload, or was one: nothing of it is left that could go on."""
    is_sixth = version_of(request.headers) == SIXTH
    return await told_by_draft(request, problem, limits_of(services), is_sixth=is_sixth, ends=True)


def body(request: Request, services: Services) -> AsyncIterator[bytes]:
    """The recording, held to what is said of it."""
    said = Draft.of(request.headers)
    sums = [sum for sum in (said.content_sha256, said.whole_sha256) if sum is not None]
    return whole(body_of(request, services), services.max_audio_bytes, length=said.length, sha256=sums)


def told_of(part: Part) -> dict[str, str]:
    """The headers that say that an upload was taken in as a whole."""
    return draft.completed(part)
