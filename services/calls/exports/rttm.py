"""NIST's Rich Transcription Time Marks: when each side speaks, in a line of ten fields for each turn."""

import re
from collections.abc import Sequence

from services.calls.turns import Turn
from services.interviews.model import CallSide

MEDIA_TYPE = "text/plain"
CHANNELS = {CallSide.LEFT: 1, CallSide.RIGHT: 2}
LEAST_SECONDS = 0.001


def rttm(turns: Sequence[Turn], file: str) -> str:
    """`file` is what the recording is called; white space parts fields, so that it has none."""
    name = re.sub(r"\s+", "_", file.strip()) or "call"
    return "".join(_line(turn, name) for turn in turns)


def _line(turn: Turn, name: str) -> str:
    seconds = max(LEAST_SECONDS, turn.seconds)
    place = f"{CHANNELS[turn.speaker]} {turn.start:.3f} {seconds:.3f}"
    return f"SPEAKER {name} {place} <NA> <NA> {turn.speaker.value} <NA> <NA>\n"
