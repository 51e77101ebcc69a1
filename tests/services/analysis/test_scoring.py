"""Scores rest on what can be believed, and say how much that is."""

from services.interviews.model import Answer
from services.interviews.transcript import Segment, Verdict, Word
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
