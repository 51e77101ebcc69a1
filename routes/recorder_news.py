"""What a recorder's socket is told of its recording while that is listened to."""

import asyncio
from collections.abc import AsyncIterator

from routes import recorder_messages as messages
from routes.dependencies import Services
from routes.slices_heard import slices_heard
from services.errors import Problem, SessionNotFound
from services.events.model import Event, EventType
from services.interviews.model import PartId, QuestionId, SessionId, Viewer
from services.recordings.arrivals import Arrival
from services.recordings.ports.arrivals import SLICES
from services.recordings.slice_uploads import Name

LOOK_SECONDS = 60.0
AGAIN_SECONDS = 2.0


class RecorderNews:
    """Of the recording that a socket brings, and of the slices that were asked about on it."""

    def __init__(self, services: Services, viewer: Viewer, session_id: SessionId, question_id: QuestionId) -> None:
        self._services, self._viewer = services, viewer
        self._session, self._question = session_id, question_id
        self._awaited: set[int] = set()
        self._take: int | None = None

    def of(self, take: int) -> None:
        """The recording that the socket brings is this take."""
        self._take = take

    async def uploaded(self, index: int) -> list[str]:
        """Whether a slice that went through another door is here; what is said in it, now or later."""
        arrival = await self._arrival_of_slices()
        found = await self._services.arrivals.slice(arrival.part.id, index) if arrival else None
        if arrival is None or found is None:
            return [messages.told("chunk_uploaded", chunk_index=index, state="missing")]
        self._awaited.add(index)
        told = messages.told("chunk_uploaded", chunk_index=index, state=found.state.value)
        return [told, *await self._processed(arrival.part.id)]

    async def texts(self) -> AsyncIterator[str]:
        """What is to be said, as long as the session is there. None of it is owed: the session's events have it too."""
        cursor, streams = None, self._services.streams
        while not streams.is_leaving:
            try:
                async with streams.open(self._session, cursor, self._viewer) as listening:
                    while not listening.is_over:
                        for event in (await listening.news(LOOK_SECONDS)).events:
                            for text in await self._of(event):
                                yield text
                        cursor = listening.cursor
            except SessionNotFound:
                return
            except Problem:
                await asyncio.sleep(AGAIN_SECONDS)

    async def _of(self, event: Event) -> list[str]:
        if event.question_id != self._question or event.side is not None:
            return []
        told = []
        if event.spoken is not None and event.take == self._take:
            told = [messages.processed(event.spoken), messages.analysis(event.spoken)]
        if self._awaited and event.type in (EventType.UTTERANCE, EventType.COMPLETED):
            arrival = await self._arrival_of_slices()
            told += await self._processed(arrival.part.id) if arrival else []
        return told

    async def _arrival_of_slices(self) -> Arrival | None:
        name = Name.of_answer(SLICES, self._session, self._question)
        return await self._services.arrivals.newest(name.key, self._viewer)

    async def _processed(self, id: PartId) -> list[str]:
        """Of the slices that were asked about those that are transcribed, each once."""
        arrival = await self._services.arrivals.find(id, self._viewer)
        heard = await slices_heard(arrival, self._viewer, self._services)
        found = [one for one in heard if one.index in self._awaited]
        self._awaited.difference_update(one.index for one in found)
        return [messages.processed_slice(one) for one in found]
