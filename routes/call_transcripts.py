"""What was said in a call, as a conversation: JSON, or a file that players and annotators read."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from routes.conversation_schemas import ConversationOut
from routes.dependencies import Asker, Needs
from routes.errors import documented
from services import errors
from services.calls.conversations import Conversation
from services.calls.exports import rttm, srt, webvtt
from services.errors import ConversationPending
from services.interviews.model import ID_PATTERN, CallId

router = APIRouter(tags=["calls"])

Form = Literal["json", "vtt", "srt", "rttm"]
FORMS: dict[Form, tuple[str, Callable[[Conversation], str]]] = {
    "vtt": (webvtt.MEDIA_TYPE, lambda one: webvtt.webvtt(one.turns)),
    "srt": (srt.MEDIA_TYPE, lambda one: srt.srt(one.turns)),
    "rttm": (rttm.MEDIA_TYPE, lambda one: rttm.rttm(one.turns, one.id)),
}
TEXT = {"schema": {"type": "string"}}
WRITTEN: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ConversationOut,
        "content": {media_type: TEXT for media_type, _ in FORMS.values()},
        "description": "The conversation, as it was asked for.",
    }
}


@router.get(
    "/api/calls/{call_id}/transcript",
    operation_id="getCallTranscript",
    response_model=ConversationOut,
    responses=WRITTEN
    | documented(
        errors.CallNotFound,
        errors.CallGone,
        errors.SessionErased,
        errors.ConversationPending,
        errors.StoreUnavailable,
        errors.RateLimited,
    ),
)
async def call_transcript(
    call_id: Annotated[CallId, Path(pattern=ID_PATTERN, description="A call's id, also of an upload with two sides.")],
    viewer: Asker,
    services: Needs,
    format: Annotated[
        Form,
        Query(description="WebVTT, SRT and RTTM are there once all is transcribed; JSON has what is there so far."),
    ] = "json",
    words: Annotated[bool, Query(description="Also give the words of each turn with their times, in JSON.")] = False,
) -> ConversationOut | Response:
    """Both sides of a call, turn by turn, with how fast was answered and who spoke how much."""
    conversation = await services.conversations.get(call_id, viewer)
    if format == "json":
        return await asyncio.to_thread(ConversationOut.of, conversation, with_words=words)
    if not conversation.is_over:
        raise ConversationPending(retry_after=await services.eta.of_session(conversation.session_id))
    media_type, write = FORMS[format]
    name = f"conversation_{conversation.id}.{format}"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    written = await asyncio.to_thread(write, conversation)
    return Response(written, media_type=f"{media_type}; charset=utf-8", headers=disposition)
