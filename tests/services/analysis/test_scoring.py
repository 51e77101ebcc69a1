"""Scores rest on what can be believed, and say how much that is."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from services.interviews.model import Answer, Evaluation, Mark, Part, Question, Status
from services.interviews.transcript import Segment, Transcript, Verdict, Word
from tests.in_memory import ALICE, Q1, Interior

SURE, UNSURE = 0.9, 0.2


def segment(text: str, start: float, likely: float = SURE) -> Segment:
    """Two seconds of speech."""
    words = (Word(text=text, start=start, end=start + 2, probability=likely),)
    return Segment(text=text, start=start, end=start + 2, words=words)


async def scored(*segments: Segment) -> Answer:
    house = Interior()
    house.ears.segments = segments
    id = await house.session()
    await house.upload(id)
    await house.work_off()
    return (await house.sessions.get(id, ALICE)).answers[Q1]


async def test_what_is_suspected_shows_no_point() -> None:
    good = segment("An index avoids a full table scan.", 0.0, UNSURE)
    answer = await scored(good, segment("Nothing of it matters much.", 2.0), segment("I would not know.", 4.0))
    assert answer.verdict is Verdict.SUSPECTED
    assert answer.transcript is not None and good.text in answer.transcript
    assert answer.evaluation is not None
    assert answer.evaluation.usable_share == 0.667
    assert not any(each.covered for each in answer.evaluation.feedback)


async def test_every_quote_stands_in_the_whole_transcript() -> None:
    answer = await scored(
        segment("An index avoids a full", 0.0), segment("and thank you", 2.0, UNSURE), segment("table scan.", 4.0)
    )
    assert answer.evaluation is not None and answer.transcript is not None
    quotes = [each.quote for each in answer.evaluation.feedback if each.quote]
    assert all(quote in answer.transcript for quote in quotes)


async def test_the_rest_of_the_answer_counts() -> None:
    answer = await scored(
        segment("An index avoids a full table scan.", 0.0), segment("Thank you for watching.", 2.0, UNSURE)
    )
    assert answer.evaluation is not None
    assert (answer.evaluation.score, answer.evaluation.usable_share) == (50.0, 0.5)
    assert [each.quote for each in answer.evaluation.feedback if each.covered] == ["An index avoids a full table scan."]


async def test_where_most_of_the_speech_cannot_be_used_there_is_no_score_and_no_scorer_is_asked() -> None:
    answer = await scored(
        segment("An index avoids a full table scan.", 0.0), *(segment("Bye.", 2.0 * at, UNSURE) for at in (1, 2))
    )
    assert answer.evaluation is not None
    found = answer.evaluation
    assert (found.score, found.reason, found.usable_share, found.scorer) == (None, "too_little_usable", 0.333, "")


async def test_speech_that_nobody_could_read_lowers_the_share() -> None:
    answer = await scored(segment("An index avoids a full table scan.", 0.0), Segment(text="", start=2.0, end=3.0))
    assert answer.verdict is Verdict.INCOMPLETE
    assert answer.evaluation is not None
    assert (answer.evaluation.score, answer.evaluation.usable_share) == (50.0, 0.741)


async def completed(house: Interior, part: Part, *, close: Callable[..., Awaitable[None]]) -> Answer:
    await replace(house.worker(), close=close).run(part.id)
    return (await house.sessions.get(part.session_id, ALICE)).answers[Q1]


async def test_a_scorer_that_needs_nobody_has_scored_what_shows() -> None:
    house, seen = Interior(), []
    part = await house.upload(await house.session())

    async def close(*ended: Any) -> None:
        await house.closing.close(*ended)
        seen.append((await house.sessions.get(part.session_id, ALICE)).answers[Q1].mark)

    await completed(house, part, close=close)
    assert seen == [Mark.SCORED]
    assert not house.memory.rows[part.id].to_score


async def test_the_score_of_what_the_sweep_has_shown_meanwhile_is_not_lost() -> None:
    house = Interior()
    part = await house.upload(await house.session())

    async def close(part: Part, *rest: Any) -> None:
        await house.closing.close(part)
        await house.closing.close(part, *rest)

    assert (await completed(house, part, close=close)).mark is Mark.SCORED


class Wanting:
    """A local scorer with something wrong in it."""

    def __init__(self) -> None:
        self.asked = 0

    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        self.asked += 1
        raise ValueError("this was not foreseen")


@pytest.mark.parametrize("words", [5, 5_000])
async def test_what_is_not_scored_at_once_is_scored_afterwards(words: int) -> None:
    house = Interior()
    house.ears.segments = tuple(segment("index", 2.0 * at) for at in range(words))
    house.scorer = scorer = Wanting()
    part = await house.upload(await house.session())
    scoring = replace(house.scoring, at_once=True)
    await replace(house.worker(), assess=scoring.assess, score=scoring.first).run(part.id)
    answer = (await house.sessions.get(part.session_id, ALICE)).answers[Q1]
    assert (answer.status, answer.mark) == (Status.COMPLETED, Mark.PENDING)
    assert scorer.asked == (2 if words == 5 else 1), "a long one is not asked about before it shows"
    assert house.memory.rows[part.id].score_failures == 1
