"""Reading what another version wrote: while a service is updated, older and newer processes share the documents."""

from collections.abc import Iterable, Mapping
from dataclasses import Field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar


class Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


T = TypeVar("T", bound=Dataclass)
E = TypeVar("E", bound=StrEnum)


def value_of(kind: type[T], row: Mapping[str, Any], **given: Any) -> T:
    """A dataclass, from what is given and else from the row's fields of the same names.

    What the row has beyond them is ignored; what it lacks takes the dataclass's default.
    """
    found = {name: row[name] for name in kind.__dataclass_fields__.keys() & row.keys()}
    return kind(**{**found, **given})


def known(kind: type[E], words: Iterable[str]) -> tuple[E, ...]:
    """Those of the words that this version knows."""
    values = {member.value: member for member in kind}
    return tuple(values[word] for word in words if word in values)
