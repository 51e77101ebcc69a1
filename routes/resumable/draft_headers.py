"""What the headers of a request of the IETF's resumable uploads say, and which of its versions it speaks.

Its versions are told apart by `Upload-Draft-Interop-Version`: 6 (drafts 04 and 05), 7 and 8 (06 to 11), 9 (12), and
none: the final text.
"""

from dataclasses import dataclass

from starlette.datastructures import Headers

from routes.resumable import fields
from services.errors import DraftUnsupported, LengthInconsistent
from services.recordings.arrivals import Checksum

VERSION = "Upload-Draft-Interop-Version"
PARTIAL = "application/partial-upload"
OLDEST = SIXTH = 6
NAMED = ("Upload-Complete", VERSION)


@dataclass(frozen=True, slots=True)
class Draft:
    """`complete`, `offset` and `length` are None where they were not sent, or as no such value."""

    version: int | None
    complete: bool | None
    offset: int | None
    length: int | None
    content_length: int | None
    content_sha256: bytes | None
    whole_sha256: bytes | None

    @classmethod
    def of(cls, headers: Headers) -> "Draft":
        content_length = headers.get("Content-Length", "")
        return cls(
            version=version_of(headers),
            complete=fields.flag(headers, "Upload-Complete"),
            offset=fields.number(headers, "Upload-Offset"),
            length=fields.number(headers, "Upload-Length"),
            content_length=int(content_length) if content_length.isdecimal() else None,
            content_sha256=fields.sums(headers, "Content-Digest").get("sha-256"),
            whole_sha256=fields.sums(headers, "Repr-Digest").get("sha-256"),
        )

    @classmethod
    def spoken(cls, headers: Headers) -> "Draft":
        """The same; DraftUnsupported if it is of a version from before 04."""
        draft = cls.of(headers)
        if draft.version is not None and draft.version < OLDEST:
            raise DraftUnsupported
        return draft

    @property
    def is_sixth(self) -> bool:
        return self.version == SIXTH

    @property
    def checksum(self) -> Checksum | None:
        """Of this request's body."""
        return Checksum("sha256", self.content_sha256) if self.content_sha256 is not None else None

    def whole_length(self, offset: int) -> int | None:
        """How long all of it is by what is said here; LengthInconsistent where that is said in two ways."""
        ends_at = offset + self.content_length if self.complete and self.content_length is not None else None
        if self.length is not None and ends_at is not None and self.length != ends_at:
            raise LengthInconsistent
        return self.length if self.length is not None else ends_at


def version_of(headers: Headers) -> int | None:
    return fields.number(headers, VERSION)


def is_named(headers: Headers) -> bool:
    """Whether a request says of itself that it is one of these."""
    return any(name in headers for name in NAMED)


def is_partial(headers: Headers) -> bool:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower() == PARTIAL
