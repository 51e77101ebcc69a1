"""What the database says of a call that it refuses holds what it was asked; none of that goes any further."""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, CursorNotFound, OperationFailure, WriteError

from services.adapters.mongo.driver_errors import confirmed
from services.errors import StoreUnavailable

Things = AsyncCollection[dict[str, Any]]
REFUSED: Mapping[str, Callable[[Things], Awaitable[object]]] = {
    "ConversionFailure": lambda things: things.find_one_and_update({}, [{"$set": {"n": {"$toInt": "planted"}}}]),
    "DuplicateKeyError": lambda things: things.insert_one({"_id": "planted"}),
    "BulkWriteError": lambda things: things.insert_many([{"_id": "planted"}]),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_an_error_tells_what_it_is_and_nothing_of_what_was_asked(
    name: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    things = database["things"]
    await things.insert_one({"_id": "planted"})
    with pytest.raises(OperationFailure, match=name) as refusal:
        async with confirmed():
            await REFUSED[name](things)
    assert refusal.value.code
    told = "".join(traceback.format_exception(refusal.value))
    assert "planted" not in "\n".join(line for line in told.splitlines() if not line.startswith("    "))
    assert "await REFUSED[name](things)" in told, "where it was refused is still to be seen"


FULL: dict[str, Any] = {"index": 0, "code": 8, "errmsg": "28: No space left on device"}  # as mongod 6 says it
ODD: dict[str, Any] = FULL | {"errmsg": "something else that it does not know"}


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (WriteError(FULL["errmsg"], 8, FULL), StoreUnavailable),
        (OperationFailure(FULL["errmsg"], 8, FULL), StoreUnavailable),
        (OperationFailure("full", 14031, {"code": 14031}), StoreUnavailable),
        (BulkWriteError({"writeErrors": [FULL, FULL], "writeConcernErrors": []}), StoreUnavailable),
        (BulkWriteError({"writeErrors": [FULL, ODD], "writeConcernErrors": []}), OperationFailure),
        (WriteError(ODD["errmsg"], 8, ODD), OperationFailure),
        (OperationFailure("full", 8), OperationFailure),
    ],
)
async def test_a_disk_that_takes_nothing_passes_and_is_no_fault_of_ours(
    trouble: OperationFailure, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        async with confirmed():
            raise trouble


async def test_what_was_being_read_as_the_database_began_anew_is_read_again() -> None:
    with pytest.raises(StoreUnavailable):
        async with confirmed():
            raise CursorNotFound("cursor id 7 not found", 43)
