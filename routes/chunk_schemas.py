"""What the doors for numbered slices are sent, and what they answer."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from routes.body_bounds import Bounded
from routes.upload_answers import AcceptedOut
from services.interviews.model import ID_PATTERN, PartId
from services.recordings.arrivals import MOST_SLICE_SECONDS, MOST_SLICES
from services.recordings.formats import FORMATS
from services.recordings.ports.arrivals import KeptSlice, Slice, SliceState

MOST_CHUNK_BYTES = 1024 * 1024
ALSO = {
    "video/webm", "video/mp4", "audio/wave", "audio/x-wav", "audio/mp3", "audio/m4a", "audio/x-m4a", "audio/opus",
    "audio/3gpp",
}  # fmt: skip
MEDIA_TYPES = tuple(sorted({format.media_type for format in FORMATS.values()} | ALSO))

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Index = Annotated[int, Field(ge=0, lt=MOST_SLICES, description="The slice's number, from 0 on.")]
Total = Annotated[int, Field(ge=0, le=MOST_SLICES)]
Seconds = Annotated[float, Field(ge=0, le=MOST_SLICE_SECONDS, allow_inf_nan=False)]
OwnName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{8,128}$", description="A name of your own for the recording.")]


def _listed(given: object) -> object:
    """The type without its parameters, if it is one that is taken."""
    kind = str(given).partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        raise ValueError(f"this is none of {', '.join(MEDIA_TYPES)}")
    return kind


MediaType = Annotated[
    str, BeforeValidator(_listed), Field(description=f"One of {', '.join(MEDIA_TYPES)}; what it is, its bytes say.")
]


class Form(BaseModel):
    """Text fields of a form; others are let be."""

    model_config = ConfigDict(populate_by_name=True)


class OfAnswer(Form):
    session_id: Id
    question_id: Id | None = Field(None, description="Needed where the session has several questions.")


class Times(Form):
    """What a sender may say of a slice's times, in seconds of the recording."""

    start_time: Seconds | None = None
    end_time: Seconds | None = None
    duration: Seconds | None = None

    def of_slice(self, index: int, read: float | None) -> Slice:
        """`read` is how long the bytes say that it is, which goes before the sender's word."""
        start, end, duration = self.start_time, self.end_time, read if read is not None else self.duration
        if duration is None and start is not None and end is not None and end > start:
            duration = end - start
        if end is None and start is not None and duration is not None:
            end = start + duration
        return Slice(index, start=start, end=end, duration=duration)


class AudioChunkForm(OfAnswer, Times):
    chunk_index: Index


class NumberedChunkForm(Times):
    session_id: Id = Field(validation_alias=AliasChoices("sessionId", "session_id"))
    question_id: Id | None = Field(None, validation_alias=AliasChoices("questionId", "question_id"))
    chunk_index: Index = Field(validation_alias=AliasChoices("chunkIndex", "chunk_index"))


class FileChunkForm(Times):
    session_id: Id | None = Field(None, description="May be named with any slice, or at the end.")
    question_id: Id | None = Field(None, description="Needed where the session has several questions.")
    file_uuid: OwnName
    chunk_index: Index
    total_chunks: Annotated[int, Field(ge=1, le=MOST_SLICES)] | None = None
    content_type: MediaType | None = None


class WholeFileForm(OfAnswer):
    content_type: MediaType | None = None
    chunk_size: int = Field(
        8192, ge=1024, le=MOST_CHUNK_BYTES, description="Of no consequence: it is read as it comes."
    )


class CompleteIn(Bounded):
    """Whose recording is complete, and of how many slices it is."""

    model_config = ConfigDict(populate_by_name=True)

    session_id: Id
    question_id: Id | None = None
    total_chunks: Total = Field(examples=[3])


class FinalizeIn(Bounded):
    """Which recording is complete; `total_chunks` as it was said with its slices, if it is not said here."""

    file_uuid: OwnName
    content_type: MediaType | None = None
    session_id: Id | None = None
    question_id: Id | None = None
    total_chunks: Total | None = None


class SliceOut(BaseModel):
    success: Literal[True] = True
    chunk_index: int = Field(examples=[0])
    duration: float | None = Field(description="Seconds, as its container or else its sender says.", examples=[30.0])
    state: SliceState = Field(description="`waiting` for the ones before it, or `received`.")
    upload_id: str = Field(description="GET /api/uploads/{upload_id} tells of all slices.")


class AudioChunkOut(SliceOut):
    """The slice is stored durably."""

    s3_key: str = Field(description="A name for the slice, which leads nowhere.", examples=["audio/…/chunk_0000.webm"])

    @classmethod
    def of(cls, slice: KeptSlice, session_id: str, upload_id: PartId) -> "AudioChunkOut":
        key = f"audio/{session_id}/chunk_{slice.index:04d}.webm"
        return cls(s3_key=key, **_fields(slice, upload_id))


class FileChunkOut(SliceOut):
    """The slice is stored durably."""

    file_uuid: str
    total_chunks: int | None = Field(examples=[3])

    @classmethod
    def of(cls, slice: KeptSlice, form: FileChunkForm, upload_id: PartId) -> "FileChunkOut":
        return cls(file_uuid=form.file_uuid, total_chunks=form.total_chunks, **_fields(slice, upload_id))


class NumberedChunkOut(SliceOut):
    """The slice is stored durably."""

    id: str = Field(description="A name for the slice, which leads nowhere.")

    @classmethod
    def of(cls, slice: KeptSlice, upload_id: PartId) -> "NumberedChunkOut":
        return cls(id=f"{upload_id}-{slice.index}", **_fields(slice, upload_id))


def _fields(slice: KeptSlice, upload_id: PartId) -> dict[str, object]:
    named = {"chunk_index": slice.index, "duration": slice.duration, "state": slice.state}
    return {**named, "upload_id": upload_id}


class CompleteOut(AcceptedOut):
    success: Literal[True] = True
    message: str = "Session completed successfully"


class FileOut(AcceptedOut):
    """Nothing that is stored can be fetched: there is no path, and no address of it."""

    file_uuid: str
    file_key: str
    file_path: None = None
    static_url: None = None
