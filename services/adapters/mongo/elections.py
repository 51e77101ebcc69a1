"""The elections of the replica set, as the driver sees them."""

from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import Document
from services.interviews.ports import Election


class MongoElections:
    """The port Elections.

    The driver sends nothing to a primary before it has heard from which election that one came. A member
    that has undone writes has closed its connections, so it is heard anew.
    """

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._client = database.client

    def none_since(self, last: Election | None) -> bool:
        return last is not None and last == newest(self._client)


def newest(client: AsyncMongoClient[Any]) -> Election | None:
    """The newest election that the driver knows of; none behind mongos, and before the first call."""
    known = client.topology_description.max_election_id
    return None if known is None else Election(known)
