"""What the OpenAPI document says of the requests to /api/uploads: their headers, bodies and problems."""

from typing import Any

from routes.errors import documented
from routes.upload_answers import UploadOut
from services import errors

BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
NUMBER = {"type": "string", "pattern": "^[0-9]{1,15}$"}


def _header(name: str, description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema or TEXT}


TEXT: dict[str, Any] = {"type": "string"}
TUS = _header("Tus-Resumable", "Of tus: `1.0.0`.", {"type": "string", "enum": ["1.0.0"]})
LENGTH = _header("Upload-Length", "How many bytes the whole has.", NUMBER)
DEFERRED = _header("Upload-Defer-Length", "Of tus: `1` where the length is not known yet.", {"enum": ["1"]})
METADATA = _header("Upload-Metadata", "Of tus: `session_id`, `question_id`, and `filetype` if you like, in base64.")
CHECKSUM = _header("Upload-Checksum", "Of tus: `sha1` or `sha256`, and the sum of this body in base64.")
OFFSET = _header("Upload-Offset", "How many bytes came before these.", NUMBER)
COMPLETE = _header(
    "Upload-Complete",
    "Of the IETF's protocol: `?1` with the last bytes, `?0` before.",
    {"type": "string", "pattern": "^\\?[01]$"},
)
VERSION = _header(
    "Upload-Draft-Interop-Version", "Of its drafts: 6, 8 or 9; none for the final text.", {"enum": ["6", "8", "9"]}
)
KEY = _header(
    "Idempotency-Key",
    "1 to 255 visible ASCII characters; a creation that brings no bytes yet, and is repeated, makes one upload.",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
)
DIGEST = _header("Content-Digest", "Of the IETF's protocol: the sum of this body, `sha-256=:…:`.")

GONE = (errors.UploadNotFound, errors.UploadGone)
ROOM = (errors.TooMuchArriving, errors.ArrivalsSaturated, errors.StorageShort)
FULL = (errors.TooManyUploads, errors.TooMuchQueued, errors.UploadsSaturated, errors.ServerLeaving)
BODY = (
    errors.UploadTruncated,
    errors.UploadStalled,
    errors.UploadHeaderInvalid,
    errors.UploadTypeRefused,
    errors.ChecksumUnknown,
    errors.ChecksumMismatch,
    errors.TooLargeToCheck,
    errors.LengthInconsistent,
    errors.AudioTooLarge,
    errors.NotAudio,
    errors.AudioEmpty,
)
STORE = (errors.StoreUnavailable, errors.KeyringUnavailable, errors.TakeSuperseded)

TELLING: dict[int | str, dict[str, Any]] = {204: {"description": "In its headers."}}
BEGINNING: dict[str, Any] = {
    "responses": documented(
        errors.TusVersionUnsupported,
        errors.UploadMetadataInvalid,
        errors.ConcatenationRefused,
        errors.IdempotencyKeyInvalid,
        errors.IdempotencyMismatch,
        errors.SessionNotFound,
        errors.QuestionNotFound,
        errors.TooManyArrivals,
        *BODY,
        *ROOM,
        *FULL,
        *STORE,
    ),
    "openapi_extra": {
        "parameters": [TUS, LENGTH, DEFERRED, METADATA, CHECKSUM, KEY],
        "requestBody": {"required": False, "content": {"application/offset+octet-stream": BINARY}},
    },
}
FINDING = documented(*GONE)
FINDING_OFFSET: dict[str, Any] = {
    "responses": {204: {"description": "The same, for the IETF's protocol."}}
    | documented(
        *GONE,
        errors.TusVersionUnsupported,
        errors.UploadHeaderInvalid,
        errors.UploadInUse,
        errors.TakeSuperseded,
        *FULL,
        *STORE,
    ),
    "openapi_extra": {"parameters": [TUS, VERSION]},
}
ALL_HERE: dict[str, Any] = {"model": UploadOut, "description": "The IETF's protocol: all of it is here."}
APPENDING: dict[str, Any] = {
    "responses": {201: {"description": "Version 6 of the IETF's drafts: appended."}, 202: ALL_HERE}
    | documented(
        errors.TusVersionUnsupported,
        errors.DraftUnsupported,
        errors.OffsetMismatch,
        errors.UploadInUse,
        errors.UploadTakenOver,
        errors.UploadComplete,
        errors.SentByNumber,
        *GONE,
        *BODY,
        *ROOM,
        *FULL,
        *STORE,
    ),
    "openapi_extra": {
        "parameters": [TUS, OFFSET, LENGTH, CHECKSUM, COMPLETE, VERSION, DIGEST],
        "requestBody": {
            "required": True,
            "content": {"application/offset+octet-stream": BINARY, "application/partial-upload": BINARY},
        },
    },
}
DELETING: dict[str, Any] = {
    "responses": documented(*GONE, errors.UploadComplete, errors.UploadHeaderInvalid, errors.TusVersionUnsupported),
    "openapi_extra": {"parameters": [TUS, VERSION]},
}
# What an ordinary upload may say, and be told, besides.
BEGUN: dict[int | str, dict[str, Any]] = {
    201: {"description": "With `Upload-Complete: ?0`: it goes on at `Location`, from the byte in `Upload-Offset` on."}
}
MAY_BEGIN = (
    errors.TooManyArrivals,
    *ROOM,
    errors.UploadTypeRefused,
    errors.DraftUnsupported,
    errors.LengthInconsistent,
    errors.TooLargeToCheck,
)
SAID = [COMPLETE, LENGTH, VERSION]
