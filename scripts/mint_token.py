"""Print a bearer token that the settings' JWT_SECRET signs: `python -m scripts.mint_token [--stack] --user alice`."""

from enum import StrEnum
from typing import Annotated

import typer

from app.config import Settings, StackSettings
from app.environment import settings_or_end
from scripts.settings import settings_of_command
from scripts.stack.layout import Layout
from services.adapters.jwt_tokens import LONGEST_USER, is_user, mint

MOST_HOURS = 87_600  # ten years


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


def mint_token(
    user: Annotated[str, typer.Option(help="Whose token.")] = "demo",
    role: Annotated[Role, typer.Option(help="An admin sees every session.")] = Role.USER,
    hours: Annotated[float, typer.Option(min=0.001, max=MOST_HOURS, help="How long it is valid.")] = 12.0,
    stack: Annotated[bool, typer.Option("--stack", help="For the local stack in STATE_DIR.")] = False,
) -> None:
    """Print a token that an API with these settings takes."""
    if not is_user(user):
        raise typer.BadParameter(f"a user is a text of 1 to {LONGEST_USER} characters", param_hint="--user")
    settings = _of_stack() if stack else settings_of_command()
    if settings.jwks_url or settings.jwt_secret is None:
        raise SystemExit("Tokens are signed here only where JWT_SECRET is set and JWKS_URL is not.")
    try:
        token = mint(
            settings.jwt_secret.get_secret_value(),
            user,
            admin=role is Role.ADMIN,
            seconds=int(hours * 3600),
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
        )
    except ValueError as trouble:
        raise SystemExit(f"{trouble}.") from None
    typer.echo(token)


def _of_stack() -> Settings:
    layout = Layout.at(settings_or_end(StackSettings).state_dir)
    if not layout.read_env():
        raise SystemExit(f"No stack was ever started in {layout.root}. Run `make up` first, or set STATE_DIR.")
    return Settings.told(layout.read_environment("api") or layout.read_env())


if __name__ == "__main__":
    typer.run(mint_token)
