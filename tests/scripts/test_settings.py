"""What the settings lack, or only seem to say, is told by every command as by the processes: in a sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import typer
from structlog.testing import capture_logs
from structlog.typing import EventDict
from typer.testing import CliRunner

from app import rtp
from app.config import StackSettings
from scripts import cleanup, erasures, hear, keys, mint_token, verify_storage
from scripts.stack import up
from scripts.stack.errors import StackError
from scripts.stack.layout import Layout
from scripts.stack.stack import Stack

NO_DATABASE = "mongodb://127.0.0.1:9/?replicaSet=rs0&serverSelectionTimeoutMS=1"


def only(main: object) -> typer.Typer:
    app = typer.Typer()
    app.command()(main)  # type: ignore[type-var]
    return app


SIGN = {
    "cleanup": (only(cleanup.main), []),
    "verify_storage": (only(verify_storage.main), []),
    "erasures": (erasures.app, ["reapply"]),
}
ALL = {
    **SIGN,
    "keys": (keys.app, ["list"]),
    "mint_token": (only(mint_token.mint_token), []),
    "hear": (only(hear.main), [__file__]),
}


@pytest.fixture(autouse=True)
def logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[EventDict]]:
    for name, value in {"MONGODB_URL": NO_DATABASE, "KEYRING_DIR": str(tmp_path / "keys")}.items():
        monkeypatch.setenv(name, value)
    for module in ("scripts.settings", "app.rtp"):
        monkeypatch.setattr(f"{module}.configure_logs", lambda _: None)
    before = structlog.get_config()
    structlog.reset_defaults()
    with capture_logs() as found:
        yield found
    structlog.configure(**before)


@pytest.mark.parametrize("name", SIGN)
def test_a_command_that_has_no_key_for_receipts_ends_with_a_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECEIPT_KEYS", str(tmp_path / "none"))
    end = CliRunner().invoke(*SIGN[name])
    assert (end.exit_code, type(end.exception)) == (1, SystemExit)
    assert f"RECEIPT_KEYS: no key in {tmp_path / 'none'} signs" in end.output


def test_so_does_the_process_that_takes_calls_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RTP_PORTS", "40000-40003")
    monkeypatch.setenv("RECEIPT_KEYS", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="RECEIPT_KEYS: no key in"):
        rtp.main()


def test_so_does_a_stack_before_it_starts_anything(tmp_path: Path) -> None:
    given = {"RECEIPT_KEYS": str(tmp_path / "none"), "STATE_DIR": str(tmp_path / "state"), "PORT": "1024"}
    layout = Layout.at(tmp_path / "state")
    refused = pytest.raises(StackError, match=f"RECEIPT_KEYS: no key in {tmp_path / 'none'} signs")
    with layout.lock(), refused:
        Stack(StackSettings.told(given), layout).start()
    assert not layout.supervisor.exists()


@pytest.mark.parametrize("name", ALL)
def test_a_variable_that_looks_like_a_setting_is_warned_of(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, logs: list[EventDict]
) -> None:
    monkeypatch.setenv("FAILED_AUDIO_HOUR", "96")
    monkeypatch.setenv("SPEECH_ENGINE", "openai")
    monkeypatch.setenv("RECEIPT_KEYS", str(tmp_path / "none"))
    monkeypatch.delenv("KEYRING_DIR")  # so that none gets to work
    CliRunner().invoke(*ALL[name])
    warned = [(each["name"], each["meant"]) for each in logs if each["event"] == "unknown variable"]
    assert warned == [("FAILED_AUDIO_HOUR", "FAILED_AUDIO_HOURS")]


def test_make_up_says_so_where_its_log_is_not_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEASE_SECOND", "5")
    up.warn()
    assert capsys.readouterr().err == "LEASE_SECOND is no setting. Did you mean LEASE_SECONDS?\n"
