"""What operators did, in MongoDB: documents are inserted, and nothing here changes or removes one.

A deed is one document, what came of it another, whose id follows from the first's.
"""

from collections.abc import Mapping
from dataclasses import asdict

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.adapters.mongo.documents import Document
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.parts import create
from services.adapters.mongo.tolerant import value_of
from services.operations.ports.audit_log import Action, Deed, Entry, Outcome
from services.operations.ports.views import Place

BEGUN = "begun"
ENDED = "ended"
# A newer version may do what this one has no name for.
KNOWN = [action.value for action in Action]


class MongoAuditLog:
    """The port AuditLog on the collection `audit`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._audit = database["audit"]

    @confirmed()
    async def begin(self, deed: Deed) -> str:
        id = str(ObjectId())
        document = {**asdict(deed), "action": deed.action.value, "step": BEGUN}
        await create(self._audit, id, document, {})
        return id

    @confirmed()
    async def end(self, id: str, outcome: Outcome, after: Mapping[str, object]) -> None:
        document = {"outcome": outcome.value, "after": dict(after), "step": ENDED}
        try:
            await create(self._audit, end_of(id), document, {})
        except DuplicateKeyError:
            return

    @confirmed()
    async def page(self, before: Place | None, limit: int) -> list[Entry]:
        older = {"step": BEGUN, "action": {"$in": KNOWN}, **earlier("created_at", before)}
        rows = await self._audit.find(older, sort=[("created_at", -1), ("_id", -1)], limit=limit).to_list()
        ends = self._audit.find({"_id": {"$in": [end_of(row["_id"]) for row in rows]}})
        ended = {row["_id"]: row async for row in ends}
        return [_entry(row, ended.get(end_of(row["_id"]))) for row in rows]


def earlier(field: str, place: Place | None) -> Document:
    """A filter: what comes after this place where the newest comes first."""
    if place is None:
        return {}
    return {field: {"$lte": place.at}, "$or": [{field: {"$lt": place.at}}, {"_id": {"$lt": place.id}}]}


def end_of(id: str) -> str:
    return f"{id}/end"


def _entry(row: Document, end: Document | None) -> Entry:
    deed = value_of(Deed, row, action=Action(row["action"]))
    if end is None:
        return Entry(id=row["_id"], at=row["created_at"], deed=deed)
    outcome = Outcome(end["outcome"])
    return Entry(
        id=row["_id"], at=row["created_at"], deed=deed, outcome=outcome, ended_at=end["created_at"], after=end["after"]
    )
