"""The environment, as settings are read from it: the one place that looks at it."""

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Self, TypeVar

from pydantic import SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from app.values import plain

ALIKE = 0.8
# Read by the programs and drivers that we run, and named almost as a setting of ours.
ELSEWHERE = frozenset({"OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_WEBHOOK_SECRET"})


class FromEnvironment(BaseSettings):
    """Settings that are told without the white space around them; what is empty is not set."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, hide_input_in_errors=True)
    empty_says_something: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def told(cls, given: Mapping[str, str]) -> Self:
        """The settings of these variables alone, whatever the environment holds."""
        known: dict[str, Any] = {
            name.lower(): value for name, value in given.items() if name.lower() in cls.model_fields
        }
        return cls(_env_prefix="not of the environment: ", **known)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_not_set(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name in cls.empty_says_something or not _empty(value)}

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        return plain(value)


Kind = TypeVar("Kind", bound=FromEnvironment)


def settings_or_end(kind: type[Kind]) -> Kind:
    """The settings of the environment; the process ends, with a sentence for each variable that cannot be used."""
    try:
        return kind()
    except ValidationError as trouble:
        raise SystemExit("\n".join(sentences(trouble))) from None


def sentences(trouble: ValidationError) -> list[str]:
    """What cannot be used, each as a sentence that names the variable, and that shows no value of a secret."""
    return [_sentence(each["loc"], each["msg"]) for each in trouble.errors()]


def variables() -> dict[str, str]:
    """The variables of the environment that are not empty."""
    return {name.upper(): value for name, value in EnvSettingsSource(BaseSettings).env_vars.items() if value}


def set_for_children(name: str, value: str) -> None:
    """A variable that the processes find which this one starts."""
    os.environ[name] = value  # noqa: TID251


def strangers(*kinds: type[FromEnvironment], given: Iterable[str] | None = None) -> dict[str, str]:
    """The variables that are no settings, but look like one that was meant, each with the nearest setting."""
    known = {name.upper() for kind in kinds for name in kind.model_fields}
    unknown = sorted(set(variables() if given is None else given) - known - ELSEWHERE)
    return {name: near[0] for name in unknown if (near := get_close_matches(name, known, 1, ALIKE))}


def _sentence(place: tuple[int | str, ...], said: str) -> str:
    said = said.removeprefix("Value error, ").replace("Input should be", "must be", 1)
    return " ".join([*(str(name).upper() for name in place[:1]), said]).rstrip(".") + "."


def _empty(value: object) -> bool:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return isinstance(text, str) and not text.strip()
