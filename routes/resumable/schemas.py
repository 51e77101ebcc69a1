"""How an upload looks to who asks for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from services.interviews.model import PartState
from services.recordings.arrivals import Arrival, KeptSlice, SliceState
from services.transcription.by_slice import SliceHeard

PCM_BYTES_A_SECOND = 32_000
STATES: dict[PartState, Literal["arriving", "received", "superseded", "ended"]] = {
    PartState.UPLOADING: "arriving",
    PartState.SUPERSEDED: "superseded",
    PartState.ABORTED: "ended",
}


class SliceOut(BaseModel):
    """A numbered slice of a recording; times are what its sender said of it, in seconds."""

    index: int
    start: float | None
    end: float | None
    duration: float | None
    size: int = Field(description="Bytes.")
    ratio: float | None = Field(description="Its bytes to those of the same time as 16-bit sound of 16 kHz.")
    state: SliceState = Field(description="`waiting`: for a slice before it; `received`: it is part of the recording.")
    transcribed: bool = Field(description="Whether all of it is transcribed, so far as its place can be told.")
    text: str | None = Field(description="What is said in it; null until then.")
    speech_ratio: float | None = Field(description="How much of it somebody speaks, 0 to 1; null until then.")

    @classmethod
    def of(cls, slice: KeptSlice, heard: SliceHeard | None) -> "SliceOut":
        seconds = slice.duration
        if seconds is None and slice.start is not None and slice.end is not None:
            seconds = slice.end - slice.start
        return cls(
            index=slice.index,
            start=slice.start,
            end=slice.end,
            duration=seconds,
            size=slice.size,
            ratio=round(slice.size / (seconds * PCM_BYTES_A_SECOND), 4) if seconds else None,
            state=slice.state,
            transcribed=heard is not None,
            text=heard and heard.text,
            speech_ratio=heard and heard.speech_ratio,
        )


class UploadShown(BaseModel):
    """An upload, how far it is, and what it is of."""

    upload_id: str
    session_id: str = Field(description="Empty where it was not said yet, as may be of a recording in slices.")
    question_id: str
    take: int = Field(description="Which recording of this answer it is.")
    state: Literal["arriving", "received", "superseded", "ended"] = Field(
        description="`received`: it is a recording like any other, whatever became of that since."
    )
    offset: int = Field(description="How many bytes are stored durably, from the first on.")
    length: int | None = Field(description="How long the whole is, where that was said.")
    expires_at: datetime | None = Field(description="When it is given up if nothing comes; null once it is received.")
    media_type: str | None = Field(description="As its sender called it; what it is, is seen from its bytes.")
    door: str = Field(description="The way by which it was begun.", examples=["tus"])
    slices: list[SliceOut] = Field(description="The numbered slices that came; empty where it comes by offset.")
    missing: list[int] = Field(description="Numbers of slices that are not here, of those up to the last that came.")

    @classmethod
    def of(cls, arrival: Arrival, heard: Sequence[SliceHeard] = ()) -> "UploadShown":
        part, by_index = arrival.part, {one.index: one for one in heard}
        return cls(
            upload_id=part.id,
            session_id=part.session_id,
            question_id=part.question_id,
            take=part.take,
            state=STATES.get(part.state, "received"),
            offset=arrival.offset,
            length=arrival.length,
            expires_at=None if arrival.is_complete else arrival.expires_at,
            media_type=arrival.media_type,
            door=arrival.door,
            slices=[SliceOut.of(slice, by_index.get(slice.index)) for slice in arrival.slices],
            missing=list(arrival.missing()),
        )


class UploadsShown(BaseModel):
    """Your own uploads that are arriving, the newest first."""

    uploads: list[UploadShown]
