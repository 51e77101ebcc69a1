"""Print a bearer token for the stack in STATE_DIR: `python -m scripts.mint_token --user alice`."""

from enum import StrEnum
from typing import Annotated

import typer

from app.config import StackSettings
from app.environment import settings_or_end
from scripts.stack.layout import Layout
from services.adapters.jwt_tokens import mint


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


def mint_token(
    user: Annotated[str, typer.Option(help="Whose token.")] = "demo",
    role: Annotated[Role, typer.Option(help="An admin sees every session.")] = Role.USER,
    hours: Annotated[float, typer.Option(min=0.001, help="How long it is valid.")] = 12.0,
) -> None:
    """Print a token that the stack in STATE_DIR takes."""
    layout = Layout.at(settings_or_end(StackSettings).state_dir)
    secret = layout.read_env().get("JWT_SECRET")
    if not secret:
        typer.echo(f"No stack was ever started in {layout.root}. Run `make up` first, or set STATE_DIR.", err=True)
        raise typer.Exit(1)
    typer.echo(mint(secret, user, admin=role is Role.ADMIN, seconds=int(hours * 3600)))


if __name__ == "__main__":
    typer.run(mint_token)
