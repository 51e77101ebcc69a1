"""What the settings make of the environment."""

import pytest

from app.config import Settings


@pytest.mark.parametrize(("key", "hosted"), [("", False), ("sk-1", True)])
def test_a_key_without_a_value_is_no_key(key: str, hosted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("SCORER_MODEL", "any")
    assert Settings().uses_hosted_scorer is hosted
