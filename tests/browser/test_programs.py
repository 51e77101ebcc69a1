"""Without a browser the tests of this folder fail, and say what to install."""

from pathlib import Path

import pytest

from tests.browser.programs import CHROMIUM, FIREFOX, PULSEAUDIO, NoProgram, Wanted

every_program = pytest.mark.parametrize("wanted", [CHROMIUM, FIREFOX, PULSEAUDIO], ids=lambda wanted: wanted.setting)


@every_program
def test_the_program_that_is_named_is_taken(wanted: Wanted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = tmp_path / "named"
    named.touch()
    monkeypatch.setenv(wanted.setting.upper(), str(named))
    assert wanted.find(print) == named


@every_program
def test_a_named_program_that_is_not_there_is_an_error(wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = wanted.setting.upper()
    monkeypatch.setenv(variable, "/nowhere/named")
    with pytest.raises(NoProgram, match=f"{variable} names /nowhere/named"):
        wanted.find(print)


@every_program
def test_where_there_is_none_it_says_what_to_install(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(wanted.setting.upper(), raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoProgram, match=f"apt-get install {wanted.packages[0]}"):
        wanted.find(print)
