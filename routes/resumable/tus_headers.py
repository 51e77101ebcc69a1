"""What the headers of a tus request say; each that cannot be read is named, with what it should be."""

import base64
import binascii
import re
from dataclasses import dataclass

from starlette.datastructures import Headers

from services.errors import ChecksumUnknown, UploadHeaderInvalid, UploadMetadataInvalid
from services.interviews.model import QuestionId, SessionId, is_id
from services.recordings.arrivals import Checksum

SIZES = {"sha1": 20, "sha256": 32}
MOST_METADATA = 4096
_NUMBER = re.compile(r"[0-9]{1,15}")
_MEDIA_TYPE = re.compile(r"[!-~ ]{1,127}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
TYPES = ("filetype", "type", "content_type")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What `Upload-Metadata` says, and the header as it was sent."""

    session_id: SessionId
    question_id: QuestionId
    raw: str
    media_type: str | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, headers: Headers) -> "Metadata":
        raw = ",".join(headers.getlist("Upload-Metadata"))
        if len(raw) > MOST_METADATA:
            raise UploadMetadataInvalid(f"Upload-Metadata is longer than {MOST_METADATA} characters. Send less.")
        values = _pairs(raw)
        session, question, sha256 = (values.get(name) for name in ("session_id", "question_id", "sha256"))
        if session is None or question is None or not is_id(session) or not is_id(question):
            raise UploadMetadataInvalid
        if sha256 is not None and not _SHA256.fullmatch(sha256):
            raise UploadMetadataInvalid("`sha256` in Upload-Metadata is not 64 hexadecimal digits.")
        named = next((values[name] for name in TYPES if _MEDIA_TYPE.fullmatch(values.get(name, ""))), None)
        return cls(SessionId(session), QuestionId(question), raw, named, sha256.lower() if sha256 else None)


def _pairs(raw: str) -> dict[str, str]:
    """What is no text is left out: nobody here asks for it."""
    values: dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in raw.split(","))):
        key, _, coded = pair.partition(" ")
        if key in values:
            raise UploadMetadataInvalid(f"Upload-Metadata says `{key[:64]}` twice.")
        try:
            values[key] = base64.b64decode(coded.strip(), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise UploadMetadataInvalid(f"`{key[:64]}` in Upload-Metadata is not base64.") from None
    return values


def length_of(headers: Headers) -> int | None:
    """The length of the whole, None where it is deferred; UploadHeaderInvalid where neither or both are said."""
    length, deferred = number_of(headers, "Upload-Length"), headers.get("Upload-Defer-Length")
    if deferred not in (None, "1"):
        raise UploadHeaderInvalid("Upload-Defer-Length may be 1 and nothing else.")
    if (length is None) == (deferred is None):
        raise UploadHeaderInvalid("Send either Upload-Length, or Upload-Defer-Length: 1 where it is not known yet.")
    return length


def offset_of(headers: Headers) -> int:
    offset = number_of(headers, "Upload-Offset")
    if offset is None:
        raise UploadHeaderInvalid("Send Upload-Offset: how many bytes came before these.")
    return offset


def number_of(headers: Headers, name: str) -> int | None:
    """A whole number, None where the header is not there; two that differ are none."""
    texts = set(headers.getlist(name))
    if not texts:
        return None
    if len(texts) > 1 or not _NUMBER.fullmatch(text := texts.pop()):
        raise UploadHeaderInvalid(f"{name} is no whole number of bytes.")
    return int(text)


def checksum_of(headers: Headers) -> Checksum | None:
    """What `Upload-Checksum` says of the request's body; ChecksumUnknown, UploadHeaderInvalid."""
    text = headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, coded = text.strip().partition(" ")
    match algorithm:
        case "sha1" | "sha256":
            return Checksum(algorithm, _digest(coded, SIZES[algorithm]))
        case _:
            raise ChecksumUnknown


def _digest(coded: str, size: int) -> bytes:
    try:
        digest = base64.b64decode(coded.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != size:
        raise UploadHeaderInvalid(f"Upload-Checksum needs the {size} bytes of the sum in base64, after the algorithm.")
    return digest
