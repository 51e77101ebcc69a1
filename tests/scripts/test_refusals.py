"""Why MongoDB does not do it: each way has its own words, so that nobody restarts a server that only refuses."""

from pathlib import Path
from typing import Any

import pytest
import typer
from pymongo.errors import AutoReconnect, OperationFailure
from typer.testing import CliRunner

from scripts import cleanup, erasures, keys, verify_storage
from scripts.refusals import told
from services.errors import StoreUnavailable


def after(cause: Exception) -> StoreUnavailable:
    trouble = StoreUnavailable()
    trouble.__cause__ = cause
    return trouble


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (after(AutoReconnect("gone")), "did not answer"),
        (after(OperationFailure("Authentication failed.", 18)), "does not let us in. Correct the user, the password"),
        (after(OperationFailure("no space", 14031)), "disk is full"),
        (OperationFailure("not authorized", 13, {"codeName": "Unauthorized"}), "refused: Unauthorized. Check the righ"),
        (OperationFailure("bad hint", 2, {"codeName": "BadValue"}), "refused: BadValue. `python -m scripts.doctor`"),
    ],
)
def test_what_is_in_the_way_has_its_own_words(trouble: Any, said: str) -> None:
    assert said in told(trouble)


def test_a_wrong_password_is_called_that_by_every_command(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = mongodb_url.replace("mongodb://", "mongodb://nobody:wrong@", 1)
    for name, value in {"MONGODB_URL": url, "KEYRING_DIR": str(tmp_path / "keys")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("scripts.settings.configure_logs", lambda _: None)
    ends = [CliRunner().invoke(app, words) for app, words in ((keys.app, ["list"]), (erasures.app, ["reapply"]))]
    assert [(end.exit_code, "does not let us in" in end.stderr) for end in ends] == [(1, True), (1, True)]
    for main in (cleanup.main, verify_storage.main):
        with pytest.raises(typer.Exit):
            main()
        assert "does not let us in" in capsys.readouterr().err


@pytest.mark.parametrize("hours", ["inf", "1e300", "-1", "nan"])
def test_hours_that_no_time_has_are_refused(hours: str) -> None:
    app = typer.Typer()
    app.command()(cleanup.main)
    end = CliRunner().invoke(app, ["--hours", hours])
    assert (end.exit_code, "--hours" in end.stderr) == (2, True)


def test_a_journal_that_cannot_be_written_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def one(_: Path) -> int:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(erasures, "export", one)
    end = CliRunner().invoke(erasures.app, ["export", "/nowhere/journal"])
    assert (end.exit_code, "/nowhere/journal cannot be written: No such file" in end.stderr) == (2, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "s-1"}', "line 2 has no asked_at"),
        ("nonsense", "line 2: "),
        ('["a"]', "line 2: "),
        ('{"asked_at": "2026-01-01T00:00:00"}', "line 2: a time without its zone"),
    ],
)
def test_a_line_that_is_no_entry_of_a_journal_is_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "journal").write_text(f"\n{line}\n")
    end = CliRunner().invoke(erasures.app, ["apply", str(tmp_path / "journal")])
    assert (end.exit_code, said in " ".join(end.stderr.split())) == (2, True)
