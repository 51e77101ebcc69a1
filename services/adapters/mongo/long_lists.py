"""Lists of documents, of which many are made values of beside the loop: others have their turns meanwhile."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def each(rows: Sequence[Mapping[str, Any]], value: Callable[[Mapping[str, Any]], T], *, many: int) -> list[T]:
    """The value of each, in their order; of more than so many, in a thread."""

    def made() -> list[T]:
        return [value(row) for row in rows]

    return await asyncio.to_thread(made) if len(rows) > many else made()
