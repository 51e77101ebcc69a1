"""Asking for a session, or for all of a user, to be forgotten; and how far that is."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from routes.dependencies import Asker, Needs, Services, SessionPath
from routes.errors import documented
from routes.prefix import here
from services import errors
from services.interviews.erasable import ErasureId
from services.interviews.model import UserId
from services.operations.ports.erasures import Cause, Erasure, State, Waits
from services.operations.receipting import erasure_receipt
from services.recordings.ports.receipts import Receipt

router = APIRouter(prefix="/api", tags=["erasure"])

ME = "me"
AGAIN_SECONDS = 2

UserPath = Annotated[
    str, Path(min_length=1, max_length=256, description="The user's id, as tokens name it in `sub`; `me`: your own.")
]
ErasurePath = Annotated[ErasureId, Path(pattern=r"^[su]-[A-Za-z0-9_-]{1,64}$", description="The erasure's id.")]


class ErasureOut(BaseModel):
    """What is under way, or what was done; `found` counts what there was, and once it is done nothing of it is left."""

    erasure_id: str
    of: Literal["session", "user"]
    session_id: str | None = Field(description="Null where it is about a user.")
    state: State
    asked_by: Cause
    asked_at: datetime
    done_at: datetime | None
    waits_for: Waits | None = Field(description="What has to end first; `hold`: a legal hold on one of the sessions.")
    receipt: str | None = Field(
        description="Signed (a compact JWS) once it is done; null before, and where no receipts are made."
    )
    found: dict[str, int] = Field(examples=[{"parts": 2, "files": 1, "chunks": 3, "deliveries": 4}])

    @classmethod
    def told(cls, erasure: Erasure, receipt: Receipt | None) -> "ErasureOut":
        return cls(
            erasure_id=erasure.id,
            of="user" if erasure.session_id is None else "session",
            session_id=erasure.session_id,
            state=State.DONE if erasure.is_over else State.RUNNING,
            asked_by=erasure.cause,
            asked_at=erasure.asked_at,
            done_at=erasure.done_at if erasure.is_over else None,
            waits_for=erasure.waits,
            receipt=receipt.token if receipt else None,
            found=dict(erasure.found),
        )


async def _answer(erasure: Erasure, request: Request, response: Response, services: Services) -> ErasureOut:
    response.headers["Location"] = here(request, f"/api/erasures/{erasure.id}")
    response.headers["Cache-Control"] = "no-store"
    if erasure.is_over:
        response.status_code = 200
    else:
        response.headers["Retry-After"] = str(AGAIN_SECONDS)
    receipt = await services.receipts.find(erasure_receipt(erasure)) if erasure.is_done else None
    return ErasureOut.told(erasure, receipt)


DONE: dict[int | str, dict[str, object]] = {200: {"model": ErasureOut, "description": "It is done already."}}


@router.delete(
    "/sessions/{session_id}",
    status_code=202,
    operation_id="eraseSession",
    responses=DONE | documented(errors.SessionNotFound, errors.ErasureNotFound, errors.SessionHeld),
)
async def erase_session(
    session_id: SessionPath, request: Request, response: Response, viewer: Asker, services: Needs
) -> ErasureOut:
    """Erase a session with all that belongs to it; asking again tells how far that is."""
    erasure = await services.erasing.session(session_id, viewer, request.state.request_id)
    return await _answer(erasure, request, response, services)


@router.delete(
    "/users/{user_id:path}/data",
    status_code=202,
    operation_id="eraseUser",
    responses=DONE | documented(errors.Forbidden),
)
async def erase_user(
    user_id: UserPath, request: Request, response: Response, viewer: Asker, services: Needs
) -> ErasureOut:
    """Erase all that there is of a user: yourself, or as an operator anyone. What is made later is not touched."""
    user = viewer.user_id if user_id == ME else UserId(user_id)
    erasure = await services.erasing.user(user, viewer, request.state.request_id)
    return await _answer(erasure, request, response, services)


@router.get(
    "/erasures/{erasure_id}",
    operation_id="getErasure",
    responses=documented(errors.ErasureNotFound),
)
async def get_erasure(
    erasure_id: ErasurePath, request: Request, response: Response, viewer: Asker, services: Needs
) -> ErasureOut:
    """How far an erasure is, told to whom it concerns, and to operators."""
    return await _answer(await services.erasing.get(erasure_id, viewer), request, response, services)
