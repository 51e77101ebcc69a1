"""Print the settings as a file or as a page.

python -m scripts.env_example > .env.example
python -m scripts.env_example --page > docs/configuration.md
"""

from pathlib import Path
from typing import Annotated, get_args

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from app.config import Settings, StackSettings

HEAD = """\
# The settings of the API, the worker and the beat, each with its default.
# Copy this file to .env and set what differs; `docker compose up` reads it.
"""
COMPOSE = """
# compose.yaml needs these two as well: the passwords of its MongoDB and its Valkey, of letters and digits.
MONGODB_PASSWORD=
REDIS_PASSWORD=
"""
PAGE_HEAD = """\
# Configuration

Every setting is an environment variable; there are no others, and no configuration files. `app/config.py` is the one
place that lists them. White space and line ends around a value are taken off; one that is empty is not set, unless its
line says what empty means. A process whose value cannot be used stops, with one sentence that names the variable; a
variable that is almost named like a setting is warned of. `make doctor` says what is set, and where it came from.

The least that production needs: `MONGODB_URL` (a replica set), `REDIS_URL`, `JWT_SECRET`, or `JWKS_URL` with
`JWT_AUDIENCE`, and `KEYRING_DIR` ([keys.md](keys.md)), or `ENCRYPT_RECORDINGS=0`. With `OPENAI_API_KEY`
set, speech goes to the hosted engine; without it, to the local one.
`OPENAI_BASE_URL` names any server that speaks the same API.

Timing rules: `OPENAI_TIMEOUT_SECONDS` stays below `LEASE_SECONDS`. An answer whose workers keep dying ends, `failed`,
after at most `MAX_DELIVERIES` times `LEASE_SECONDS`, plus the sweeps between them.

Options of `MONGODB_URL` that say where is read and how writes are confirmed (`readPreference` and its like,
`readConcernLevel`, `w`, `journal`, `wTimeoutMS`, `retryWrites`, `retryReads`) are not heeded, with a warning in the
log: what is read decides what is deleted, so it is read from the primary, and every promise rests on writes that a
majority has.

Behind a proxy, set `FORWARDED_ALLOW_IPS` to its address (docs/limits.md), or every client has the proxy's address;
let the proxy pass request bodies on as they arrive, and set its own deadlines for slow headers.
"""
STACK_HEAD = "\n## The local stack (`make up`, `make demo`)\n\nIt passes on all settings above, and reads these.\n"
REQUIRED = "jwt_secret"


def env_example() -> str:
    """The text of .env.example."""
    return HEAD + "".join(_entry(name, field) for name, field in Settings.model_fields.items()) + COMPOSE


def configuration_page() -> str:
    """The text of docs/configuration.md."""
    return PAGE_HEAD + _table(Settings) + STACK_HEAD + _table(StackSettings)


def _entry(name: str, field: FieldInfo) -> str:
    setting = f"{name.upper()}={_shown(field.default)}"
    return f"\n# {field.description}\n" + (f"{setting}\n" if name == REQUIRED else f"# {setting}\n")


def _table(settings: type[BaseSettings]) -> str:
    rows = (
        f"| `{name.upper()}` | {_cell(_shown(field.default))} | {_bounds(field)} | {field.description} |\n"
        for name, field in settings.model_fields.items()
    )
    return "\n| variable | default | from – to | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _cell(text: str) -> str:
    return f"`{text}`" if text else "–"


def _bounds(field: FieldInfo) -> str:
    """The least and the largest number, or the words that may be chosen."""
    if choices := [choice for choice in get_args(field.annotation) if isinstance(choice, str)]:
        return ", ".join(f"`{choice}`" for choice in choices)
    ends = [getattr(each, end) for end in ("ge", "gt", "lt", "le") for each in field.metadata if hasattr(each, end)]
    return " – ".join(f"{end:,.10g}" for end in ends)


def _shown(default: object) -> str:
    if default is None or default is PydanticUndefined or isinstance(default, SecretStr):
        return ""
    return str(default) if isinstance(default, str | int | float | Path) else repr(default)


def main(page: Annotated[bool, typer.Option("--page", help="The page, not the file.")] = False) -> None:
    """Print .env.example, or docs/configuration.md."""
    typer.echo(configuration_page() if page else env_example(), nl=False)


if __name__ == "__main__":
    typer.run(main)
