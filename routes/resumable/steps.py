"""The steps of an upload that both protocols take in the same way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

from routes.dependencies import Services
from services.access.admission import Slot
from services.errors import Problem
from services.interviews.model import Part, QuestionId, SessionId, Viewer
from services.recordings.arrivals import Arrival, Checksum, Plan


async def begun(
    session_id: SessionId,
    question_id: QuestionId,
    plan: Plan,
    viewer: Viewer,
    services: Services,
    slot: Slot,
    data: AsyncIterator[bytes] | None,
    checksum: Checksum | None = None,
) -> Arrival:
    """A new upload, with what came of it in the request; where that fails nothing of it stays.

    Nobody knows its address before the answer is there, so nobody could go on with it.
    """
    await slot.reserve(0.0)
    arrival = await services.arrivals.begin(session_id, question_id, viewer, plan)
    if data is None:
        return arrival
    try:
        return await services.arrivals.append(arrival.part.id, viewer, 0, data, checksum=checksum)
    except BaseException:
        with suppress(Problem):
            await asyncio.shield(services.arrivals.abort(arrival.part.id, viewer))
        raise


async def finished(arrival: Arrival, viewer: Viewer, services: Services, slot: Slot) -> tuple[Part, Arrival]:
    """The recording that it became, once it is accepted; TooMuchQueued where there is no room for it to wait."""
    if not arrival.is_complete:
        await slot.reserve(0.0)
    part = await services.arrivals.finish(arrival.part.id, viewer)
    return part, replace(arrival, is_complete=True, length=arrival.offset)


def is_whole(arrival: Arrival) -> bool:
    """Whether all bytes are here, and it is not finished yet."""
    return not arrival.is_complete and arrival.length is not None and arrival.offset == arrival.length
