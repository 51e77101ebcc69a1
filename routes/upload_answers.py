"""The answer to a recording that was accepted, whichever way it came."""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field
from starlette.requests import Request

from routes.dependencies import Services
from routes.prefix import here
from services.interviews.model import Part, PartId


class AcceptedOut(BaseModel):
    """The recording is stored durably and will be transcribed."""

    status: Literal["processing"] = "processing"
    file_id: str = Field(examples=["65abc123def4567890abcdef"])
    transcription_status: Literal["queued"] = "queued"
    session_id: str
    question_id: str
    take: int = Field(description="Which recording of this answer it is; the newest counts.", examples=[1])
    sha256: str = Field(description="Hash of the bytes that were stored.")
    bytes: int
    call_id: str | None = Field(
        None, description="Of a recording with two sides: the call whose conversation it is, at /api/calls/{call_id}."
    )
    deduplicated: bool = Field(False, description="The same recording was in work already, and goes on as this take.")

    @classmethod
    def of(cls, part: Part, id: PartId, **more: Any) -> Self:
        """The part that was accepted, of the recording that came under this id."""
        return cls(
            file_id=part.id,
            session_id=part.session_id,
            question_id=part.question_id,
            take=part.take,
            sha256=part.sha256 or "",
            bytes=part.bytes,
            call_id=part.call_id,
            deduplicated=part.id != id,
            **more,
        )


class UploadOut(AcceptedOut):
    """The recording is stored durably and will be transcribed."""

    message: str = "Audio uploaded successfully, transcription in progress"


async def headers_of(part: Part, request: Request, services: Services) -> dict[str, str]:
    """Where its status is, and how soon to ask for it."""
    where = here(request, f"/api/transcription-status/{part.session_id}/{part.question_id}")
    return {"Location": where, "Retry-After": str(await services.eta.of_all())}
