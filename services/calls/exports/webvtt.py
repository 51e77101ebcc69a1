"""WebVTT, with a voice tag for each side."""

from collections.abc import Sequence

from services.calls.exports.cues import Cue, cues
from services.calls.exports.times import clock
from services.calls.turns import Turn

MEDIA_TYPE = "text/vtt"


def webvtt(turns: Sequence[Turn]) -> str:
    return "\n\n".join(["WEBVTT", *(_block(cue) for cue in cues(turns))]) + "\n"


def _block(cue: Cue) -> str:
    times = f"{clock(cue.start, '.')} --> {clock(cue.end, '.')}"
    return f"{times}\n<v {cue.speaker.value}>{_escaped(cue.text)}</v>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
