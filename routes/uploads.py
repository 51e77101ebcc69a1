"""Uploading an answer: stored while it arrives, answered at once."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from routes.errors import documented
from routes.multipart import boundary_of, file_bytes, incoming
from routes.needs import Asker, Needs, QuestionPath, SessionPath
from services import errors

router = APIRouter(prefix="/api", tags=["answers"])

FORM_OVERHEAD = 128 * 1024
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["audio"],
                    "properties": {
                        "audio": {
                            "type": "string",
                            "format": "binary",
                            "description": "The recording: WebM, Ogg, WAV, MP3, MP4/M4A or FLAC.",
                        }
                    },
                }
            }
        },
    }
}


class UploadOut(BaseModel):
    """The recording is stored durably and will be transcribed."""

    status: Literal["processing"] = "processing"
    message: str = "Audio uploaded successfully, transcription in progress"
    file_id: str = Field(examples=["65abc123def4567890abcdef"])
    transcription_status: Literal["queued"] = "queued"
    session_id: str
    question_id: str
    take: int = Field(description="Which recording of this answer it is; the newest counts.", examples=[1])
    sha256: str = Field(description="Hash of the bytes that were stored.")
    bytes: int


@router.post(
    "/upload-answer/{session_id}/{question_id}",
    status_code=202,
    operation_id="uploadAnswer",
    openapi_extra=FORM,
    responses=documented(
        errors.UploadMalformed,
        errors.UploadTruncated,
        errors.AudioFieldMissing,
        errors.TooManyFiles,
        errors.AudioEmpty,
        errors.SessionNotFound,
        errors.QuestionNotFound,
        errors.UploadStalled,
        errors.TakeSuperseded,
        errors.AudioTooLarge,
        errors.NotAudio,
        errors.StoreUnavailable,
    ),
)
async def upload_answer(
    session_id: SessionPath,
    question_id: QuestionPath,
    request: Request,
    response: Response,
    viewer: Asker,
    services: Needs,
) -> UploadOut:
    """Upload the recording of one answer; answered as soon as it is stored, before it is transcribed."""
    await services.intake.admit(session_id, question_id, viewer)
    boundary = boundary_of(request.headers.get("content-type"))
    _refuse_oversize(request, services.max_audio_bytes)
    data = file_bytes(request.stream(), boundary, services.max_audio_bytes, services.upload_idle_seconds)
    part = await services.intake.receive(session_id, question_id, viewer, await incoming(data))
    response.headers["Location"] = f"/api/transcription-status/{session_id}/{question_id}"
    response.headers["Retry-After"] = str(await services.pace.of_all())
    return UploadOut(
        file_id=part.id,
        session_id=session_id,
        question_id=question_id,
        take=part.take,
        sha256=part.sha256 or "",
        bytes=part.bytes,
    )


def _refuse_oversize(request: Request, max_bytes: int) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes + FORM_OVERHEAD:
        raise errors.AudioTooLarge(f"The recording is larger than {max_bytes} bytes.")
