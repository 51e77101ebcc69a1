"""Signs of life of the processes that take in RTP over UDP, in MongoDB, and whose turn their ports are."""

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import unhurried
from services.adapters.mongo.server_time import NOW, within
from services.adapters.mongo.tolerant import value_of
from services.calls.model import RtpReceiver

ALIVE_SECONDS = 10.0


class MongoRtpReceivers:
    """The port RtpReceivers on the collection `rtp_receivers`, which forgets a silent one after an hour."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._receivers = unhurried(database["rtp_receivers"])
        self._calls = database["calls"]

    @confirmed()
    async def seen(self, receiver: RtpReceiver) -> None:
        known = {"host": receiver.host, "first": receiver.first, "last": receiver.last, "seen_at": NOW}
        await self._receivers.update_one({"_id": receiver.name}, [{"$set": known}], upsert=True)

    @confirmed()
    async def gone(self, name: str) -> None:
        await self._receivers.delete_one({"_id": name})

    @confirmed()
    async def alive(self) -> list[RtpReceiver]:
        rows = self._receivers.find({"$expr": within("seen_at", ALIVE_SECONDS)})
        return [value_of(RtpReceiver, row, name=row["_id"]) async for row in rows]

    @confirmed()
    async def free(self, receiver: RtpReceiver, most: int) -> list[int]:
        places = receiver.places
        row = await self._receivers.find_one_and_update(
            {"_id": receiver.name}, {"$inc": {"turn": 1}}, return_document=ReturnDocument.AFTER
        )
        if row is None or not places:
            return []
        taken = {"slot": {"$gt": f"{receiver.name}:", "$lt": f"{receiver.name};"}}
        gone = {call["place"]["left"] async for call in self._calls.find(taken, {"place.left": True})}
        turn = row["turn"] % len(places)
        return [left for left in [*places[turn:], *places[:turn]] if left not in gone][:most]
