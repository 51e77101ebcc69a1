"""The events of sessions, read from the sessions' documents."""

from collections.abc import Collection

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from services.adapters.mongo.documents import Document, session_of
from services.adapters.mongo.driver_errors import confirmed
from services.adapters.mongo.event_log import events_of, told_after
from services.adapters.mongo.sessions import missing, visible
from services.events.ports import News
from services.interviews.model import SessionId, Viewer


class MongoEvents:
    """The port Events on the collection `interview_sessions`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        # What a failover may yet undo is not told: its number would be given again.
        self._sessions = database["interview_sessions"].with_options(read_concern=ReadConcern("majority"))

    @confirmed()
    async def after(self, id: SessionId, cursor: int, viewer: Viewer) -> News:
        found = await self._sessions.aggregate([{"$match": visible(id, viewer)}, told_after(cursor)])
        rows = await found.to_list()
        if not rows:
            raise await missing(self._sessions.database, id, viewer)
        session = session_of(rows[0])
        events = events_of(id, rows[0]["events"])
        return News(session, events if len(events) == session.cursor - cursor else None)

    @confirmed()
    async def cursors(self, ids: Collection[SessionId]) -> dict[SessionId, int]:
        rows = await self._sessions.find({"_id": {"$in": list(ids)}}, {"cursor": True}).to_list()
        return {SessionId(row["_id"]): row.get("cursor", 0) for row in rows}
