"""A token for the stack of a folder."""

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from scripts.mint_token import mint_token
from scripts.stack.layout import Layout
from services.adapters.jwt_tokens import JwtTokens

SECRET = "s" * 64


def run(*arguments: str) -> Result:
    app = Typer()
    app.command()(mint_token)
    return CliRunner().invoke(app, arguments)


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Layout:
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    return Layout.at(tmp_path)


async def test_the_token_speaks_for_the_user(state: Layout) -> None:
    state.write_env({"JWT_SECRET": SECRET})
    viewer = await JwtTokens(secret=SECRET).verify(run("--stack", "--user", "alice", "--role", "admin").stdout.strip())
    assert (viewer.user_id, viewer.is_admin) == ("alice", True)


async def test_nobody_is_an_admin_unasked(state: Layout) -> None:
    state.write_env({"JWT_SECRET": SECRET})
    viewer = await JwtTokens(secret=SECRET).verify(run("--stack").stdout.strip())
    assert (viewer.user_id, viewer.is_admin) == ("demo", False)


def test_without_a_stack_there_is_a_sentence() -> None:
    result = run("--stack")
    assert result.exit_code == 1
    assert "No stack was ever started" in str(result.exception)


async def test_without_a_stack_the_settings_sign_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"JWT_SECRET": SECRET, "JWT_AUDIENCE": "us", "JWT_ISSUER": "me"}.items():
        monkeypatch.setenv(name, value)
    tokens = JwtTokens(secret=SECRET, audience="us", issuer="me")
    assert (await tokens.verify(run("--user", "bob").stdout.strip())).user_id == "bob"


@pytest.mark.parametrize("given", [{}, {"JWT_SECRET": SECRET, "JWKS_URL": "https://id.example/keys"}])
def test_where_others_sign_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    for name in ("JWT_SECRET", "JWKS_URL"):
        monkeypatch.setenv(name, given.get(name, ""))
    result = run()
    assert (result.exit_code, "JWT_SECRET" in str(result.exception)) == (1, True)


@pytest.mark.parametrize("user", ["", "a" * 129, "\udcff"])
def test_a_name_that_no_api_takes_gets_no_token(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    result = run("--user", user)
    assert (result.exit_code, "1 to 128 characters" in result.stderr) == (2, True)


@pytest.mark.parametrize("hours", ["inf", "1e300", "nan", "0"])
def test_hours_that_no_clock_has_are_refused(hours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    result = run("--hours", hours)
    assert (result.exit_code, "--hours" in result.stderr) == (2, True)


def test_a_secret_that_is_too_short_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "short")
    result = run()
    assert (result.exit_code, "JWT_SECRET needs 32 bytes" in str(result.exception)) == (1, True)
