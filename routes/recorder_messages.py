"""What is said on a recorder's socket, as text: by the client, and to it."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from routes.errors import problem_of
from routes.upload_answers import AcceptedOut
from services.errors import MessageInvalid, Problem
from services.interviews.model import Part, PartId
from services.interviews.spoken import Spoken
from services.recordings.arrivals import MOST_SLICES
from services.transcription.by_slice import SliceHeard

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


def processed(spoken: Spoken) -> str:
    """A stretch of the recording that comes over the socket is transcribed."""
    place = {"start": spoken.start, "end": spoken.end}
    return told("chunk_processed", chunk_index=spoken.index, **place, **_said(spoken.text, spoken.speech_ratio))


def processed_slice(heard: SliceHeard) -> str:
    """A numbered slice is transcribed."""
    return told("chunk_processed", chunk_index=heard.index, **_said(heard.text, heard.speech_ratio))


def analysis(spoken: Spoken) -> str:
    """The same stretch, as what was found in it."""
    place = {"index": spoken.index, "start": spoken.start, "end": spoken.end}
    return told("analysis", data={**place, **_said(spoken.text, spoken.speech_ratio), "text_is_cut": spoken.is_cut})


def _said(text: str, speech_ratio: float) -> dict[str, Any]:
    return {"text": text, "speech_ratio": speech_ratio}


def accepted(part: Part, id: PartId) -> str:
    return told("complete", **AcceptedOut.of(part, id).model_dump(mode="json"))


def refused(problem: Problem) -> str:
    return problem_of(problem).model_dump_json(exclude_none=True)


def told(type: str, **fields: Any) -> str:
    return json.dumps({"type": type, **fields}, separators=(",", ":"))
