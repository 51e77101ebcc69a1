"""The only place where a problem becomes a status: RFC 9457 problem details, one shape everywhere."""

import asyncio
import math
from http import HTTPMethod, HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.request_id import CODE
from services import errors
from services.errors import Problem

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
MOST, LONGEST, MOST_MISSING = 20, 200, 1000
NOWHERE = "There is nothing at this address; /docs lists what there is."
SLASHED = "There is nothing at this address. Leave the slash at its end away."
LEAVING = "This server stops. Send the request again; another one takes it."
UNEXPECTED = "Something went wrong here. It is logged; try again."

# A status of tus, which no registry knows.
CHECKSUM_MISMATCH = 460
OWN_TITLES = {CHECKSUM_MISMATCH: "Checksum Mismatch"}

STATUS: dict[type[Problem], int] = {
    Problem: 500,
    errors.IdempotencyKeyInvalid: 400,
    errors.IdempotencyMismatch: 422,
    errors.TooMuch: 429,
    errors.UploadsSaturated: 503,
    errors.ServerLeaving: 503,
    errors.ListenersSaturated: 503,
    errors.BodiesSaturated: 503,
    errors.ArrivalsSaturated: 503,
    errors.StorageShort: 507,
    errors.UploadGone: 410,
    errors.CallGone: 410,
    errors.UploadInUse: 423,
    errors.TusVersionUnsupported: 412,
    errors.UploadTypeRefused: 415,
    errors.ChecksumMismatch: CHECKSUM_MISMATCH,
    errors.TooLargeToCheck: 413,
    errors.NobodyListens: 503,
    errors.Unauthenticated: 401,
    errors.KeysUnavailable: 503,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.SessionErased: 410,
    errors.Conflict: 409,
    errors.UploadProblem: 400,
    errors.UploadStalled: 408,
    errors.AudioTooLarge: 413,
    errors.BodyTooLarge: 413,
    errors.BodyStalled: 408,
    errors.NotAudio: 415,
    errors.WebhookUrlRefused: 422,
    errors.CallSidesMissing: 422,
    errors.StoreUnavailable: 503,
    errors.TranscriptionProblem: 422,
    errors.ScorerUnavailable: 503,
}


class ProblemOut(BaseModel):
    """What every error looks like."""

    type: str = Field(examples=["/problems/session_not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such session."])
    code: str = Field(examples=["session_not_found"])
    errors: list[dict[str, Any]] | None = Field(None, description="Of a 422: what is wrong, and where.")
    missing: list[int] | None = Field(None, description="Of `slices_missing`: their numbers, the first thousand.")


def status_of(problem: type[Problem]) -> int:
    """The status of a problem, or of the nearest one above it that has one."""
    return next(STATUS[kind] for kind in problem.__mro__ if kind in STATUS)


def title_of(status: int) -> str:
    """What the status is called."""
    return OWN_TITLES.get(status) or HTTPStatus(status).phrase


def response(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    title = title_of(status)
    body = {"type": f"/problems/{code}", "title": title, "status": status, "detail": detail, "code": code, **more}
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


async def on_problem(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)  # noqa: S101  registered for nothing else
    setattr(request.state, CODE, problem.code)
    return problem_response(problem)


def problem_of(problem: Problem) -> ProblemOut:
    """A problem, as it is told where no answer can carry it."""
    status = status_of(type(problem))
    named = {"type": f"/problems/{problem.code}", "title": title_of(status), "code": problem.code}
    return ProblemOut(**named, status=status, detail=str(problem), errors=None, **_members(problem))


def _members(problem: Problem) -> dict[str, Any]:
    """What a problem says besides."""
    return {"missing": list(problem.indices[:MOST_MISSING])} if isinstance(problem, errors.SlicesMissing) else {}


def problem_response(problem: Problem) -> JSONResponse:
    """The answer that a problem gives."""
    status, headers = status_of(type(problem)), {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retryable:
        headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after or 1)))
    return response(status, problem.code, str(problem), headers, **_members(problem))


async def on_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for nothing else
    found = error.errors()
    listed = [{"where": [_printable(step) for step in e["loc"]], "what": _printable(e["msg"])} for e in found[:MOST]]
    more = f" It names the first {MOST} of {len(found)} faults." if len(found) > MOST else ""
    detail = f"The request is not valid; `errors` says where.{more}"
    return response(422, "invalid_request", detail, errors=listed)


def _printable(step: Any) -> int | str:
    """A client may name a field at any length, and with half a character, which no answer can repeat."""
    return step if isinstance(step, int) else str(step)[:LONGEST].encode("utf-8", "replace").decode()


async def on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for nothing else
    headers, detail = dict(error.headers or {}), str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = SLASHED if request.url.path.endswith("/") else NOWHERE
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
        detail = f"This address takes {headers['Allow']}."
    code = HTTPStatus(error.status_code).name.lower()
    return response(error.status_code, code, detail, headers)


def _methods(request: Request) -> list[str]:
    """What may be done at this address; the framework names the methods of its first route only."""
    routes: list[BaseRoute] = request.app.routes
    asked = ({**request.scope, "method": method.value} for method in HTTPMethod)
    return [scope["method"] for scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)]


class Unexpected:
    """Middleware: what nobody has foreseen is logged and answered, within whatever names and marks each answer.

    So is what the server gives up because it stops.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except Problem:
            raise
        except Exception as error:
            log.exception("unexpected", path=_told(scope), error=type(error).__name__)
            if has_begun or scope["type"] != "http":
                raise
            await response(500, "unexpected", UNEXPECTED)(scope, receive, send)
        except asyncio.CancelledError:
            if has_begun or scope["type"] != "http" or not scope["app"].state.services.streams.is_leaving:
                raise
            await problem_response(errors.ServerLeaving(LEAVING))(scope, receive, send)


def _told(scope: Scope) -> str:
    """Where something was asked for; whom an erasure is about is in no line."""
    path: str = scope["route"].path if "user_id" in scope.get("path_params", {}) else scope["path"]
    return path


def install(app: FastAPI) -> None:
    """Give every error of this app the one shape."""
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_middleware(Unexpected)


# Where the one may come, the other may too.
GOES_WITH: dict[type[Problem], tuple[type[Problem], ...]] = {errors.SessionNotFound: (errors.SessionErased,)}

# The framework's own answer to a body that is no JSON at all.
UNREADABLE: dict[int | str, dict[str, Any]] = {
    400: {"model": ProblemOut, "description": "`bad_request`: the body is no JSON.", "content": {MEDIA_TYPE: {}}}
}

INVALID: dict[int | str, dict[str, Any]] = {
    422: {
        "model": ProblemOut,
        "description": "`invalid_request`: The request is not valid; `errors` says where.",
        "content": {MEDIA_TYPE: {}},
    }
}


def documented(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The problems of a route that asks for a token, for its OpenAPI `responses`; some can happen to all of them."""
    kinds = tuple(dict.fromkeys(each for kind in kinds for each in (kind, *GOES_WITH.get(kind, ()))))
    common: tuple[type[Problem], ...] = (errors.RateLimited, errors.KeysUnavailable, errors.StoreUnavailable)
    return listed(errors.Unauthenticated, *kinds, *(kind for kind in common if kind not in kinds))


def listed(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """These problems, for OpenAPI."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status = status_of(kind)
        entry = found.setdefault(status, {"model": ProblemOut, "description": "", "content": {MEDIA_TYPE: {}}})
        entry["description"] = f"{entry['description']} `{kind.code}`: {kind.sentence}".strip()
        examples = entry["content"][MEDIA_TYPE].setdefault("examples", {})
        examples[kind.code] = {"value": _example(kind, status)}
    return found


def _example(kind: type[Problem], status: int) -> dict[str, object]:
    title = title_of(status)
    named = {"type": f"/problems/{kind.code}", "title": title, "status": status}
    return {**named, "detail": kind.sentence, "code": kind.code}
