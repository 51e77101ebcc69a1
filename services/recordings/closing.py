"""Closing an ended part: the audio goes, a receipt is made, the answer shows the end, webhooks are recorded, the
record is settled.

The order is the promise: an answer that shows `completed` has no audio left.
Each step may be repeated; the sweep repeats what was interrupted.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from services.events.model import AnswerEnded
from services.interviews.model import SHOWN, Evaluation, Part, PartState, answer_of, evaluated
from services.interviews.ports import Sessions
from services.interviews.transcript import Transcript
from services.recordings.ports.audio import Audio, Deletion
from services.recordings.ports.records import Closings, Records, Uploads
from services.recordings.ports.utterances import Utterances

log = structlog.get_logger(__name__)


class AudioLeft(Exception):
    """What was deleted is still there: the answer does not show its end before that is over."""


async def _no_receipt(part: Part, deletion: Deletion) -> None:
    """Where no key signs any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    sessions: Sessions
    uploads: Uploads
    records: Records
    closings: Closings
    audio: Audio
    utterances: Utterances
    emit: Callable[[AnswerEnded], Awaitable[None]]
    issue: Callable[[Part, Deletion], Awaitable[str | None]] = _no_receipt

    async def close(
        self, part: Part, transcript: Transcript | None = None, evaluation: Evaluation | None = None
    ) -> None:
        """Do what remains for a part in an ended state; AudioLeft where its audio does not go.

        One that is evaluated already is shown with its score, and is not scored again.

        Of a session that was erased nothing is shown or told, and not even the record stays. What was removed before
        its record was kept may be known by its id alone, and is nobody's to be told of.
        """
        deletion = None if part.keep_audio else await self._delete(part)
        if part.checkpoint is not None and not part.keep_audio:
            await self._forget_words(part)
        receipt = await self.issue(part, deletion) if deletion and not deletion.left and part.user_id else None
        is_shown = await self._shown(part, transcript, receipt, evaluation)
        if not is_shown and await self.sessions.is_erased(part.session_id):
            await self._forget(part)
            return
        is_scored = evaluation is not None
        await self.closings.settle(part.id, part.rev, deletion, has_receipt=receipt is not None, is_scored=is_scored)

    async def _forget_words(self, part: Part) -> None:
        """What was said in its stretches: it stands in its transcript, or nowhere any more."""
        if part.state is not PartState.COMPLETED:
            await self.sessions.unsay(part)
        await self.utterances.forget(part.id)

    async def _shown(
        self, part: Part, transcript: Transcript | None, receipt: str | None, evaluation: Evaluation | None
    ) -> bool:
        if part.state not in SHOWN:
            return False
        if part.state is PartState.COMPLETED and transcript is None:
            transcript = await self.records.transcript(part.id)
        answer = answer_of(part, transcript, receipt)
        if not await self.sessions.show(part.session_id, evaluated(answer, evaluation) if evaluation else answer):
            return False
        if not part.is_aside:
            await self.emit(AnswerEnded(part, transcript, receipt))
        return True

    async def _forget(self, part: Part) -> None:
        if part.keep_audio:
            await self.issue(part, await self._delete(part))
        await self.records.forget(part.id)

    async def _delete(self, part: Part) -> Deletion:
        deletion = await self.audio.delete(part.id)
        log.info("audio deleted", part=part.id, session=part.session_id, question=part.question_id, left=deletion.left)
        if deletion.left and part.state in SHOWN:
            raise AudioLeft(f"{deletion.left} pieces of {part.id} are still there")
        return deletion

    async def supersede(self, part: Part, *, itself: bool = False) -> int:
        """End the takes before this part's, and its own if asked; returns how many ended."""
        before = part.take + 1 if itself else part.take
        ended = await self.uploads.supersede(part.session_id, part.question_id, before)
        for old in ended:
            await self.close(old)
        return len(ended)
