"""Testing a microphone before an interview: what was heard is told, and kept nowhere."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, Field

from routes.dependencies import MicrophoneTestSlot, Needs, Services
from routes.errors import documented
from routes.prefix import MICROPHONE_TEST
from services import errors
from services.interviews.language import LONGEST_TAG, Language, parse
from services.recordings import formats
from services.transcription.microphone_tests import MOST_BYTES, MOST_SECONDS, Heard, Sound

router = APIRouter(tags=["answers"])

ONLY_AUDIO = "Send the recording itself as the body, with its media type: audio/webm, audio/ogg, audio/mp4 …"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "audio/*": {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": f"The recording, of at most {MOST_SECONDS:.0f} s and {MOST_BYTES // 1024} KiB: "
                    f"{formats.names()}.",
                }
            }
        },
    }
}

LanguageQuery = Annotated[
    Language | None,
    Query(max_length=LONGEST_TAG, description="What is spoken: a code of ISO 639, or a tag with one; else detected."),
    AfterValidator(lambda tag: tag if tag is None else parse(tag)),
]


class MicrophoneTestOut(BaseModel):
    """What a worker heard; the recording is gone."""

    text: str = Field(description="What was said, as far as it can be believed.", examples=["Can you hear me?"])
    heard: bool = Field(description="Whether anybody spoke.")
    seconds: float = Field(description="How long the recording is.", examples=[3.2])


@router.post(
    MICROPHONE_TEST,
    operation_id="testMicrophone",
    response_model=MicrophoneTestOut,
    dependencies=[MicrophoneTestSlot],
    openapi_extra=BODY,
    responses=documented(
        errors.AudioEmpty,
        errors.BodyStalled,
        errors.AudioTooLarge,
        errors.NotAudio,
        errors.AudioUnreadable,
        errors.AudioTooLong,
        errors.RateLimited,
        errors.TooManyMicrophoneTests,
        errors.TooManyBodies,
        errors.BodiesSaturated,
        errors.NobodyListens,
        errors.ServerLeaving,
    ),
)
async def hear_microphone(request: Request, services: Needs, language: LanguageQuery = None) -> MicrophoneTestOut:
    """Have a few seconds of sound listened to as an answer would be; neither sound nor text is kept anywhere."""
    if not request.headers.get("content-type", "").lower().startswith("audio/"):
        raise errors.NotAudio(ONLY_AUDIO)
    recording = await request.body()
    if not recording:
        raise errors.AudioEmpty
    if formats.container_of(recording) is None:
        raise errors.NotAudio
    heard = await _heard(services, Sound(recording=recording, language=language))
    return MicrophoneTestOut(text=heard.text, heard=heard.heard, seconds=heard.seconds)


async def _heard(services: Services, sound: Sound) -> Heard:
    """ServerLeaving if the server stops before there is an answer."""
    asking = asyncio.ensure_future(services.microphone_tests.hear(sound))

    def end() -> None:
        asking.cancel()

    with services.departure.heeded(end):
        try:
            return await asking
        except asyncio.CancelledError:
            if services.departure.is_over:
                raise errors.ServerLeaving from None
            raise
