"""Calls with two sides: begun, watched, ended, given up. Their packets come by other doors."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from routes import idempotency
from routes.call_schemas import BegunCallOut, CallIn, CallOut
from routes.dependencies import Asker, Needs, SessionPath
from routes.errors import documented
from routes.prefix import here
from services import errors
from services.errors import CallSidesMissing
from services.interviews.model import ID_PATTERN, CallId, QuestionId

router = APIRouter(tags=["calls"], route_class=idempotency.Once)

CallPath = Annotated[CallId, Path(pattern=ID_PATTERN, description="The call's id.")]
FOUND = documented(errors.CallNotFound, errors.CallGone, errors.RateLimited)
BEGUN: dict[int | str, dict[str, Any]] = {201: {"description": "It is open, and takes packets."}}
ENDING: dict[int | str, dict[str, Any]] = {202: {"description": "It takes nothing more, and its sides are finished."}}


@router.post(
    "/api/sessions/{session_id}/calls",
    status_code=201,
    operation_id="beginCall",
    responses=BEGUN
    | documented(
        errors.CallsOff,
        errors.SessionNotFound,
        errors.SessionErased,
        errors.QuestionNotFound,
        errors.CallSidesMissing,
        errors.TooManyArrivals,
        errors.TooMuchArriving,
        errors.ArrivalsSaturated,
        errors.StorageShort,
        errors.RateLimited,
    ),
)
async def begin_call(
    session_id: SessionPath, body: CallIn, request: Request, response: Response, viewer: Asker, services: Needs
) -> BegunCallOut:
    """Begin a call about a question: one take, whose left side is the answer."""
    sides = body.sides()
    if not sides:
        raise CallSidesMissing
    call = await services.calls.begin(session_id, QuestionId(body.question_id), viewer, sides, wants_rtp=body.rtp)
    response.headers["Location"] = here(request, f"/api/calls/{call.id}")
    return BegunCallOut.of(call, here(request, f"/ws/calls/{call.id}"))


@router.get("/api/calls/{call_id}", operation_id="getCall", responses=FOUND)
async def get_call(call_id: CallPath, viewer: Asker, services: Needs) -> CallOut:
    """How the call stands, and what came of each side's packets."""
    return CallOut.of(await services.calls.look(call_id, viewer))


@router.post("/api/calls/{call_id}/end", status_code=202, operation_id="endCall", responses=ENDING | FOUND)
async def end_call(call_id: CallPath, viewer: Asker, services: Needs) -> CallOut:
    """End the call: what has come is transcribed. The same each time."""
    return CallOut.of(await services.calls.end(call_id, viewer))


@router.delete(
    "/api/calls/{call_id}",
    status_code=204,
    operation_id="deleteCall",
    responses=FOUND | documented(errors.CallOver),
)
async def delete_call(call_id: CallPath, viewer: Asker, services: Needs) -> None:
    """Give an open call up, with all that was received of it."""
    await services.calls.abort(call_id, viewer)
