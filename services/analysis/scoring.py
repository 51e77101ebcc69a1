"""Scoring an answer as soon as its transcript is there, by one claim at a time; anew where an operator asks for it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace

import structlog
from structlog.contextvars import bound_contextvars

from services.analysis import evidence
from services.analysis.ports import Scorer, ScoringClaim, Scorings
from services.analysis.quote_times import with_times
from services.errors import Problem, ScorerBusy, ScorerUnavailable, SessionNotFound, StoreUnavailable
from services.interviews.model import Answer, Evaluation, Part, PartId, PartState, Question, Status, UserId, Viewer
from services.interviews.ports import Sessions
from services.interviews.transcript import Transcript
from services.recordings.ports.records import Records
from services.retry_after import LONGEST_WAIT

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 15.0
MOST_FAILURES = 5
TURN_SECONDS = 5.0
LEAST_USABLE = 0.5
# Characters of a transcript that are scored before its answer shows.
MOST_AT_ONCE = 20_000
HOUSE = Viewer(UserId(""), is_admin=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    sessions: Sessions
    records: Records
    scorings: Scorings
    scorer: Scorer
    turn: Callable[[float], AbstractAsyncContextManager[bool]]
    hold_seconds: float
    at_once: bool = False

    async def run(self, id: PartId) -> None:
        """Score a completed part's answer; a scorer out of reach is asked again later, then given up."""
        part, transcript = await self.records.get(id), await self.records.transcript(id)
        if part is not None and part.state is PartState.COMPLETED:
            await self.score(part, transcript)

    async def assess(self, part: Part, transcript: Transcript) -> Evaluation | None:
        """The evaluation of a part that was just completed, so that it shows with its end: of a scorer that needs
        nobody and answers `at_once`, of what is no longer than it reads in a moment. None: it is scored afterwards.
        """
        if not self.at_once or part.is_aside or len(transcript.text) > MOST_AT_ONCE:
            return None
        try:
            question = await self.sessions.question(part.session_id, part.question_id)
            return None if question is None else await self._evaluation(question, transcript)
        except Exception as problem:
            log.warning("not scored at once", part=part.id, reason=str(problem))
            return None

    async def first(self, part: Part, transcript: Transcript) -> None:
        """The same of a part that was just completed, and claimed for its first scoring in the same write."""
        await self.score(part, transcript, ScoringClaim(1))

    async def score(self, part: Part, transcript: Transcript | None, claim: ScoringClaim | None = None) -> None:
        """The same, where the record and the transcript are at hand; one that is being scored is left alone.

        While the scorer takes no more calls it is left as it is: the sweep asks again.
        """
        try:
            session = await self.sessions.get(part.session_id, HOUSE)
        except SessionNotFound:  # it was erased meanwhile
            return
        answer = session.answers.get(part.question_id)
        if answer is None or not _is_shown(part, answer):
            return
        if answer.take > part.take or not answer.lacks_score:
            await self.scorings.scored(part.id)
            return
        on = bound_contextvars(part=part.id, session=part.session_id, question=part.question_id)
        async with self.turn(TURN_SECONDS) as came:
            if came:
                with on:
                    await self._score(part, session.question(part.question_id), transcript, claim)
            elif claim is not None:
                await self.scorings.score_again(part.id, claim, 0.0, failed=False)

    async def _score(
        self, part: Part, question: Question | None, transcript: Transcript | None, claim: ScoringClaim | None
    ) -> None:
        claim = claim or await self.scorings.claim_scoring(part.id, self.hold_seconds)
        evaluation = claim and await self._evaluate(part, question, transcript, claim)
        if evaluation:
            await self.sessions.score(part.session_id, part.question_id, part.take, evaluation)
            await self.scorings.scored(part.id)

    async def _evaluate(
        self, part: Part, question: Question | None, transcript: Transcript | None, claim: ScoringClaim
    ) -> Evaluation | None:
        if question is None or transcript is None:
            return Evaluation(score=None, reason="nothing_to_score")
        try:
            return await self._evaluation(question, transcript)
        except Exception as problem:
            return await self._not_scored(part, claim, problem)
        except asyncio.CancelledError:
            with suppress(StoreUnavailable):
                await asyncio.shield(self.scorings.score_again(part.id, claim, 0.0, failed=False))
            raise

    async def _evaluation(self, question: Question, transcript: Transcript) -> Evaluation:
        """Where too little can be believed no scorer is asked."""
        if transcript.no_speech:
            return Evaluation(score=None, reason="no_speech")
        share = evidence.usable_share(transcript)
        if share is not None and share < LEAST_USABLE:
            return Evaluation(score=None, reason="too_little_usable", usable_share=share)
        found = await self.scorer.score(question, replace(transcript, text=evidence.quotable(transcript)))
        return replace(found, usable_share=share, feedback=with_times(found.feedback, transcript))

    async def _not_scored(self, part: Part, claim: ScoringClaim, problem: Exception) -> Evaluation | None:
        """Later again, or no score for want of a scorer."""
        asked = min((problem.retry_after if isinstance(problem, Problem) else None) or 0.0, LONGEST_WAIT)
        waits = isinstance(problem, ScorerBusy) and claim.waited_seconds < LONGEST_WAIT
        unexpected = None if isinstance(problem, ScorerUnavailable) else problem
        log.warning("scoring failed", failures=claim.failures, reason=str(problem), exc_info=unexpected)
        if not waits and claim.failures + 1 >= MOST_FAILURES:
            return Evaluation(score=None, reason=ScorerUnavailable.code)
        await self.scorings.score_again(part.id, claim, max(AGAIN_SECONDS, asked), failed=not waits)
        return None


def _is_shown(part: Part, answer: Answer) -> bool:
    """Whether the end of this take, or a newer take, shows: before that there is nothing to score, only to wait."""
    return answer.take > part.take or (answer.take == part.take and answer.status is Status.COMPLETED)
