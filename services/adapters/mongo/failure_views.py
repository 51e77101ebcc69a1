"""What failed, for the operators, page by page."""

import asyncio
from collections.abc import Iterable

from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.audit_log import earlier
from services.adapters.mongo.documents import WITHOUT_TRANSCRIPT, Document, part_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.interventions import NOT_ACCEPTED
from services.adapters.mongo.parts import parts_of
from services.adapters.mongo.session_views import MOST_COUNTED, between
from services.interviews.model import PartState
from services.operations.ports.views import Ended, FailureFilter, FailurePage, Place, Total

NEWEST_FIRST = [("completed_at", -1), ("_id", -1)]


class FailureViews:
    """That half of the port Views which tells of failures."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._parts = parts_of(database)

    @confirmed()
    async def failed(self, wanted: FailureFilter, before: Place | None, limit: int) -> FailurePage:
        where = _wanted(wanted)
        older = {"$and": [where, earlier("completed_at", before)]}
        found = self._parts.find(older, WITHOUT_TRANSCRIPT, sort=NEWEST_FIRST, limit=limit + 1).to_list()
        rows, total = await asyncio.gather(found, self._failed_in_all(wanted, where))
        page, more = rows[:limit], rows[limit:]
        ended = [each for each in await self._ended(page) if each.can_retry or not wanted.can_retry]
        next = Place(page[-1]["completed_at"], page[-1]["_id"]) if more else None
        return FailurePage(failed=ended, next=next, total=total)

    async def _failed_in_all(self, wanted: FailureFilter, where: Document) -> Total | None:
        """Not told of those that can be retried: which those are is known of a page alone."""
        if wanted.can_retry:
            return None
        number = await self._parts.count_documents(where, limit=MOST_COUNTED + 1)
        return Total(min(number, MOST_COUNTED), number <= MOST_COUNTED)

    async def _ended(self, rows: list[Document]) -> list[Ended]:
        newest = await self._newest({row["session_id"] for row in rows})
        return [
            Ended(part=part_of(row), is_newest=newest[row["session_id"], row["question_id"]] == row["take"])
            for row in rows
        ]

    async def _newest(self, sessions: Iterable[str]) -> dict[tuple[str, str], int]:
        accepted = {"session_id": {"$in": sorted(sessions)}, "state": {"$nin": NOT_ACCEPTED}}
        rows = self._parts.find(accepted, {"session_id": True, "question_id": True, "take": True}, sort=[("take", 1)])
        return {(row["session_id"], row["question_id"]): row["take"] async for row in rows}


def _wanted(wanted: FailureFilter) -> Document:
    where: Document = {"state": PartState.FAILED.value, **between("completed_at", wanted.since, wanted.until)}
    if wanted.code is not None:
        where["failure.code"] = wanted.code
    if wanted.user_id is not None:
        where["user_id"] = wanted.user_id
    if wanted.can_retry:
        where["keep_audio"] = True
    return where
