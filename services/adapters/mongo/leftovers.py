"""What the collections beside sessions and recordings hold of a session or a user: one table, collection by collection.

Entries of the audit log stay, and lose what could name a person: ids that a client chose, reasons, what was looked for.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collation import Collation

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.indexes import ANY_CASE
from services.interviews.erasable import OfSession, OfUser, Subject

SHORTEST_SOUGHT = 3
STAYS = ["session_id", "file_id", "take", "dry_run"]
IMPERSONAL = {"$filter": {"input": {"$objectToArray": "$on"}, "cond": {"$in": ["$$this.k", STAYS]}}}
NOTHING_PERSONAL = {"reason": None, "on": {"$arrayToObject": IMPERSONAL}, "redacted": True}


@dataclass(frozen=True, slots=True)
class Kept:
    """Documents that go, or, where `instead` says what they become, stay without what is personal."""

    name: str
    collection: AsyncCollection[Document]
    where: Document
    instead: list[Document] | None = None
    any_case: bool = False

    async def count(self) -> int:
        return await self.collection.count_documents(self.where, **self._more())

    async def let_go(self) -> None:
        if self.instead is None:
            await self.collection.delete_many(self.where, **self._more())
        else:
            await self.collection.update_many(self.where, self.instead, **self._more())

    def _more(self) -> dict[str, Any]:
        return {"collation": Collation(**ANY_CASE)} if self.any_case else {}


class MongoLeftovers:
    """The port Erasable on the collections of webhooks, replays, tickets, calls, usage and the audit log."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database

    @confirmed()
    async def found(self, subject: Subject) -> Mapping[str, int]:
        kept = await self._kept(subject)
        counts = await asyncio.gather(*(each.count() for each in kept))
        return {each.name: count for each, count in zip(kept, counts, strict=True) if count}

    @confirmed()
    async def erase(self, subject: Subject) -> int:
        for each in await self._kept(subject):
            await each.let_go()
        return sum((await self.found(subject)).values())

    async def _kept(self, subject: Subject) -> list[Kept]:
        if isinstance(subject, OfUser):
            return await self._of_user(subject)
        return self._of_session(subject)

    def _of_session(self, subject: OfSession) -> list[Kept]:
        id, user = subject.session_id, subject.user_id
        kept = [
            self._all("deliveries", "webhook_deliveries", {"data.session_id": id}),
            self._all("replays", "replays", {"session_id": id}),
            self._all("tickets", "tickets", {"session_id": id}),
            self._all("utterances", "utterances", {"session_id": id}),
            self._all("calls", "calls", {"session_id": id}),
            self._redacted("audit", {"on.session_id": id, "redacted": None}),
            *self._sought(subject.title),
        ]
        if user is None:
            return kept
        # As versions wrote them that did not note the session.
        path = {"$regex": f"/{re.escape(id)}(/|$)"}
        older = {"user_id": user, "session_id": None, "$or": [{"path": path}, {"made_id": id}]}
        return [*kept, self._all("older_replays", "replays", older), self._usage(subject)]

    async def _of_user(self, subject: OfUser) -> list[Kept]:
        """Who has sessions that stay for now, held ones or later ones, keeps what belongs to those."""
        until = {"$lte": subject.until}
        own = {"user_id": subject.user_id, "created_at": until}
        sessions = self._database["interview_sessions"]
        stays = await sessions.find_one({"user_id": subject.user_id}, {"_id": True}) is not None
        chain = {"_id": subject.user_id, "$or": [{"created_at": until}, {"created_at": None}]}
        webhooks = [row["_id"] async for row in self._database["webhooks"].find(own, {"_id": True})]
        return [
            # Before their webhooks, by which they are found.
            self._all("deliveries", "webhook_deliveries", {"webhook_id": {"$in": webhooks}}),
            self._all("webhooks", "webhooks", own),
            self._all("replays", "replays", own),
            self._all("tickets", "tickets", {"user_id": subject.user_id, "issued_at": until}),
            # What each session took of it is given back with that.
            *([] if stays else [self._all("usage", "usage", {"_id": subject.user_id})]),
            self._all("receipt_chains", "receipt_chains", chain if stays else {"_id": subject.user_id}),
            self._redacted("audit", {"on.user_id": subject.user_id, "redacted": None}),
            *self._sought(subject.user_id),
        ]

    def _all(self, name: str, collection: str, where: Document) -> Kept:
        return Kept(name, self._database[collection], where)

    def _redacted(self, name: str, where: Document, *, any_case: bool = False) -> Kept:
        whole = [{"$set": NOTHING_PERSONAL}]
        return Kept(name, self._database["audit"], where, whole, any_case=any_case)

    def _sought(self, text: str | None) -> list[Kept]:
        """Where operators looked for it by its beginning."""
        if not text:
            return []
        beginnings = [text[:length] for length in range(SHORTEST_SOUGHT, len(text) + 1)] or [text]
        return [self._redacted("sought", {"on.sought": {"$in": beginnings}}, any_case=True)]

    def _usage(self, subject: OfSession) -> Kept:
        """What was counted of it is given back, once."""
        uncounted = {"_id": subject.user_id, "given_back": {"$ne": subject.erasure}}
        size = {"$max": [0, {"$subtract": ["$bytes", subject.size]}]}
        less = {"bytes": size, "sessions": {"$max": [0, {"$subtract": ["$sessions", 1]}]}}
        known = {"$concatArrays": [{"$ifNull": ["$given_back", []]}, [subject.erasure]]}
        what = {**less, "given_back": {"$slice": [known, -MOST_GIVEN_BACK]}}
        return Kept("usage", self._database["usage"], uncounted, [{"$set": what}])


# Long after these have been given back, nobody asks again.
MOST_GIVEN_BACK = 1000
