"""What the audio of a call is called where it is kept or handed out."""

from enum import StrEnum

from services.interviews.model import CallId


class Sound(StrEnum):
    """One side alone, or both: the left one on the left channel."""

    LEFT = "left"
    RIGHT = "right"
    MERGED = "merged"


def file_of(call: CallId, sound: Sound) -> str:
    return f"conversation_{call}_{sound.value}.opus"
