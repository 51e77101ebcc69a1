"""The collection of parts, and how one of its records is changed: in one write, or not at all."""

from collections.abc import Mapping
from typing import Any, cast

from pymongo import ReturnDocument, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import WITHOUT_TRANSCRIPT, Document, part_of
from services.adapters.mongo.server_time import NOW, raised
from services.interviews.model import LIVE, Part, PartState, sources

LIVE_STATES = sorted(state.value for state in LIVE)
PENDING_STATES = [PartState.QUEUED.value, PartState.PROCESSING.value]

MOST_AT_ONCE = 200


def parts_of(database: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return database["parts"]


def unhurried(collection: AsyncCollection[Document]) -> AsyncCollection[Document]:
    """For writes that are repeated, or missed by nobody, should a failover undo them: no majority is waited for."""
    return collection.with_options(write_concern=WriteConcern(w=1))


def may(to: PartState, *states: PartState) -> Document:
    """A filter: in one of these states, and the table of moves lets it go on from there."""
    return {"state": {"$in": [state.value for state in states if state in sources(to)]}}


def ended(state: PartState) -> Document:
    """What is written whenever a part ends."""
    return {"state": state.value, "completed_at": NOW, "settled": False}


def waiting_again(*, due: Any = NOW, rung: Any = None) -> Document:
    """What is written when a part goes back to the queue; who worked on it is shut out."""
    return {
        "state": PartState.QUEUED.value,
        "queued_at": NOW,
        "not_before": due,
        "rung_at": rung,
        "owner": None,
        "fence": raised("fence"),
    }


async def create(collection: AsyncCollection[Document], id: str, document: Document, times: Document) -> Document:
    """Keep a new document with times of the server; DuplicateKeyError if the id is taken."""
    values = {name: {"$literal": value} for name, value in document.items()}
    row = await collection.find_one_and_update(
        {"_id": id, "created_at": {"$exists": False}},
        [{"$set": {**values, "created_at": NOW, **times}}],
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    return cast(Document, row)


async def change(parts: AsyncCollection[Document], where: Mapping[str, Any], what: Document) -> Part | None:
    """Write where the filter holds, and raise rev; None where it does not hold."""
    row = await parts.find_one_and_update(
        where,
        [{"$set": {"rev": raised("rev"), **what}}],
        projection=WITHOUT_TRANSCRIPT,
        return_document=ReturnDocument.AFTER,
    )
    return None if row is None else part_of(row)


async def change_each(parts: AsyncCollection[Document], where: Document, what: Document) -> list[Part]:
    """Change what the filter finds, one by one; who moved on meanwhile is left alone."""
    found = await parts.find(where, {"_id": True}, limit=MOST_AT_ONCE).to_list()
    changed = [await change(parts, {**where, "_id": row["_id"]}, what) for row in found]
    return [part for part in changed if part is not None]
