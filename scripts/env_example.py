"""Print .env.example from the settings: `python -m scripts.env_example > .env.example`."""

from pathlib import Path

import typer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.config import Settings

HEAD = """\
# The settings of the API, the worker and the beat, each with its default.
# Copy this file to .env and set what differs; `docker compose up` reads it.
"""
REQUIRED = "jwt_secret"


def env_example() -> str:
    """The text of .env.example."""
    return HEAD + "".join(_entry(name, field) for name, field in Settings.model_fields.items())


def _entry(name: str, field: FieldInfo) -> str:
    setting = f"{name.upper()}={_shown(field.default)}"
    return f"\n# {field.description}\n" + (f"{setting}\n" if name == REQUIRED else f"# {setting}\n")


def _shown(default: object) -> str:
    if default is None or default is PydanticUndefined:
        return ""
    return str(default) if isinstance(default, str | int | float | Path) else repr(default)


if __name__ == "__main__":
    typer.echo(env_example(), nl=False)
