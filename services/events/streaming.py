"""Telling those who listen to a session what happens to it: a snapshot where that is needed, then each event.

Hints only say that it is worth reading. What is told was read from the store, in the order of its numbers, by one
reading for all who listen to the same session in this process. Whoever has missed too much reads for himself.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice

import structlog

from services.background import Background, Kind
from services.errors import ListenersSaturated, SessionNotFound, StoreUnavailable
from services.events.interim import Interim, InterimTexts
from services.events.model import Event, EventType
from services.events.ports import Events, Hints, News
from services.interviews.model import Session, SessionId, Viewer

log = structlog.get_logger(__name__)

LOOK_AGAIN_SECONDS = 2.0
AGE_SECONDS = 600.0
MOST_HELD = 64
MOST_IN_LOOK = 500
AGAIN_SECONDS = 2.0
ENDS = {EventType.COMPLETED, EventType.FAILED, EventType.DROPPED}
# A hint may come before a majority has what it is about.
TOO_EARLY_SECONDS = (0.1, 0.3)


@dataclass(frozen=True, slots=True)
class Told:
    """What a listener is told next; neither a snapshot nor events where nothing happened.

    Or, where that is asked for, what is being said right now, which is no event.
    """

    snapshot: Session | None = None
    events: tuple[Event, ...] = ()
    interim: Interim | None = None

    def __bool__(self) -> bool:
        return self.snapshot is not None or bool(self.events) or self.interim is not None

    @classmethod
    def of(cls, news: News, cursor: int | None) -> "Told":
        if cursor is None or news.events is None:
            return cls(snapshot=news.session)
        return cls(events=news.events)


@dataclass(slots=True)
class Feed:
    """What is known of one session while somebody listens: its newest number, and the newest events without a gap.

    `era` grows where the numbers begin anew, as after a restore.
    """

    listeners: int = 0
    viewer: Viewer | None = None
    newest: int = 0
    era: int = 0
    held: deque[Event] = field(default_factory=lambda: deque(maxlen=MOST_HELD))
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    stale: asyncio.Event = field(default_factory=asyncio.Event)
    gone: SessionNotFound | None = None
    interim: Interim | None = None
    reading: asyncio.Task[None] | None = None

    def after(self, cursor: int) -> tuple[Event, ...] | None:
        """The events after this one; None if some of them are no longer held."""
        missing = self.newest - cursor
        if missing > len(self.held):
            return None
        return tuple(islice(self.held, len(self.held) - missing, None)) if missing > 0 else ()

    def has_settled(self, interim: Interim) -> bool:
        """Whether an utterance that stands in its place was told meanwhile, or its recording came to its end."""
        recording = interim.question_id, interim.take, interim.side
        own = (event for event in self.held if _of(event) == recording)
        return any(_settles(event, interim.index) for event in own)

    def learn(self, news: News) -> bool:
        """Hold what was read, and wake everybody if that is new."""
        if news.events == ():
            return False
        if news.events is None:
            self.held.clear()
            self.era += 1
        else:
            self.held.extend(news.events)
            self._forget_words(news.events)
        self.interim = None
        self.newest = news.session.cursor
        self.wake()
        return True

    def _forget_words(self, events: tuple[Event, ...]) -> None:
        """Of what was dropped no words are held."""
        over = {_of(one) for one in events if one.type is EventType.DROPPED}
        if over:
            kept = [one.unsaid if _of(one) in over else one for one in self.held]
            self.held = deque(kept, maxlen=MOST_HELD)

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


@dataclass(slots=True, kw_only=True)
class EventStreams:
    """The listeners of one process. `run` keeps it going; `leave` ends what listens, and lets nobody in any more."""

    events: Events
    hints: Hints
    interim: InterimTexts | None = None
    look_seconds: float = LOOK_AGAIN_SECONDS
    age_seconds: float = AGE_SECONDS
    background: Background = field(default_factory=Background)
    is_leaving: bool = field(default=False, init=False)
    _feeds: dict[SessionId, Feed] = field(default_factory=dict, init=False)
    _missed: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def look(self, id: SessionId, cursor: int | None, viewer: Viewer) -> tuple[Told, int]:
        """What came after the cursor, and the newest number; SessionNotFound."""
        news = await self.events.after(id, cursor or 0, viewer)
        return Told.of(news, cursor), news.session.cursor

    @asynccontextmanager
    async def open(self, id: SessionId, cursor: int | None, viewer: Viewer) -> AsyncIterator["Listening"]:
        """Listen from after the cursor, or from a snapshot; SessionNotFound, or ListenersSaturated."""
        if self.is_leaving:
            raise ListenersSaturated(retry_after=AGAIN_SECONDS)
        feed = self._feeds.setdefault(id, Feed())
        feed.listeners += 1  # before the reading: what happens from here on is heard
        try:
            told, newest = await self.look(id, cursor, viewer)
            self._enter(id, feed, viewer, newest)
            yield Listening(self, feed, id, viewer, told, newest)
        finally:
            feed.listeners -= 1
            if not feed.listeners:
                self._shut(id, feed)

    def heard(self, id: SessionId | None) -> None:
        """Read what is new of a session that is listened to; of all of them, if hints may have been missed."""
        if id is None:
            self._missed.set()
        elif feed := self._feeds.get(id):
            self._freshen(id, feed)

    def murmured(self, interim: Interim) -> None:
        """Somebody says something right now; of two workers one may be told later that began to read earlier."""
        feed = self._feeds.get(interim.session_id)
        if feed and not (feed.interim and interim.is_behind(feed.interim)) and not feed.has_settled(interim):
            feed.interim = interim
            feed.wake()

    async def run(self) -> None:
        """Hear hints, and look now and then without one; for ever."""
        async with asyncio.TaskGroup() as group:
            if (interim := self.interim) is not None:
                group.create_task(self.background.keep(Kind.INTERIM, lambda: interim.listen(self.murmured)))
            group.create_task(self.background.keep(Kind.HINTS, lambda: self.hints.listen(self.heard)))
            group.create_task(self.background.keep(Kind.LOOKS, self._keep_looking))

    def leave(self) -> None:
        """End what listens, at once and in order; telling it again changes nothing."""
        if self.is_leaving:
            return
        self.is_leaving = True
        for feed in self._feeds.values():
            feed.wake()

    def _shut(self, id: SessionId, feed: Feed) -> None:
        if self._feeds.get(id) is feed:
            del self._feeds[id]
        if feed.reading is not None:
            feed.reading.cancel()

    def _enter(self, id: SessionId, feed: Feed, viewer: Viewer, newest: int) -> None:
        if feed.viewer is None:
            feed.viewer, feed.newest = viewer, newest
        if feed.stale.is_set() or newest > feed.newest:
            self._freshen(id, feed)

    def _freshen(self, id: SessionId, feed: Feed) -> None:
        feed.stale.set()
        if (viewer := feed.viewer) is not None and (feed.reading is None or feed.reading.done()):
            feed.reading = self.background.start(Kind.NEWS, lambda: self._read(id, feed, viewer))

    async def _read(self, id: SessionId, feed: Feed, viewer: Viewer) -> None:
        """Read until nothing was announced meanwhile; where the store does not answer, the next look tries again."""
        pauses = iter(TOO_EARLY_SECONDS)
        try:
            while feed.listeners:
                feed.stale.clear()
                is_news = feed.learn(await self.events.after(id, feed.newest, viewer))
                if not feed.stale.is_set() and (is_news or not await _again(feed.stale, next(pauses, None))):
                    return
        except SessionNotFound as problem:
            feed.gone = problem
            feed.wake()
        except StoreUnavailable:
            log.warning("news not read", session=id)

    async def _keep_looking(self) -> None:
        while True:
            self._missed.clear()
            try:
                await self._look_at_all()
            except StoreUnavailable:
                log.warning("news not looked for")
            with suppress(TimeoutError):
                async with asyncio.timeout(self.look_seconds * random.uniform(0.8, 1.2)):
                    await self._missed.wait()

    async def _look_at_all(self) -> None:
        for ids in _in_pieces(self._feeds):
            cursors = await self.events.cursors(ids)
            for id in ids:
                feed = self._feeds.get(id)
                if feed is not None and feed.viewer is not None and cursors.get(id) != feed.newest:
                    self._freshen(id, feed)


class Listening:
    """One listener: it has no queue, only a number, so that a slow one costs no more than a quick one."""

    def __init__(
        self, streams: EventStreams, feed: Feed, id: SessionId, viewer: Viewer, told: Told, newest: int
    ) -> None:
        self._streams, self._feed = streams, feed
        self._id, self._viewer = id, viewer
        self._first: Told | None = told
        self._interim = feed.interim
        self._era = feed.era
        self.cursor = newest
        self._ends_at = _now() + streams.age_seconds * random.uniform(0.9, 1.1)

    @property
    def is_over(self) -> bool:
        return self._streams.is_leaving or self.gone is not None or _now() >= self._ends_at

    @property
    def gone(self) -> SessionNotFound | None:
        """Why there is nothing to listen to any more, where the session itself is no more."""
        return self._feed.gone

    async def news(self, seconds: float, *, with_interim: bool = False) -> Told:
        """What comes next, waited for so long; nothing if nothing came, or if it is over."""
        first, self._first = self._first, None
        if first:
            return first
        until = min(_now() + seconds, self._ends_at)
        while not self.is_over:
            changed = self._feed.changed
            told = await self._next() or (self._murmur() if with_interim else Told())
            if told or _now() >= until:
                return told
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await changed.wait()
        return Told()

    async def _next(self) -> Told:
        events = self._feed.after(self.cursor) if self._era == self._feed.era else None
        if events is None:
            return await self._read()
        if events:
            self.cursor = events[-1].number
        return Told(events=events)

    def _murmur(self) -> Told:
        """What is being said right now, each once."""
        if self._feed.interim is self._interim:
            return Told()
        self._interim = self._feed.interim
        return Told(interim=self._interim)

    async def _read(self) -> Told:
        era = self._feed.era
        try:
            told, newest = await self._streams.look(self._id, self.cursor, self._viewer)
        except StoreUnavailable:
            return Told()
        except SessionNotFound as problem:
            self._feed.gone = problem
            return Told()
        self.cursor, self._era = newest, era
        return told


def _of(event: Event) -> tuple[object, ...]:
    """Which recording an event is of."""
    return event.question_id, event.take, event.side


def _settles(event: Event, index: int) -> bool:
    if event.type is EventType.UTTERANCE:
        return event.spoken is not None and event.spoken.index >= index
    return event.type in ENDS


async def _again(stale: asyncio.Event, pause: float | None) -> bool:
    """Whether to read again: after the pause, or as soon as something is announced; not where there is no pause."""
    if pause is None:
        return False
    with suppress(TimeoutError):
        async with asyncio.timeout(pause):
            await stale.wait()
    return True


def _in_pieces(ids: Iterable[SessionId]) -> list[list[SessionId]]:
    found = list(ids)
    return [found[start : start + MOST_IN_LOOK] for start in range(0, len(found), MOST_IN_LOOK)]


def _now() -> float:
    return asyncio.get_running_loop().time()
