"""Each index that a version made, by its name, with its form: the server makes no other one of that name."""

import json
from pathlib import Path
from typing import Any

from services.adapters.mongo.indexes import INDEXES

FILE = Path(__file__).parent / "index_forms.json"
Form = dict[str, Any]


def kept() -> dict[str, Form]:
    """The forms that were kept, by `collection.name`."""
    found: dict[str, Form] = json.loads(FILE.read_text()) if FILE.is_file() else {}
    return found


def of_this_version() -> dict[str, Form]:
    """The forms of today, as they are written."""
    forms = {f"{of}.{index.document['name']}": _form(index.document) for of, all in INDEXES.items() for index in all}
    written: dict[str, Form] = json.loads(json.dumps(forms, default=str))
    return written


def keep() -> str:
    """Keep what is new; nothing that was kept is changed."""
    forms = of_this_version() | kept()
    FILE.write_text(json.dumps(dict(sorted(forms.items())), indent=1) + "\n")
    return f"{len(forms)} indexes in {FILE.name}"


def _form(document: Any) -> Form:
    return {"key": list(document["key"].items()), **{k: v for k, v in document.items() if k not in ("key", "name")}}
