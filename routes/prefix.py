"""Paths where the API is served under a prefix, as behind a proxy that gives it a part of a site."""

from starlette.requests import Request
from starlette.types import Scope

UPLOADS = "/api/upload-answer/"
RESUMABLE = "/api/uploads"
MICROPHONE_TEST = "/api/microphone-test"
RECORDERS = ("/ws/audio/", "/voice-stream/", "/ws/calls/")
SLICES = ("/api/audio/upload-chunk", "/api/upload-audio-chunk", "/file/upload-chunk", "/upload-local-chunked")


def is_upload(scope: Scope) -> bool:
    """Whether a recording, or a piece of one, comes with this request."""
    if is_of_uploads(scope):
        return scope["method"] in ("POST", "PATCH")
    route = route_of(scope)
    return bool(scope["method"] == "POST") and (route.startswith(UPLOADS) or route in SLICES)


def is_of_uploads(scope: Scope) -> bool:
    """Whether it is about uploads that go on where they were cut off."""
    route = route_of(scope)
    return route == RESUMABLE or route.startswith(f"{RESUMABLE}/")


def route_of(scope: Scope) -> str:
    """The path that was asked for, without the prefix."""
    path: str = scope["path"]
    return path.removeprefix(_prefix(scope))


def here(request: Request, path: str) -> str:
    """A path of ours as the client must ask for it: with the prefix, and of whatever host it asked."""
    return f"{_prefix(request.scope)}{path}"


def _prefix(scope: Scope) -> str:
    prefix: str = scope.get("root_path", "")
    return prefix.rstrip("/")
