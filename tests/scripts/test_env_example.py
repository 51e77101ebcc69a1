"""The settings as they are shown to people."""

import re

from app.config import Settings
from scripts.env_example import configuration_page, env_example
from scripts.stack.layout import ROOT


def test_the_file_is_what_the_settings_say() -> None:
    assert (ROOT / ".env.example").read_text() == env_example()


def test_every_setting_is_in_it_with_what_it_means() -> None:
    text = env_example()
    for name, field in Settings.model_fields.items():
        assert f"{name.upper()}=" in text
        assert field.description
        assert f"# {field.description}\n" in text


def test_no_secret_has_a_value() -> None:
    lines = [line for line in env_example().splitlines() if "SECRET=" in line or "KEY=" in line or "PASSWORD=" in line]
    assert lines
    assert all(line.endswith("=") for line in lines)


def test_the_page_is_what_the_settings_say() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == configuration_page()


def test_what_compose_cannot_do_without_is_in_it() -> None:
    needed = re.findall(r"\$\{(\w+):\?set \1 in \.env, of letters", (ROOT / "compose.yaml").read_text())
    assert set(needed) == {"MONGODB_PASSWORD", "REDIS_PASSWORD"}
    assert all(f"\n{name}=\n" in env_example() for name in needed)
