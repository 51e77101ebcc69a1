"""What is set, and where it came from."""

from collections.abc import Callable
from dataclasses import dataclass

from app.config import Settings
from app.values import shown


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the list; a secret's value is only that it is set."""

    name: str
    value: str
    source: str


def listed(settings: Settings, source: Callable[[str], str]) -> list[Setting]:
    """Every setting, those with their defaults too."""
    told = {name: shown(getattr(settings, name)) for name in type(settings).model_fields}
    return [
        Setting(name.upper(), "" if value == "None" else value, source(name.upper()) if is_set else "default")
        for name, value in told.items()
        for is_set in [name in settings.model_fields_set]
    ]
