"""Answers that may be kept and asked for again: 304 where nothing has changed, by the rules of RFC 9110."""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import Header, Response

PRIVATE = "private, no-cache"
_TAG = re.compile(r'(?:W/)?("[^"]*")')

IfNoneMatch = Annotated[str | None, Header(description="The ETag of the last answer: 304 if nothing has changed.")]
NOT_MODIFIED: dict[int | str, dict[str, object]] = {304: {"description": "Nothing has changed since that ETag."}}


def weak(*parts: object) -> str:
    """A tag of these parts, of which each changes with what it stands for."""
    return f'W/"{".".join(str(part) for part in parts)}"'


def marked(response: Response, etag: str, given: str | None, more: Mapping[str, str] | None = None) -> Response | None:
    """Mark an answer with its tag; what is sent in its place where the client has it already."""
    headers = {"ETag": etag, "Cache-Control": PRIVATE, **(more or {})}
    if _has(given, etag):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return None


def _has(given: str | None, etag: str) -> bool:
    """Whether one of the tags that were given is this one, whether weak or strong; `*` is any."""
    if given is None:
        return False
    return given.strip() == "*" or _TAG.sub(r"\1", etag) in _TAG.findall(given)
