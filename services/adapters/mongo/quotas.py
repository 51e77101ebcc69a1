"""How much each user has stored, in MongoDB: one document for each."""

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.interviews.model import UserId


class MongoQuotas:
    """The port Quotas on the collection `usage`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._usage = database["usage"]

    @confirmed()
    async def take(self, user_id: UserId, size: int, most: int) -> bool:
        fits = {"_id": user_id, "bytes": {"$lte": most - size}}
        while size <= most:
            try:
                await self._usage.update_one(fits, {"$inc": {"bytes": size, "sessions": 1}}, upsert=True)
            except DuplicateKeyError:  # there is one that is full, or that was made just now
                if await self._usage.find_one(fits, {"_id": True}) is None:
                    return False
            else:
                return True
        return False

    @confirmed()
    async def give_back(self, user_id: UserId, size: int) -> None:
        await self._usage.update_one({"_id": user_id}, {"$inc": {"bytes": -size, "sessions": -1}})
