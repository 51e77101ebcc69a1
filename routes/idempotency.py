"""A POST that is done once for each Idempotency-Key, however often it is sent."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from routes.dependencies import Services, bearer, viewer_of
from routes.errors import on_invalid, on_problem
from services import errors
from services.access.idempotency import check_key, refuse_mismatch
from services.access.ports import Hold, Kept, Keyed
from services.errors import Problem
from services.interviews.model import SessionId

KEY = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
SESSIONS = "/api/sessions"
KEPT_HEADERS = ("content-type", "location", "retry-after")

PROBLEMS = (errors.IdempotencyKeyInvalid, errors.IdempotencyInFlight, errors.IdempotencyMismatch)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def _documented(
    _: Annotated[
        str | None,
        Header(
            alias=KEY,
            description="1 to 255 visible ASCII characters; a repetition within 24 h is answered alike.",
            json_schema_extra={"anyOf": [{"type": "string", "pattern": "^[!-~]{1,255}$"}, {"type": "null"}]},
        ),
    ] = None,
) -> None:
    """Tells OpenAPI of the header; the route reads it itself."""


takes_key = Depends(_documented)


class Once(APIRoute):
    """A route whose POST takes a key: its body, read before, is what a repetition must repeat."""

    reads_body = True

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            if request.method != "POST" or KEY not in request.headers:
                return await handle(request)
            return await self._once(request, handle)

        return once

    async def _once(self, request: Request, handle: Handler) -> Response:
        services: Services = request.app.state.services
        found = await services.idempotency.begin(await self._keyed(request, services))
        if isinstance(found, Kept):
            return await self._repeat(request, handle, found)
        request.state.hold = found
        async with services.idempotency.holding(found):
            answer = await _answered(request, handle)
            fingerprint: str | None = request.state.fingerprint
            if fingerprint is not None:
                made = found.made_id if getattr(request.state, "is_made_again", False) else None
                await services.idempotency.keep(found, _kept(answer, fingerprint, made))
            return answer

    async def _keyed(self, request: Request, services: Services) -> Keyed:
        viewer = await viewer_of(request, services, await bearer(request))
        key = check_key(request.headers[KEY])
        body = hashlib.sha256(await request.body()).hexdigest() if self.reads_body else None
        request.state.fingerprint = body
        path = f"{request.method} {request.url.path}"
        session = request.path_params.get("session_id")
        return Keyed(
            user_id=viewer.user_id,
            key=key,
            path=path,
            fingerprint=body,
            session_id=session and SessionId(session),
            makes_session=self.path == SESSIONS,
        )

    async def _repeat(self, request: Request, handle: Handler, kept: Kept) -> Response:
        if kept.made is None:
            return replay(kept)
        request.state.kept = kept
        answer = await handle(request)
        answer.headers[REPLAYED] = "true"
        return answer


class OnceRead(Once):
    """A route that reads its body itself and says what it was: `hold_of`, `kept_of`, `note_body`."""

    reads_body = False

    async def _repeat(self, request: Request, handle: Handler, kept: Kept) -> Response:
        request.state.kept = kept
        return await handle(request)


def hold_of(request: Request) -> Hold | None:
    """The hold of a request with a key."""
    found: Hold | None = getattr(request.state, "hold", None)
    return found


def kept_of(request: Request) -> Kept | None:
    """The answer that is kept, which `replay` gives once the body is seen to be the same."""
    found: Kept | None = getattr(request.state, "kept", None)
    return found


def note_body(request: Request, fingerprint: str | None) -> None:
    """Say what the body was, so that the answer is kept; None: it is not to be kept."""
    request.state.fingerprint = fingerprint


def makes_again(request: Request) -> None:
    """Say that the answer is made again for a repetition, from what is there then, and need not be kept.

    The repetition meets `kept_of`, whose `made` is what the first request was told to call what it makes.
    """
    request.state.is_made_again = True


async def refuse_other_body(data: AsyncIterator[bytes], fingerprint: str | None) -> None:
    """Read the bytes and keep none; IdempotencyMismatch if they are others."""
    found = hashlib.sha256()
    async for piece in data:
        found.update(piece)
    refuse_mismatch(fingerprint, found.hexdigest())


def replay(kept: Kept) -> Response:
    return Response(kept.body, kept.status, headers={**kept.headers, REPLAYED: "true"})


async def _answered(request: Request, handle: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        return await handle(request)
    except Problem as problem:
        return await on_problem(request, problem)
    except RequestValidationError as error:
        return await on_invalid(request, error)


def _kept(answer: Response, fingerprint: str, made: str | None) -> Kept:
    if made is not None:
        return Kept(status=answer.status_code, body=b"", headers={}, fingerprint=fingerprint, made=made)
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    return Kept(status=answer.status_code, body=bytes(answer.body), headers=headers, fingerprint=fingerprint)
