"""What was said in the stretches of recordings that are being transcribed."""

from typing import Protocol

from services.interviews.model import PartId
from services.interviews.transcript import Utterance


class Utterances(Protocol):
    """Kept until the record of the recording has its transcript, or is given up."""

    async def settled(self, id: PartId) -> list[Utterance]:
        """Those up to the checkpoint of the record, in their order."""

    async def get(self, id: PartId, number: int) -> Utterance | None:
        """One of them, by its number, which has to be below that of the checkpoint."""

    async def forget(self, id: PartId) -> None:
        """Let go of all of a recording; nothing there is no error."""

    async def strays(self) -> list[PartId]:
        """The recordings whose utterances no record needs, as a worker may leave some that had lost its claim."""
