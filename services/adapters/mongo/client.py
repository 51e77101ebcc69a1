"""The connection to MongoDB."""

from pymongo import AsyncMongoClient

from services.adapters.mongo.documents import Document


def open_client(url: str, name: str = "") -> AsyncMongoClient[Document]:
    """A client whose writes are confirmed by a majority; it belongs to the loop that uses it first.

    The database's own logs and tools show it under `viva-voce-<name>`.
    """
    return AsyncMongoClient(
        url,
        appname=f"viva-voce-{name}" if name else "viva-voce",
        tz_aware=True,
        w="majority",
        wTimeoutMS=10_000,
        journal=True,
        retryWrites=True,
        retryReads=True,
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        maxPoolSize=100,
    )
