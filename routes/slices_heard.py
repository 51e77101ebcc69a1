"""What was said in the slices of a recording, to who may see it."""

from routes.dependencies import Services
from services.interviews.model import LIVE, PartState, Viewer
from services.recordings.arrivals import Arrival
from services.transcription.by_slice import Known, SliceHeard, by_slice


async def slices_heard(arrival: Arrival, viewer: Viewer, services: Services) -> list[SliceHeard]:
    """Of those that are transcribed so far. That an operator reads another's words is noted."""
    known = await _known(arrival, services) if arrival.slices else None
    if known is None:
        return []
    if viewer.user_id != arrival.part.user_id:
        await services.interviews.get(arrival.part.session_id, viewer)
    return by_slice(arrival.slices, known)


async def _known(arrival: Arrival, services: Services) -> Known | None:
    part = arrival.part
    if part.state is PartState.COMPLETED:
        transcript = await services.records.transcript(part.id)
        return None if transcript is None else Known.of_whole(transcript)
    if part.state not in LIVE or part.checkpoint is None:
        return None
    return Known.of_settled(await services.utterances.settled(part.id), part.transcribed_seconds)
