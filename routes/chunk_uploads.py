"""Recordings in numbered slices, by the field names of earlier recorders: each door is a translation."""

from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response

from routes.chunk_schemas import (
    AudioChunkForm,
    AudioChunkOut,
    CompleteIn,
    CompleteOut,
    FileChunkForm,
    FileChunkOut,
    FileOut,
    FinalizeIn,
    Form,
    NumberedChunkForm,
    NumberedChunkOut,
    WholeFileForm,
)
from routes.dependencies import Asker, Needs, Services
from routes.errors import INVALID, UNREADABLE, documented
from routes.held_forms import file_of, held_form, said
from routes.multipart import Fields, incoming
from services import errors
from services.errors import AnswerUnnamed, SliceInvalid
from services.interviews.model import Part, PartId, QuestionId, SessionId, Viewer
from services.recordings.arrivals import Arrival, KeptSlice
from services.recordings.ports.arrivals import FILE, SLICES
from services.recordings.slice_times import seconds_of
from services.recordings.slice_uploads import Answered, Name, SliceUploads, owner_of, question_of

router = APIRouter(tags=["recordings in slices"])

TOTAL = "total_chunks "
Numbered = TypeVar("Numbered", AudioChunkForm, NumberedChunkForm)

PROBLEMS = (
    errors.UploadMalformed,
    errors.UploadTruncated,
    errors.UploadStalled,
    errors.AudioFieldMissing,
    errors.TooManyFiles,
    errors.AnswerUnnamed,
    errors.SessionNotFound,
    errors.QuestionNotFound,
    errors.NotAudio,
    errors.AudioTooLarge,
    errors.StoreUnavailable,
    errors.KeyringUnavailable,
    errors.RateLimited,
    errors.TooManyUploads,
    errors.UploadsSaturated,
    errors.ServerLeaving,
)
TAKING = INVALID | documented(
    *PROBLEMS,
    errors.SliceInvalid,
    errors.SliceDiffers,
    errors.AnswerDiffers,
    errors.UploadComplete,
    errors.UploadGone,
    errors.TooLargeToCheck,
    errors.TooManyArrivals,
    errors.TooMuchArriving,
    errors.ArrivalsSaturated,
    errors.StorageShort,
)
ENDING = UNREADABLE | documented(
    errors.AudioEmpty,
    errors.AnswerUnnamed,
    errors.SessionNotFound,
    errors.QuestionNotFound,
    errors.UploadNotFound,
    errors.UploadGone,
    errors.SlicesMissing,
    errors.AnswerDiffers,
    errors.UploadComplete,
    errors.TakeSuperseded,
    errors.NotAudio,
    errors.KeyringUnavailable,
    errors.TooManyUploads,
    errors.TooMuchQueued,
    errors.UploadsSaturated,
)


def _form(file: str, form: type[Form]) -> dict[str, Any]:
    """What the OpenAPI document says of a form."""
    schema = form.model_json_schema(by_alias=False)
    properties = {file: {"type": "string", "format": "binary"}, **schema["properties"]}
    described = {"type": "object", "required": [file, *schema.get("required", [])], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": described}}}}


@router.post(
    "/api/audio/upload-chunk",
    operation_id="uploadAudioChunk",
    openapi_extra=_form("audio_chunk", AudioChunkForm),
    responses=TAKING,
)
async def upload_audio_chunk(request: Request, viewer: Asker, services: Needs) -> AudioChunkOut:
    """Send a slice of an answer's recording; in any order, again if need be."""
    sent, id, kept = await _kept(request, viewer, services, "audio_chunk", AudioChunkForm)
    return AudioChunkOut.of(kept, sent.session_id, id)


@router.post(
    "/api/upload-audio-chunk",
    operation_id="uploadNumberedChunk",
    openapi_extra=_form("chunk", NumberedChunkForm),
    responses=TAKING,
)
async def upload_numbered_chunk(request: Request, viewer: Asker, services: Needs) -> NumberedChunkOut:
    """The same with other names of its fields."""
    _, id, kept = await _kept(request, viewer, services, "chunk", NumberedChunkForm)
    return NumberedChunkOut.of(kept, id)


@router.post("/api/audio/session-complete", status_code=202, operation_id="completeAudio", responses=ENDING)
async def complete_audio(body: CompleteIn, response: Response, viewer: Asker, services: Needs) -> CompleteOut:
    """All slices of an answer's recording were sent: it is accepted, or you are told which are missing."""
    owner, question = await _answer(services, viewer, body.session_id, body.question_id)
    name = Name.of_answer(SLICES, SessionId(body.session_id), question)
    part, id = await _finished(services, owner, name, body.total_chunks)
    response.headers["Retry-After"] = str(await services.eta.of_all())
    return CompleteOut.of(part, id)


@router.post(
    "/file/upload-chunk",
    operation_id="uploadFileChunk",
    openapi_extra=_form("chunk", FileChunkForm),
    responses=TAKING,
)
async def upload_file_chunk(request: Request, viewer: Asker, services: Needs) -> FileChunkOut:
    """Send a slice of a recording that has a name of your own."""
    async with services.admission.upload(viewer, is_new=False), held_form(request, services, "chunk") as form:
        sent = said(FileChunkForm, form.texts)
        if sent.total_chunks is not None and sent.chunk_index >= sent.total_chunks:
            raise SliceInvalid(f"Slice {sent.chunk_index} is none of {sent.total_chunks}: they count from 0.")
        owner, answer = await _answer_named(services, viewer, sent.session_id, sent.question_id)
        slice = sent.of_slice(sent.chunk_index, seconds_of(form.data))
        id, kept = await SliceUploads(services.arrivals).put(
            Name.own(FILE, sent.file_uuid),
            answer,
            owner,
            slice,
            form.data,
            media_type=sent.content_type,
            note=f"{TOTAL}{sent.total_chunks}" if sent.total_chunks else None,
        )
    return FileChunkOut.of(kept, sent, id)


@router.post("/file/finalize-chunked-upload", status_code=202, operation_id="finalizeChunkedUpload", responses=ENDING)
async def finalize_chunked_upload(body: FinalizeIn, response: Response, viewer: Asker, services: Needs) -> FileOut:
    """All slices of a recording were sent: it is accepted, or you are told which are missing."""
    name = Name.own(FILE, body.file_uuid)
    owner, answer = await _answer_named(services, viewer, body.session_id, body.question_id)
    total = body.total_chunks
    if total is None:
        total = _noted(await services.arrivals.newest(name.key, owner))
    part, id = await _finished(services, owner, name, total, answer)
    response.headers["Retry-After"] = str(await services.eta.of_all())
    return FileOut.of(part, id, file_uuid=body.file_uuid, file_key=part.id)


@router.post(
    "/upload-local-chunked",
    status_code=202,
    operation_id="uploadWholeFile",
    openapi_extra=_form("file", WholeFileForm),
    responses=INVALID | documented(*PROBLEMS, errors.AudioEmpty, errors.TooMuchQueued, errors.TakeSuperseded),
)
async def upload_whole_file(request: Request, response: Response, viewer: Asker, services: Needs) -> FileOut:
    """Upload a recording as a whole; in the form, `session_id` and `question_id` come before the file."""
    fields = Fields("file")
    async with services.admission.upload(viewer) as slot:
        data = file_of(request, services, fields, "file", services.max_audio_bytes)
        await slot.reserve(0.0)
        found = await incoming(data, 0, slot.reserve)
        if "session_id" not in fields.texts:
            raise AnswerUnnamed("Put session_id, and question_id where it is needed, into the form before the file.")
        sent = said(WholeFileForm, fields.texts)
        _, question = await _answer(services, viewer, sent.session_id, sent.question_id)
        numbered = await services.intake.number(SessionId(sent.session_id), question, viewer)
        part = await services.intake.take_in(numbered, found)
    response.headers["Retry-After"] = str(await services.eta.of_all())
    return FileOut.of(part, numbered.part.id, file_uuid=part.id, file_key=part.id)


async def _kept(
    request: Request, viewer: Viewer, services: Services, file: str, form: type[Numbered]
) -> tuple[Numbered, PartId, KeptSlice]:
    """The slice of an answer that a form brings: what it says, the recording's id, and what is known of the slice."""
    async with services.admission.upload(viewer, is_new=False), held_form(request, services, file) as held:
        sent = said(form, held.texts)
        slice = sent.of_slice(sent.chunk_index, seconds_of(held.data))
        owner, question = await _answer(services, viewer, sent.session_id, sent.question_id)
        session = SessionId(sent.session_id)
        name = Name.of_answer(SLICES, session, question)
        id, kept = await SliceUploads(services.arrivals).put(name, (session, question), owner, slice, held.data)
        return sent, id, kept


async def _answer_named(
    services: Services, viewer: Viewer, session_id: str | None, question_id: str | None
) -> tuple[Viewer, Answered | None]:
    """The same where the answer may be named later."""
    if session_id is None:
        return viewer, None
    owner, question = await _answer(services, viewer, session_id, question_id)
    return owner, (SessionId(session_id), question)


async def _answer(
    services: Services, viewer: Viewer, session_id: str, question_id: str | None
) -> tuple[Viewer, QuestionId]:
    """Whose recording it is, also where an operator sends it, and the question that is meant."""
    session = await services.interviews.get(SessionId(session_id), viewer)
    return owner_of(session, viewer), question_of(session, QuestionId(question_id) if question_id else None)


async def _finished(
    services: Services, viewer: Viewer, name: Name, total: int, answer: Answered | None = None
) -> tuple[Part, PartId]:
    async with services.admission.upload(viewer, is_new=False) as slot:
        await slot.reserve(0.0)
        return await SliceUploads(services.arrivals).finish(name, viewer, total, answer)


def _noted(arrival: Arrival | None) -> int:
    """How many slices there are to be, as was said with the first that came; 0 where nothing was."""
    noted = (arrival.raw_metadata or "") if arrival else ""
    count = noted.removeprefix(TOTAL)
    return int(count) if noted.startswith(TOTAL) and count.isdecimal() else 0
