"""Legal holds, for operators: what no clock and no wish may take away, and why."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StringConstraints

from routes.body_bounds import Bounded
from routes.dependencies import Admin, Needs, SessionPath
from routes.errors import UNREADABLE, documented
from services import errors
from services.operations.interventions import Operator

router = APIRouter(prefix="/api/admin/sessions/{session_id}", tags=["admin"])

PROBLEMS = (errors.Forbidden, errors.SessionNotFound)


class HoldIn(Bounded):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="Stands in the audit log.", examples=["Complaint 17/2026: kept as evidence."]
    )


class HoldOut(BaseModel):
    session_id: str
    is_held: bool


@router.post("/hold", operation_id="adminHoldSession", responses=UNREADABLE | documented(*PROBLEMS))
async def hold_session(
    session_id: SessionPath, body: HoldIn, request: Request, admin: Admin, services: Needs
) -> HoldOut:
    """Hold a session: nothing of it expires, and it is not erased, before that is lifted."""
    operator = Operator(admin, request.state.request_id)
    await services.operations.legal_hold.place(session_id, body.reason, operator)
    return HoldOut(session_id=session_id, is_held=True)


@router.post("/hold/lift", operation_id="adminLiftHold", responses=UNREADABLE | documented(*PROBLEMS, errors.NotHeld))
async def lift_hold(session_id: SessionPath, body: HoldIn, request: Request, admin: Admin, services: Needs) -> HoldOut:
    """Lift the hold; what was due meanwhile goes with the next sweep."""
    operator = Operator(admin, request.state.request_id)
    await services.operations.legal_hold.lift(session_id, body.reason, operator)
    return HoldOut(session_id=session_id, is_held=False)
