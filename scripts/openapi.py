"""Write the API's document: `python -m scripts.openapi` keeps openapi.json as the clients are held to it."""

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from app.main import build
from routes.dependencies import Services

TARGET = Path(__file__).parent.parent / "openapi.json"


def document() -> str:
    """The document of all routes, in the order in which they are listed."""
    return json.dumps(build(_nothing).openapi(), indent=2, ensure_ascii=False) + "\n"


def _nothing() -> AbstractAsyncContextManager[Services]:
    raise RuntimeError("the document is made without services")


if __name__ == "__main__":
    TARGET.write_text(document())
