"""Problems, as tus and the IETF's resumable uploads have them told."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from routes.errors import on_problem, response
from routes.resumable import fields
from routes.resumable.limits import Limits
from services import errors
from services.errors import Problem

TYPES = "https://iana.org/assignments/http-problem-types#"
BAD, ABSENT, LOCKED, BUSY = 400, 404, 423, 503
GIVEN_UP_ON = (408, 429)
# What is wrong is the recording, or where it was to go: an upload as a whole would have been answered alike.
FINAL = (
    errors.NotAudio,
    errors.AudioEmpty,
    errors.TakeSuperseded,
    errors.SessionNotFound,
    errors.QuestionNotFound,
)


async def told_by_tus(request: Request, problem: Problem, limits: Limits) -> Response:
    """The answer, in a status that makes clients of tus do what the problem asks for."""
    plain = await on_problem(request, problem)
    headers = _retry_after(plain)
    if isinstance(problem, errors.AudioTooLarge):
        headers["Tus-Max-Size"] = str(limits.most_bytes)
    if isinstance(problem, errors.OffsetMismatch):
        headers["Upload-Offset"] = str(problem.expected)
    return response(_patient(request, problem, plain.status_code), problem.code, str(problem), headers)


async def told_by_draft(
    request: Request,
    problem: Problem,
    limits: Limits,
    *,
    is_sixth: bool = False,
    offset: int | None = None,
    ends: bool = False,
) -> Response:
    """The answer, with the types that are registered; `offset` is how far the upload is, if it goes on.

    `ends`: it is about the recording as a whole, and going on with the upload would not help.
    """
    plain = await on_problem(request, problem)
    is_final = isinstance(problem, FINAL) or (ends and not problem.retryable)
    headers = _retry_after(plain) | {"Upload-Complete": fields.told(is_final)}
    status, named = _registered(request, problem, plain.status_code, is_sixth=is_sixth)
    if is_sixth:
        status = _patient(request, problem, status)
    if isinstance(problem, errors.AudioTooLarge):
        headers["Upload-Limit"] = limits.told(is_sixth=is_sixth)
    if isinstance(problem, errors.OffsetMismatch):
        headers["Upload-Offset"] = str(problem.expected)
    elif is_sixth and offset is not None:
        headers["Upload-Offset"] = str(offset)
    return response(status, problem.code, str(problem), headers, **named)


def _patient(request: Request, problem: Problem, status: int) -> int:
    """Clients of tus give up on some statuses, and on HEAD forget the upload unless it is 423: it would come twice."""
    if request.method == "HEAD" and problem.retryable:
        return LOCKED
    return BUSY if status in GIVEN_UP_ON else status


def _registered(request: Request, problem: Problem, status: int, *, is_sixth: bool) -> tuple[int, dict[str, Any]]:
    """The status that the protocol wants, and the members of a registered type."""
    match problem:
        case errors.OffsetMismatch():
            members = {"expected-offset": problem.expected, "provided-offset": problem.provided}
            return status, {"type": f"{TYPES}mismatching-upload-offset", **members}
        case errors.LengthInconsistent():
            return BAD, {"type": f"{TYPES}inconsistent-upload-length"}
        case errors.UploadComplete() if request.method == "PATCH":
            return BAD, {"type": f"{TYPES}{'completed-upload' if is_sixth else 'inconsistent-upload-length'}"}
        case errors.ChecksumMismatch():
            return BAD, {}
        case errors.UploadGone() if is_sixth:
            return ABSENT, {}
        case _:
            return status, {}


def _retry_after(answer: Response) -> dict[str, str]:
    wait = answer.headers.get("Retry-After")
    return {"Retry-After": wait} if wait is not None else {}
