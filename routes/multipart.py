"""Reading one file out of a multipart body while it arrives; nothing is kept but the piece in hand, and text fields."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from routes.upload_deadlines import Patience, patient
from services.errors import (
    AudioEmpty,
    AudioFieldMissing,
    AudioTooLarge,
    NotAudio,
    TooManyFiles,
    UploadMalformed,
    UploadTruncated,
)
from services.recordings.formats import SNIFF_BYTES, estimated_seconds, sniff
from services.recordings.ports.audio import Incoming

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD = "audio"
MOST_TEXT_FIELDS = 8
MOST_TEXT_BYTES = 64 * 1024
LONGEST_BOUNDARY = 256
LONGEST_TYPE = 1024
FORM_OVERHEAD = 128 * 1024


def boundary_of(content_type: str | None, file: str = FIELD) -> bytes:
    """The boundary of a multipart/form-data body; UploadMalformed if it is none."""
    is_read = content_type is not None and len(content_type) <= LONGEST_TYPE
    kind, options = parse_options_header(content_type if is_read else "")
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise UploadMalformed(_malformed(file))
    return boundary


@dataclass(slots=True)
class _Form:
    """What the parser's callbacks have met so far."""

    file: str = FIELD
    texts: dict[str, bytes] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    header: bytes = b""
    value: bytes = b""
    disposition: bytes = b""
    in_file: bool = False
    text: str = ""
    files: int = 0
    text_fields: int = 0
    text_bytes: int = 0
    ended: bool = False

    def on_part_begin(self) -> None:
        self.disposition = b""
        self.in_file = False

    def on_header_begin(self) -> None:
        self.header = self.value = b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def on_header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            self.disposition = self.value

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self.disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self.in_file = name == self.file
        if self.in_file or b"filename" in options:
            self.files += 1
        else:
            self.text_fields += 1
            self.text = name
        if self.files > 1:
            raise TooManyFiles(f"Send one file, in the form field '{self.file}'.")
        if self.text_fields > MOST_TEXT_FIELDS:
            raise UploadMalformed(f"The form has more than {MOST_TEXT_FIELDS} fields beside its file. Send fewer.")
        if self.files and b"filename" in options and not self.in_file:
            raise AudioFieldMissing(_missing(self.file))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self.in_file:
            self.pieces.append(data[start:end])
            return
        self.text_bytes += end - start
        if self.text_bytes > MOST_TEXT_BYTES:
            raise UploadMalformed("The form's text fields are too large.")
        self.texts[self.text] = self.texts.get(self.text, b"") + data[start:end]

    def on_end(self) -> None:
        self.ended = True

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self.on_part_begin,
            "on_header_begin": self.on_header_begin,
            "on_header_field": self.on_header_field,
            "on_header_value": self.on_header_value,
            "on_header_end": self.on_header_end,
            "on_headers_finished": self.on_headers_finished,
            "on_part_data": self.on_part_data,
            "on_end": self.on_end,
        }

    def take(self) -> list[bytes]:
        pieces, self.pieces = self.pieces, []
        return pieces


async def file_bytes(
    body: AsyncIterator[bytes], boundary: bytes, max_bytes: int, patience: Patience
) -> AsyncIterator[bytes]:
    """The bytes of the form's one file as they arrive.

    AudioTooLarge past the cap, UploadTruncated if the body ends early,
    UploadStalled if nothing or too little arrives for long, and the other upload problems.
    """
    async for piece in _read(_Form(), body, boundary, max_bytes, patience):
        yield piece


class Fields:
    """A form with one file in this field: the file's bytes as they arrive, and the text fields that came so far."""

    def __init__(self, file: str) -> None:
        self._form = _Form(file)

    @property
    def texts(self) -> dict[str, str]:
        return {name: value.decode("utf-8", "replace") for name, value in self._form.texts.items()}

    def read(
        self, body: AsyncIterator[bytes], boundary: bytes, max_bytes: int, patience: Patience
    ) -> AsyncIterator[bytes]:
        """As `file_bytes` does."""
        return _read(self._form, body, boundary, max_bytes, patience)


async def _read(
    form: _Form, body: AsyncIterator[bytes], boundary: bytes, max_bytes: int, patience: Patience
) -> AsyncIterator[bytes]:
    parser = MultipartParser(boundary, form.callbacks())
    size = total = 0
    async for chunk in patient(body, patience):
        total += len(chunk)
        if total > max_bytes + FORM_OVERHEAD:
            raise AudioTooLarge.over(max_bytes)
        try:
            parser.write(chunk)
        except FormParserError:
            raise UploadMalformed(_malformed(form.file)) from None
        for piece in form.take():
            size += len(piece)
            if size > max_bytes:
                raise AudioTooLarge.over(max_bytes)
            yield piece
    if not form.ended:
        raise UploadTruncated
    if not form.files:
        raise AudioFieldMissing(_missing(form.file))


def _malformed(file: str) -> str:
    return f"Send multipart/form-data with the recording in the field '{file}'."


def _missing(file: str) -> str:
    return f"There is no file in the form field '{file}'."


async def incoming(
    data: AsyncIterator[bytes], declared: int = 0, reserve: Callable[[float], Awaitable[None]] | None = None
) -> Incoming:
    """Look at the first bytes: AudioEmpty, NotAudio, or TooMuchQueued, before anything is stored."""
    head = b""
    async for piece in data:
        head += piece
        if len(head) >= SNIFF_BYTES:
            break
    if not head:
        raise AudioEmpty
    container = sniff(head)
    if container is None:
        raise NotAudio
    found = Incoming(container, _chained(head, data), declared, *([reserve] if reserve else []))
    await found.reserve(estimated_seconds(container, declared))
    return found


async def _chained(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in rest:
        yield piece
