"""`store` runs a test twice: on the fakes, and on a real mongod."""

import pytest

from tests.services.adapters.stores import Store, store_in_memory, store_on_mongo


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return store_in_memory()
    return store_on_mongo(request.getfixturevalue("database"))
