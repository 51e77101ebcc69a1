"""`python -m scripts.calls.make_sample`: the sample call that the demo page plays, and what the product makes of it."""

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import av
import numpy as np

from app.config import Settings
from app.engines import open_engines
from routes.conversation_schemas import ConversationOut
from scripts.calls.sample import RATE, SampleCall, sample_call
from scripts.hear import NOBODYS, File
from services.calls.conversations import Conversation
from services.calls.model import Heard
from services.interviews.model import CallId, CallSide, Part, PartState, QuestionId, SessionId
from services.interviews.transcript import Transcript
from services.recordings.ports.audio import Audio
from services.transcription.listening import Listening

FOLDER = Path(__file__).parents[2] / "web" / "timeline"
BIT_RATE = 40_000


def make() -> None:
    """Write sample.webm, and sample.json as the API would answer it."""
    sound = coded(sample_call())
    transcript = asyncio.run(_heard(sound))
    (FOLDER / "sample.webm").write_bytes(sound)
    told = ConversationOut.of(_conversation(transcript), with_words=True).model_dump(mode="json")
    (FOLDER / "sample.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def coded(call: SampleCall) -> bytes:
    """Both sides, the left one on the left."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm", options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream("libopus", rate=RATE, layout="stereo")
        stream.bit_rate = BIT_RATE
        sound = np.ascontiguousarray(np.stack([call.left, call.right]).T).reshape(1, -1)
        for at in range(0, sound.shape[1], 2 * 960):
            frame = av.AudioFrame.from_ndarray(sound[:, at : at + 2 * 960], format="s16", layout="stereo")
            frame.sample_rate = RATE
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


async def _heard(data: bytes) -> Transcript:
    engines = open_engines(Settings.told({}))
    try:
        held = cast(Audio, File(data))
        listening = Listening(audio=held, decoder=engines.decoder, activity=engines.activity, engine=engines.speech)
        return await listening.listen_through(replace(NOBODYS, bytes=len(data), channels=2))
    finally:
        await engines.close()


def _conversation(transcript: Transcript) -> Conversation:
    part: Part = replace(NOBODYS, state=PartState.COMPLETED)
    said = {CallSide.LEFT: transcript, CallSide.RIGHT: transcript.right}
    return Conversation(
        id=CallId("sample"),
        session_id=SessionId("sample"),
        question_id=QuestionId("sample"),
        take=1,
        is_over=True,
        sides={side: Heard(part=part, transcript=one) for side, one in said.items()},
    )


if __name__ == "__main__":
    make()
