"""The interactive documentation, of files that come as a package and under the pages' policy: no script from elsewhere.

The package is not imported: only its files are served, and of them only those that are named here.
"""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

from routes.pages import POLICY, READ, file_of, page, policy
from services.errors import NotFound

router = APIRouter(include_in_schema=False)

PACKAGE = "fastapi_offline"
# What draws the document writes styles into it; scripts it takes from files alone, as every page.
STYLED = {"Content-Security-Policy": policy(POLICY | {"style-src": "'self' 'unsafe-inline'"})}
NAMES = frozenset({"swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js"})


@router.api_route("/docs", methods=READ)
async def swagger(request: Request) -> Response:
    """The OpenAPI document, to be tried out."""
    return await page("docs.html", request, STYLED)


@router.api_route("/redoc", methods=READ)
async def redoc(request: Request) -> Response:
    """The OpenAPI document, to be read."""
    return await page("redoc.html", request, STYLED)


@router.api_route("/reference/{name}", methods=READ)
async def reference_file(name: str, request: Request) -> Response:
    """A file that those pages are made of."""
    folder = _folder()
    if name not in NAMES or folder is None:
        raise NotFound("There is no such page.")
    return await file_of(StaticFiles(directory=folder), name, request)


def _folder() -> Path | None:
    spec = find_spec(PACKAGE)
    return Path(spec.submodule_search_locations[0]) / "static" if spec and spec.submodule_search_locations else None
