"""Whether the process lives, and whether it can take answers."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from routes.dependencies import Health, Needs
from routes.errors import UNEXPECTED, listed
from services.errors import NotFound, Problem

router = APIRouter(tags=["operations"])


class ReadyOut(BaseModel):
    """`degraded`: answers are taken and kept, and transcribed later."""

    ready: bool
    status: str
    mongodb: str
    redis: str = Field(description="`down`: it does not answer, or takes nothing, because it is full or a copy.")
    workers: int | None = Field(description="Those that live; null while MongoDB does not answer, which knows of them.")
    background: dict[str, str] = Field(
        description="Each kind of work that runs beside requests in this process: `ok`, or `restarting` after an error."
    )
    keys: str = Field(
        description="`down` while recordings cannot be sealed, `incomplete` where some that are stored cannot be "
        "opened for want of their keys: the log has the reason; `unknown` while MongoDB does not answer."
    )
    tokens: str = Field(description="`down` while tokens cannot be checked for want of the provider's keys.")


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", operation_id="healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", operation_id="readyz", responses={503: {"model": ReadyOut, "description": "Takes no answers."}})
async def readyz(response: Response, services: Needs) -> ReadyOut:
    """Whether answers are taken (200) and transcribed (`ready`); without Redis it is degraded, not failing."""
    health = await services.health()
    whole = health.is_ready and health.doorbell and health.workers > 0
    background = {kind.value: "restarting" if each.waiting else "ok" for kind, each in services.background.running()}
    is_well = whole and not health.missing_keys and "restarting" not in background.values()
    response.status_code = 200 if health.is_ready else 503
    return ReadyOut(
        ready=whole,
        status="ok" if is_well else "degraded" if health.is_ready else "failing",
        mongodb="ok" if health.database else "down",
        redis="ok" if health.doorbell else "down",
        workers=health.workers if health.database else None,
        background=background,
        keys=_keys(health),
        tokens="ok" if health.tokens else "down",
    )


def _keys(health: Health) -> str:
    """Whether a key may be used stands in MongoDB too."""
    if not health.keys:
        return "down" if health.database else "unknown"
    return "incomplete" if health.missing_keys else "ok"


# Errors of the protocol, which no service raises.
PROTOCOL = {
    "invalid_request": "The request is not valid; `errors` says where.",
    "unexpected": UNEXPECTED,
    **{status.name.lower(): f"{status.phrase}. {status.description}".strip() for status in HTTPStatus if status >= 400},
}


def _all_kinds(kind: type[Problem]) -> dict[str, type[Problem]]:
    found = {kind.code: kind}
    for below in kind.__subclasses__():
        found |= _all_kinds(below)
    return found


@router.get(
    "/problems/{code}",
    operation_id="describeProblem",
    response_class=PlainTextResponse,
    responses=listed(NotFound),
)
async def describe_problem(code: str) -> str:
    """What a problem's `type` means."""
    sentences = PROTOCOL | {code: kind.sentence for code, kind in _all_kinds(Problem).items()}
    if code not in sentences:
        raise NotFound("There is no problem of this name.")
    return f"{code}: {sentences[code]}\n"
