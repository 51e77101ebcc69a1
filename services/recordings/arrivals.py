"""Recordings that arrive in pieces: begun, appended to by offset or by index, finished or given up."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from services.interviews.model import Part, PartId, QuestionId, SessionId, Viewer
from services.recordings.ports.arrivals import Checksum, KeptSlice, Plan, Slice, SliceState

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalLimits:
    """How much may arrive in pieces."""

    most_bytes: int = 500 * MEGABYTE
    most_staged_bytes: int = 16 * MEGABYTE
    most_of_user: int = 64
    most_bytes_of_user: int = 4096 * MEGABYTE
    most_bytes_of_all: int = 65536 * MEGABYTE
    least_free_bytes: int = 1024 * MEGABYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A recording that arrives in pieces, as its sender sees it: `offset` bytes of it have been received.

    `is_complete`: it was finished, and is a recording like any other.
    """

    part: Part
    offset: int
    length: int | None
    is_complete: bool
    expires_at: datetime
    door: str
    raw_metadata: str | None = None
    media_type: str | None = None
    slices: tuple[KeptSlice, ...] = ()

    def missing(self, total: int = 0) -> tuple[int, ...]:
        """The numbers of the slices that are not here, of so many, or up to the last that came."""
        here = {slice.index for slice in self.slices if slice.state is not SliceState.ANNOUNCED}
        known = (slice.index + 1 for slice in self.slices)
        return tuple(index for index in range(max(total, *known, 0)) if index not in here)


@dataclass(slots=True, kw_only=True)
class Arrivals:
    limits: ArrivalLimits

    async def begin(self, session_id: SessionId, question_id: QuestionId, viewer: Viewer, plan: Plan) -> Arrival:
        """Number the next take, and keep its record before anything of it arrives.

        Where one of the plan's key arrives already, that one goes on.
        SessionNotFound, QuestionNotFound, AudioEmpty for a length of 0, AudioTooLarge, TooManyArrivals,
        TooMuchArriving, ArrivalsSaturated, StorageShort, KeyringUnavailable.
        """
        raise NotImplementedError

    async def find(self, id: PartId, viewer: Viewer) -> Arrival:
        """UploadNotFound where it is absent or another user's, UploadGone where it was deleted or has expired."""
        raise NotImplementedError

    async def newest(self, key: str, viewer: Viewer) -> Arrival | None:
        """What this user began last under the key, arriving or finished; None where that was given up, or is not."""
        raise NotImplementedError

    async def append(
        self,
        id: PartId,
        viewer: Viewer,
        at: int,
        data: AsyncIterator[bytes],
        *,
        length: int | None = None,
        checksum: Checksum | None = None,
        takes_over: bool = False,
        told: Callable[[int], None] | None = None,
    ) -> Arrival:
        """Take in what follows the first `at` bytes; what is received counts, also where `data` breaks off.

        With `told` what `data` yields is kept by itself before more is asked for, and `told` hears how far that is.

        `length` says how long the whole recording will be. With a checksum nothing counts unless it is right.
        OffsetMismatch, UploadInUse, UploadTakenOver (the older request, where the newer one takes over),
        ChecksumMismatch, TooLargeToCheck, LengthInconsistent, AudioTooLarge, NotAudio, UploadComplete, UploadGone,
        TooMuchArriving, ArrivalsSaturated, StorageShort, and whatever `data` raises.
        """
        raise NotImplementedError

    async def finish(self, id: PartId, viewer: Viewer, *, slices: int = 0) -> Part:
        """Accept what has been received as the recording: the accepted part, or the same recording in work.

        The same each time that it is asked. LengthInconsistent where the declared length is not reached,
        SlicesMissing (of so many, or up to the last that came), AudioEmpty, NotAudio, ChecksumMismatch where it is
        not what was declared, TakeSuperseded where a newer take was accepted meanwhile.
        """
        raise NotImplementedError

    async def abort(self, id: PartId, viewer: Viewer) -> None:
        """Give it up, with all that was received; UploadComplete where it is finished."""
        raise NotImplementedError

    async def put(self, id: PartId, viewer: Viewer, slice: Slice, data: AsyncIterator[bytes]) -> Arrival:
        """Take in a slice, in whatever order they come; the same one again changes nothing.

        SliceDiffers where another one of its number came, SliceInvalid, TooLargeToCheck, and what `append` raises.
        """
        raise NotImplementedError


__all__ = [
    "Arrival", "ArrivalLimits", "Arrivals", "Checksum", "KeptSlice", "Plan", "Slice", "SliceState",
]  # fmt: skip
