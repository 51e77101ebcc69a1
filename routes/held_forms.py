"""Forms that are held until they are whole, because what says whose a slice is may come behind its bytes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from routes.dependencies import Services
from routes.multipart import FORM_OVERHEAD, Fields, boundary_of
from routes.upload_deadlines import Patience
from services.errors import AudioTooLarge, TooLargeToCheck, UploadsSaturated

MOST_HELD = 256 * 1024 * 1024
AGAIN_SECONDS = 1.0

Said = TypeVar("Said", bound=BaseModel)


@dataclass(slots=True)
class Held:
    """How many bytes of forms this process holds, all together."""

    most: int = MOST_HELD
    bytes: int = 0

    @contextmanager
    def room(self) -> Iterator["Room"]:
        """Room that is given back at the end."""
        room = Room(self)
        try:
            yield room
        finally:
            self.bytes -= room.bytes


@dataclass(slots=True)
class Room:
    held: Held
    bytes: int = 0

    def take(self, size: int) -> None:
        """UploadsSaturated where there is no room for so many more."""
        if self.held.bytes + size > self.held.most:
            raise UploadsSaturated(retry_after=AGAIN_SECONDS)
        self.held.bytes += size
        self.bytes += size


@dataclass(frozen=True, slots=True)
class Form:
    data: bytes
    texts: dict[str, str]


@asynccontextmanager
async def held_form(request: Request, services: Services, file: str) -> AsyncIterator[Form]:
    """A form whose one file is in this field; TooLargeToCheck, UploadsSaturated and the problems of uploads."""
    held: Held = request.app.state.held
    most = services.arrivals.limits.most_staged_bytes
    fields, pieces = Fields(file), list[bytes]()
    with held.room() as room:
        try:
            async for piece in file_of(request, services, fields, file, most):
                room.take(len(piece))
                pieces.append(piece)
        except AudioTooLarge:
            raise TooLargeToCheck.over(most) from None
        yield Form(b"".join(pieces), fields.texts)


async def file_of(request: Request, services: Services, fields: Fields, file: str, most: int) -> AsyncIterator[bytes]:
    """The bytes of the form's file as they arrive; AudioTooLarge, where it says so itself at once."""
    boundary = boundary_of(request.headers.get("content-type"), file)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most + FORM_OVERHEAD:
        raise AudioTooLarge.over(most)
    patience = Patience(services.upload_idle_seconds, services.upload_least_rate, services.departure)
    async for piece in fields.read(request.stream(), boundary, most, patience):
        yield piece


def said(form: type[Said], texts: dict[str, str]) -> Said:
    """What the text fields say, a field left empty saying nothing; 422 names each that cannot be."""
    try:
        return form.model_validate({name: text for name, text in texts.items() if text})
    except ValidationError as invalid:
        found = invalid.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in found]) from None
