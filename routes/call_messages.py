"""What is said on a call's socket: by the bridge that brings it, and to it."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from routes.recorder_messages import LONGEST, told
from services.calls.model import Tally
from services.errors import CallMessageInvalid
from services.interviews.model import CallSide

SIDES = (CallSide.LEFT, CallSide.RIGHT)
MOST_PACKET_BYTES = 65_535  # no network carries a longer one


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["end"]
    side: Literal["left", "right"] | None = None


def heard(text: str) -> CallSide | None:
    """Which side has ended; None where both have. CallMessageInvalid."""
    try:
        if len(text) > LONGEST:
            raise CallMessageInvalid
        said = Said.model_validate_json(text)
    except ValidationError:
        raise CallMessageInvalid from None
    return None if said.side is None else CallSide(said.side)


def packet_of(message: bytes) -> tuple[CallSide, bytes]:
    """The side of which it is, and the packet behind that. CallMessageInvalid."""
    if not message or message[0] >= len(SIDES) or len(message) > 1 + MOST_PACKET_BYTES:
        raise CallMessageInvalid
    return SIDES[message[0]], message[1:]


def ready(call_id: str, tallies: Mapping[CallSide, Tally]) -> str:
    """How far each side is kept: behind its last sequence it goes on."""
    known = {
        side.value: {"last_sequence": tally.last_sequence, "packets": tally.packets, "seconds": tally.seconds}
        for side, tally in tallies.items()
    }
    return told("ready", call_id=call_id, **known)


def acknowledged(tallies: Mapping[CallSide, Tally]) -> str:
    """So much of each side is kept."""
    kept = {side.value: {"packets": tally.packets, "seconds": tally.seconds} for side, tally in tallies.items()}
    return told("ack", **kept)
