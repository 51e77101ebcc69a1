"""A recording that arrives in pieces, as its sender sees it."""

from dataclasses import dataclass
from datetime import datetime

from services.interviews.model import Part, PartState, Viewer
from services.recordings.ports.arrivals import Arriving, KeptSlice, SliceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A recording that arrives in pieces, as its sender sees it: `offset` bytes of it have been received.

    `is_complete`: it was finished, and is a recording like any other. `is_closing`: it is just being finished.
    """

    part: Part
    offset: int
    length: int | None
    is_complete: bool
    is_closing: bool
    expires_at: datetime
    door: str
    raw_metadata: str | None = None
    media_type: str | None = None
    slices: tuple[KeptSlice, ...] = ()

    def missing(self, total: int = 0) -> tuple[int, ...]:
        """The numbers of the slices that are not here, of so many, or up to the last that came."""
        here = {slice.index for slice in self.slices if slice.state is not SliceState.ANNOUNCED}
        known = (slice.index + 1 for slice in self.slices)
        return tuple(index for index in range(max((total, *known))) if index not in here)


def may_see(viewer: Viewer, part: Part) -> bool:
    return viewer.is_admin or viewer.user_id == part.user_id


def is_over(arriving: Arriving) -> bool:
    return arriving.part.state is not PartState.UPLOADING


def arrival_of(arriving: Arriving, offset: int, slices: tuple[KeptSlice, ...] = ()) -> Arrival:
    is_complete = is_over(arriving)
    return Arrival(
        part=arriving.part,
        offset=offset if arriving.length is None else min(offset, arriving.length),
        length=offset if is_complete else arriving.length,
        is_complete=is_complete,
        is_closing=arriving.is_closed and not is_complete,
        expires_at=arriving.expires_at,
        door=arriving.plan.door,
        raw_metadata=arriving.plan.raw_metadata,
        media_type=arriving.plan.media_type,
        slices=slices,
    )
