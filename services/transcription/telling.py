"""What was said in a recording is told as soon as it is settled: to who follows the session, and to webhooks.

Once it is settled nothing depends on it: what one worker has not told, who settles the next stretch does.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from services.errors import Problem
from services.events.model import AnswerHeard
from services.interviews.model import Part
from services.interviews.ports import Sessions
from services.interviews.spoken import Spoken, spoken_of
from services.interviews.transcript import Utterance
from services.recordings.ports.utterances import Utterances

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    sessions: Sessions
    utterances: Utterances
    emit: Callable[[AnswerHeard], Awaitable[None]]

    async def tell(self, part: Part, utterance: Utterance) -> None:
        """Tell what was just settled, behind whatever before it is not told yet.

        Of two channels the first one's is told: it is the answer.
        """
        if utterance.channel:
            return
        try:
            told = await self._told(part, [spoken_of(utterance)])
            if told is not None and told <= utterance.number:
                await self._catch_up(part, told)
        except Problem as problem:
            log.warning("utterance not told yet", part=part.id, number=utterance.number, code=problem.code)

    async def _catch_up(self, part: Part, told: int) -> None:
        settled = [one for one in await self.utterances.settled(part.id) if not one.channel]
        missing = [spoken_of(one) for one in settled if one.number >= told]
        for start in range(0, len(missing), MOST_AT_ONCE):
            await self._told(part, missing[start : start + MOST_AT_ONCE])

    async def _told(self, part: Part, spoken: Sequence[Spoken]) -> int | None:
        """Webhooks first: what is noted for them twice is noted once, and what is not is never told."""
        for one in () if part.is_aside else spoken:
            await self.emit(AnswerHeard(part, one))
        return await self.sessions.tell(part, spoken)
