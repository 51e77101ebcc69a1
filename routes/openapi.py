"""The OpenAPI document, put right where the framework writes of errors that look different from ours."""

from typing import Any

from fastapi import FastAPI

from routes.errors import MEDIA_TYPE, ProblemOut
from routes.links import add_links

PROBLEM = {"$ref": "#/components/schemas/ProblemOut"}
FOREIGN = ("HTTPValidationError", "ValidationError")
INVALID = "`invalid_request`: The request is not valid; `errors` says where."


def install(app: FastAPI) -> None:
    """Serve the document in which every error is a problem."""
    describe = app.openapi
    mended: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not mended:
            mended.update(_mend(describe()))
        return mended

    app.openapi = openapi  # type: ignore[method-assign]


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
