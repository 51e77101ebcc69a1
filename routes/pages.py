"""What people see: the demo page, the dashboard, and the files that both are made of."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from routes.dependencies import Needs, Services, address_of, bearer
from services.errors import NotFound, Unauthenticated
from services.interviews.model import UserId

router = APIRouter(include_in_schema=False)

FILES = StaticFiles(directory=Path(__file__).resolve().parents[1] / "web", check_dir=False)
READ = ["GET", "HEAD"]
GUEST = "guest-"

# Some systems map these to types with which a browser runs no module.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",
}


def policy(sources: Mapping[str, str]) -> str:
    return "; ".join(f"{of} {those}" for of, those in sources.items())


POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": policy(POLICY),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # kept, and asked for again with its ETag: names do not change with content
}


class TokenOut(BaseModel):
    """A token for the demo page, whose it is, and how long its recordings may be."""

    token: str
    expires_in: int
    user_id: str
    longest_seconds: float


@router.api_route("/", methods=READ)
async def demo_page(request: Request, services: Needs) -> Response:
    """The demo page, where the local stack shows it."""
    if services.guests is None:
        raise NotFound("This API shows no demo page; DEMO_PAGE=true with JWT_SECRET would.")
    return await page("index.html", request)


@router.api_route("/admin", methods=READ)
async def dashboard(request: Request) -> Response:
    """The operators' dashboard; what it shows takes an admin's token."""
    return await page("admin.html", request)


@router.api_route("/web/{path:path}", methods=READ)
async def web_file(path: str, request: Request) -> Response:
    """A file of the folder `web/`, and of no other."""
    return await page(path, request)


@router.post("/local/token")
async def guest_token(
    request: Request,
    response: Response,
    services: Needs,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> TokenOut:
    """A token for the demo page: of a new user, or a fresh one for the guest who sends one that is still valid."""
    await services.admission.address(address_of(request))
    if services.guests is None:
        raise NotFound
    user = await _guest(services, credentials) or UserId(f"{GUEST}{uuid.uuid4().hex}")
    response.headers["Cache-Control"] = "no-store"
    guests = services.guests
    return TokenOut(
        token=guests.mint(user), expires_in=guests.seconds, user_id=user, longest_seconds=guests.longest_seconds
    )


async def _guest(services: Services, credentials: HTTPAuthorizationCredentials | None) -> UserId | None:
    if credentials is None:
        return None
    try:
        viewer = await services.tokens.verify(credentials.credentials)
    except Unauthenticated:
        return None
    return viewer.user_id if viewer.user_id.startswith(GUEST) else None


async def page(path: str, request: Request, more: Mapping[str, str] | None = None) -> Response:
    """A file of the folder `web/`; NotFound."""
    response = await file_of(FILES, path, request)
    response.headers.update(more or {})
    return response


async def file_of(files: StaticFiles, path: str, request: Request) -> Response:
    """A file under the pages' policy; NotFound."""
    try:
        response = await files.get_response(path, request.scope)
    except (HTTPException, ValueError):  # a name with a zero in it is no name
        raise NotFound("There is no such page.") from None
    response.headers.update(HEADERS)
    if response.status_code == 200:
        response.headers["Content-Type"] = TYPES.get(Path(path).suffix, response.headers["Content-Type"])
    return response
