"""The OpenAPI document, put right where the framework writes of errors that look different from ours."""

import asyncio
import json
from typing import Any

from fastapi import FastAPI, Request, Response

from routes.errors import MEDIA_TYPE, ProblemOut
from routes.links import add_links

PROBLEM = {"$ref": "#/components/schemas/ProblemOut"}
FOREIGN = ("HTTPValidationError", "ValidationError")
INVALID = "`invalid_request`: The request is not valid; `errors` says where."


def install(app: FastAPI) -> None:
    """Serve the document in which every error is a problem; it is written once, as large as it is."""
    describe = app.openapi
    mended: dict[str, Any] = {}
    written: dict[str, bytes] = {}
    writing = asyncio.Lock()

    def openapi() -> dict[str, Any]:
        if not mended:
            mended.update(_mend(describe()))
        return mended

    def write(prefix: str) -> bytes:
        servers = {"servers": [{"url": prefix}]} if prefix else {}
        return json.dumps({**openapi(), **servers}, ensure_ascii=False, separators=(",", ":")).encode()

    async def document(request: Request) -> Response:
        prefix = request.scope.get("root_path", "").rstrip("/")
        async with writing:  # beside the loop: it takes a second and more
            if prefix not in written:
                written[prefix] = await asyncio.to_thread(write, prefix)
        return Response(written[prefix], media_type="application/json")

    app.openapi = openapi  # type: ignore[method-assign]
    app.add_api_route("/openapi.json", document, include_in_schema=False)


def _mend(document: dict[str, Any]) -> dict[str, Any]:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    _mend_answer(status, answer)
    add_links(document)
    schemas = document["components"]["schemas"]
    for name in FOREIGN:
        schemas.pop(name, None)
    schemas.setdefault("ProblemOut", ProblemOut.model_json_schema())
    return document


def _mend_answer(status: str, answer: dict[str, Any]) -> None:
    content = answer.get("content", {})
    shapes = [str(kind.get("schema", {}).get("$ref", "")).rpartition("/")[2] for kind in content.values()]
    if {"ProblemOut", *FOREIGN} & {*shapes}:
        answer["content"] = {MEDIA_TYPE: content.get(MEDIA_TYPE, {}) | {"schema": PROBLEM}}
    if status == "422" and INVALID not in answer["description"]:
        said = "" if answer["description"] == "Validation Error" else answer["description"]
        answer["description"] = f"{said} {INVALID}".strip()
