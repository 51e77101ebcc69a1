"""Bodies that are bounded before they are looked at, so that a small one cannot make much work or a large refusal."""

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, model_validator

FIELDS_BESIDE = 4


class Bounded(BaseModel):
    """A JSON object of a request; what it has no field for is refused, and many such fields unread."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, data: Any) -> Any:
        most = len(cls.model_fields) + FIELDS_BESIDE
        if isinstance(data, dict) and len(data) > most:
            raise ValueError(f"this has {len(data)} fields; it may have {', '.join(cls.model_fields)}")
        return data


def at_most(number: int) -> BeforeValidator:
    """A list of at most so many; a longer one is refused before its items are looked at."""

    def check(data: Any) -> Any:
        if isinstance(data, list) and len(data) > number:
            raise ValueError(f"this has {len(data)} items; at most {number} are allowed")
        return data

    return BeforeValidator(check)


FIRST_FAULT = FailFast()
