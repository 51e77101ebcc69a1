"""Which answers are the API's own: the rule of web/answers.js, for a client in Python.

An answer is the API's own only if its status, its media type and its shape are what the API gives. Anything else is a
portal, a firewall or a proxy: it says nothing about what was asked, and counts as a missing connection.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

import httpx2

Kind = Literal["string", "number", "boolean", "array", "object"]
Expected = Mapping[int, Mapping[str, Kind] | None]
"""By status: what a body has at least; None where there is none."""

PASSING = {408, 425, 429}
PASSING_CODES = {"idempotency_in_flight", "upload_truncated", "upload_stalled"}
REGISTERED = "https://iana.org/assignments/http-problem-types#"
PROBLEM: Mapping[str, Kind] = {"type": "string", "code": "string", "detail": "string", "status": "number"}


def answer_of(response: httpx2.Response, expected: Expected) -> dict[str, Any] | None:
    """What was asked for, if this is it."""
    shape = expected.get(response.status_code)
    if shape is None and response.status_code in expected:
        return None if response.content else {}
    body = _json(response)
    return body if shape is not None and _media(response) == "application/json" and _fits(body, shape) else None


def problem_of(response: httpx2.Response) -> dict[str, Any] | None:
    """The API's own problem details, if this is what they are."""
    body = _json(response)
    if _media(response) != "application/problem+json" or not response.is_error or not _fits(body, PROBLEM):
        return None
    is_own = body["type"].endswith(f"/problems/{body['code']}") or body["type"].startswith(REGISTERED)
    return body if is_own and body["status"] == response.status_code else None


def passes(response: httpx2.Response, problem: Mapping[str, Any]) -> bool:
    """Whether the same call may do better later."""
    is_passing = response.is_server_error or response.status_code in PASSING or problem["code"] in PASSING_CODES
    return is_passing or "Retry-After" in response.headers


def _media(response: httpx2.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _json(response: httpx2.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _fits(body: Any, shape: Mapping[str, Kind]) -> bool:
    return isinstance(body, dict) and all(_kind(body.get(name)) == kind for name, kind in shape.items())


def _kind(value: object) -> Kind | None:
    match value:
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return None
