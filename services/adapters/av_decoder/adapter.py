"""The port Decoder on PyAV, with all decoding in other processes."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import structlog

from services.adapters.av_decoder.dialogue import LARGER, Asked, Dialogue, LineClosed, Slot, Whole, exactly, message_on
from services.adapters.av_decoder.entered_source import FromEntry
from services.adapters.av_decoder.fork_client import Child, ForkClient
from services.adapters.av_decoder.protocol import BYTES_PER_SECOND, ENDING, READY, SEALED, Caps, Ending, Order
from services.errors import AudioUnreadable, EngineUnavailable, TranscriptionProblem
from services.transcription.ports import START, Place, Recording, Sound, Source

log = structlog.get_logger(__name__)

ATTEMPTS = 3
BETWEEN_ATTEMPTS_SECONDS = 0.05


class AvDecoder:
    """Decodes so many recordings at once, none over the caps; one whose samples nobody takes does not count."""

    def __init__(self, max_seconds: float, max_bytes: int, slots: int | None = None) -> None:
        self.caps = Caps(max_seconds, max_bytes)
        self.nursery = ForkClient(self.caps)
        self.slots = asyncio.Semaphore(slots or len(os.sched_getaffinity(0)))
        self.told_unsealed = False

    async def decode(self, data: AsyncIterator[bytes], *, most_seconds: float | None = None) -> Recording:
        """A recording that is not large as samples; AudioUnreadable or AudioTooLong.

        EngineUnavailable if no process starts, or if it is ended for a reason that lies outside the recording.
        """
        most = min(most_seconds or self.caps.seconds, self.caps.seconds)
        async with self._opened(Whole(data, self.caps.held), Order(most)) as sound:
            pcm = b"".join([block async for block in sound.blocks()])
            return Recording(pcm, len(pcm) / BYTES_PER_SECOND, sound.flaws)

    def listen(self, source: Source, place: Place = START) -> AbstractAsyncContextManager[Sound]:
        """The recording from a place on, block by block, as they are asked for; the errors of `decode`."""
        entered = None if place.entry is None else FromEntry(source, place.entry)
        if entered is not None:
            source = entered.whole()
        order = Order(
            self.caps.seconds,
            source.size,
            place.samples,
            place.plan or None,
            channel=place.channel,
            entered=entered.order() if entered else None,
        )
        data = Whole(source.read(0), self.caps.held) if order.is_held else Asked(source)
        return self._opened(data, order, entered)

    async def merged(self, left: Source, right: Source) -> AsyncIterator[bytes]:
        """Both as one Ogg Opus file at 48 kHz, the left and the right channel of it; an empty one is silence.

        AudioUnreadable where neither has any sound, AudioTooLong.
        """
        both = one_behind_the_other(left, right)
        order = Order(self.caps.seconds, both.size, left=left.size)
        data = Whole(both.read(0), self.caps.held) if order.is_held else Asked(both)
        async with self._child_for(data, order) as dialogue:
            async for page in dialogue.pages(order):
                yield page

    async def close(self) -> None:
        """End every process; what is being decoded ends with EngineUnavailable."""
        await asyncio.to_thread(self.nursery.close)

    @asynccontextmanager
    async def _opened(
        self, data: Whole | Asked, order: Order, entered: FromEntry | None = None
    ) -> AsyncIterator[Sound]:
        async with self._child_for(data, order, entered) as dialogue:
            yield await dialogue.begun(order)

    @asynccontextmanager
    async def _child_for(
        self, data: Whole | Asked, order: Order, entered: FromEntry | None = None
    ) -> AsyncIterator[Dialogue]:
        if order.size is not None and order.size > self.caps.bytes * (1 if order.left is None else 2):
            raise AudioUnreadable(LARGER)
        await self.slots.acquire()
        with Slot(self.slots) as slot:
            child = await self._child()
            try:
                yield Dialogue(child.line, slot, data, entered)
            except LineClosed:
                raise await _verdict(child) from None
            finally:
                child.close()
                await data.close()

    async def _child(self) -> Child:
        for _ in range(ATTEMPTS):
            with suppress(OSError):
                child = self.nursery.child()
                if await self._wait_ready(child):
                    return child
            await asyncio.sleep(BETWEEN_ATTEMPTS_SECONDS)
        raise EngineUnavailable("The decoder's process could not be started.")

    async def _wait_ready(self, child: Child) -> bool:
        try:
            kind, body = await message_on(child.line)
        except LineClosed:
            child.close()
            return False
        except BaseException:
            child.close()
            raise
        if body != SEALED and not self.told_unsealed:
            self.told_unsealed = True
            log.warning("decoding without a system call filter: this system has none")
        return kind == READY


def one_behind_the_other(first: Source, second: Source) -> Source:
    """Both as one."""

    async def read(start: int) -> AsyncIterator[bytes]:
        for source, begin in ((first, start), (second, max(0, start - first.size))):
            if begin >= source.size:
                continue
            pieces = source.read(begin)
            try:
                async for piece in pieces:
                    yield piece
            finally:
                if (aclose := getattr(pieces, "aclose", None)) is not None:
                    await aclose()

    return Source(first.size + second.size, read)


async def _verdict(child: Child) -> TranscriptionProblem:
    """What the end of a child says about its recording; its parent tells, if it lives."""
    try:
        ending = Ending(*ENDING.unpack(await exactly(child.verdict, ENDING.size)))
    except LineClosed:
        return EngineUnavailable("The process that decodes was ended.")
    if ending.is_own_fault:
        return AudioUnreadable()
    log.warning("decoder ended", signal=ending.signal, cpu=ending.cpu_seconds, peak=ending.peak_bytes)
    return EngineUnavailable("The process that decodes ended before it was done.")
