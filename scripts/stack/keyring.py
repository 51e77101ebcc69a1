"""Whether a stack's keyring is the one that its database was sealed with."""

import asyncio
from collections.abc import Mapping

from pymongo.errors import PyMongoError

from app.config import Settings
from app.keys import key_store
from services.adapters.mongo.client import open_client, without_ours
from services.errors import StoreUnavailable


def keyring_trouble(environment: Mapping[str, str]) -> str | None:
    """What is wrong with it, which does not pass by itself; None where nothing is, or MongoDB does not answer.

    Nothing is logged: what of MONGODB_URL is not heeded, the processes themselves say.
    """
    try:
        return asyncio.run(_trouble(Settings.told(environment)))
    except (StoreUnavailable, PyMongoError):
        return None


async def _trouble(settings: Settings) -> str | None:
    address, _ = without_ours(settings.mongodb_url)
    async with open_client(address, "stack") as client:
        epochs = key_store(settings, client[settings.mongodb_database]).epochs
        return None if epochs is None else await epochs.obstacle()
