"""Signs of life of the workers, in MongoDB."""

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.server_time import NOW, literal, within
from services.adapters.mongo.tolerant import value_of
from services.recordings.ports.workers import WorkerSign

ALIVE_SECONDS = 15.0


class MongoWorkers:
    """The port Workers on the collection `workers`, which forgets a silent worker after an hour."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._workers = database["workers"]

    @confirmed()
    async def seen(self, sign: WorkerSign) -> None:
        what = {"engine": literal(sign.engine), "slots": sign.slots, "seen_at": NOW}
        await self._workers.update_one({"_id": sign.name}, [{"$set": what}], upsert=True)

    @confirmed()
    async def gone(self, name: str) -> None:
        await self._workers.delete_one({"_id": name})

    @confirmed()
    async def alive(self) -> list[WorkerSign]:
        rows = self._workers.find({"$expr": within("seen_at", ALIVE_SECONDS)})
        return [value_of(WorkerSign, row, name=row["_id"]) async for row in rows]
