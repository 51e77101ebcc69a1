"""Without a browser the tests of this folder fail, and say what to install."""

from pathlib import Path

import pytest

from tests.browser.chromium import NoBrowser, find_chromium


def test_the_browser_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = tmp_path / "chrome"
    named.touch()
    monkeypatch.setenv("CHROMIUM", str(named))
    assert find_chromium(print) == named


def test_a_named_browser_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")
    with pytest.raises(NoBrowser, match="CHROMIUM names /nowhere/chrome"):
        find_chromium(print)


def test_where_there_is_none_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoBrowser, match="apt-get install chromium"):
        find_chromium(print)
