"""SubRip. It has neither speakers nor escapes: a line begins with who speaks, and what players would take for
something else is parted by a character without width."""

import re
from collections.abc import Sequence

from services.calls.exports.cues import Cue, cues
from services.calls.exports.times import clock
from services.calls.turns import Turn

MEDIA_TYPE = "application/x-subrip"
JOINER = "\u2060"
MARK = re.compile(r"<|\{(?=\\|[A-Za-z]:)|--(?=>)|\\(?=[Nnh])")


def srt(turns: Sequence[Turn]) -> str:
    return "\n".join(_block(number, cue) for number, cue in enumerate(cues(turns), 1))


def _block(number: int, cue: Cue) -> str:
    times = f"{clock(cue.start, ',')} --> {clock(cue.end, ',')}"
    return f"{number}\n{times}\n{cue.speaker.value}: {MARK.sub(_parted, cue.text)}\n"


def _parted(match: "re.Match[str]") -> str:
    return match.group() + JOINER
