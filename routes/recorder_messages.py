"""What is said on a recorder's socket, as text: by the client, and to it."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from routes.errors import problem_of
from routes.upload_answers import AcceptedOut
from services.errors import MessageInvalid, Problem
from services.interviews.model import Part, PartId
from services.recordings.arrivals import MOST_SLICES

LONGEST = 1024


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["end", "abort", "chunk_uploaded"]
    bytes: int | None = Field(None, ge=0)
    chunk_index: int | None = Field(None, ge=0, lt=MOST_SLICES)
    session_id: str | None = None


def heard(text: str) -> Said:
    """What the client says; MessageInvalid."""
    if len(text) > LONGEST:
        raise MessageInvalid
    try:
        return Said.model_validate_json(text)
    except ValidationError:
        raise MessageInvalid from None


@dataclass(frozen=True, slots=True)
class Ready:
    """Where the recording goes on: at `offset`; `upload_id` is null where it is not begun yet."""

    question_id: str
    upload_id: PartId | None
    offset: int

    def text(self) -> str:
        return told("ready", question_id=self.question_id, upload_id=self.upload_id, offset=self.offset)


def acknowledged(offset: int) -> str:
    """So many bytes are durable. There is one for each message, so that it is put together by hand."""
    return f'{{"type":"ack","offset":{offset}}}'


def accepted(part: Part, id: PartId) -> str:
    return told("complete", **AcceptedOut.of(part, id).model_dump(mode="json"))


def refused(problem: Problem) -> str:
    return problem_of(problem).model_dump_json(exclude_none=True)


def told(type: str, **fields: Any) -> str:
    return json.dumps({"type": type, **fields}, separators=(",", ":"))
