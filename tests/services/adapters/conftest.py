"""`house` runs a test twice: on the fakes, and on a real mongod."""

import pytest

from tests.services.adapters.stores import House, house_in_memory, house_on_mongo


@pytest.fixture(params=["memory", "mongo"])
def house(request: pytest.FixtureRequest) -> House:
    if request.param == "memory":
        return house_in_memory()
    return house_on_mongo(request.getfixturevalue("database"))
