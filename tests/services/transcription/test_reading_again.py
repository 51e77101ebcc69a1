"""What an engine leaves out is asked for again, and once more only as long as that gives something."""

import asyncio
from collections.abc import Callable

import pytest

from services.errors import EngineBusy, EngineRefused, EngineUnavailable
from services.interviews.language import Language
from services.interviews.transcript import Segment, Span, Transcript, Verdict, Word
from services.transcription import coverage
from services.transcription.listening import Listening
from services.transcription.ports import RATE, Activity, Recording, Speech
from services.transcription.reading import PIECES_AT_ONCE
from services.transcription.verdicts import judged
from tests.in_memory import Followed, Interior

SECONDS = 30
PCM = bytes(2 * RATE * SECONDS)

Say = Callable[[Speech], Transcript]


def said(speech: Speech, *segments: Segment, text: str | None = None) -> Transcript:
    whole = " ".join(one.text for one in segments if one.text) if text is None else text
    return Transcript(text=whole, language=Language("en"), duration=speech.recording.duration, segments=segments)


def segment(text: str, start: float, end: float) -> Segment:
    return Segment(text=text, start=start, end=end)


class Engine:
    """Says what it is told to, and notes how many seconds it was given each time."""

    def __init__(self, *answers: Say) -> None:
        self.answers = list(answers)
        self.asked: list[float] = []

    async def transcribe(self, speech: Speech) -> Transcript:
        self.asked.append(round(speech.recording.duration, 1))
        return self.answers.pop(0)(speech)


class Ears:
    def __init__(self, heard: list[Span]) -> None:
        self.heard = heard

    async def find(self, recording: Recording) -> Activity:
        return Activity([Span(0.0, recording.duration)], self.heard)

    def follow(self, state: bytes = b"") -> Followed:
        return Followed(self)


async def listen(engine: Engine, *heard: Span) -> Transcript:
    house = Interior()
    part = await house.upload(await house.session(), data=PCM)
    listening = Listening(audio=house.audio, decoder=house.ears, activity=Ears(list(heard)), engine=engine)
    return await listening.listen_through(part)


async def test_what_was_left_out_is_asked_for_alone_and_stands_where_it_was_said() -> None:
    engine = Engine(
        lambda speech: said(speech, segment("One.", 0.0, 3.0), segment("Three.", 20.0, 23.0)),
        lambda speech: said(speech, segment("Two.", 0.3, 3.0)),
    )
    transcript = await listen(engine, Span(0.0, 3.0), Span(10.0, 13.0), Span(20.0, 23.0))
    assert engine.asked == [30.0, 3.4]
    assert transcript.text == "One. Two. Three."
    assert [(one.start, one.end) for one in transcript.segments] == [(0.0, 3.0), (10.1, 12.8), (20.0, 23.0)]
    assert transcript.verdict is Verdict.OK


async def test_reading_goes_on_as_long_as_it_gives_something() -> None:
    engine = Engine(
        lambda speech: said(speech, segment("One.", 0.0, 3.0)),
        lambda speech: said(speech, segment("Two.", 0.0, 4.0)),
        lambda speech: said(speech, segment("Three.", 0.0, 4.0)),
    )
    transcript = await listen(engine, Span(0.0, 12.0))
    assert transcript.text == "One. Two. Three."
    assert len(engine.asked) == 3


async def test_what_a_second_reading_does_not_give_is_shown_and_the_verdict_says_so() -> None:
    engine = Engine(lambda speech: said(speech, segment("One.", 0.0, 3.0)), said)
    transcript = await listen(engine, Span(0.0, 3.0), Span(10.0, 13.0))
    assert transcript.text == "One."
    assert [(one.text, one.start, one.end) for one in transcript.segments] == [("One.", 0.0, 3.0), ("", 10.0, 13.0)]
    assert transcript.verdict is Verdict.INCOMPLETE


async def test_nothing_is_asked_twice_where_all_has_a_text() -> None:
    engine = Engine(lambda speech: said(speech, segment("All of it.", 0.0, 29.0)))
    assert (await listen(engine, Span(0.0, 29.0))).text == "All of it."
    assert engine.asked == [30.0]


async def test_an_engine_without_times_is_asked_bit_by_bit_where_it_says_little() -> None:
    long = "so many words that nobody can say that they are few for this much speech"
    engine = Engine(lambda speech: said(speech, text="Few words."), lambda speech: said(speech, text=long))
    transcript = await listen(engine, Span(0.0, 28.0))
    assert (transcript.text, engine.asked) == (long, [30.0, 30.0])
    assert transcript.verdict is Verdict.OK


async def test_an_engine_without_times_that_still_says_little_is_incomplete() -> None:
    engine = Engine(*[lambda speech: said(speech, text="Few words.")] * 2)
    transcript = await listen(engine, Span(0.0, 28.0))
    assert transcript.text == "Few words."
    assert transcript.verdict is Verdict.INCOMPLETE


async def test_what_an_engine_without_times_says_only_when_asked_again_is_kept() -> None:
    engine = Engine(lambda speech: said(speech), lambda speech: said(speech, text="Yes, I do."))
    transcript = await listen(engine, Span(0.0, 3.0))
    assert (transcript.text, transcript.language, transcript.verdict) == ("Yes, I do.", "en", Verdict.OK)


async def test_where_somebody_speaks_for_long_and_nothing_is_read_it_is_not_silence() -> None:
    transcript = await listen(Engine(said, said), Span(0.0, 3.0), Span(4.0, 28.0))
    assert (transcript.text, transcript.no_speech, transcript.verdict) == ("", False, Verdict.INCOMPLETE)
    assert [(one.text, one.start, one.end) for one in transcript.segments] == [("", 0.0, 3.0), ("", 4.0, 28.0)]


async def test_times_that_only_the_second_reading_tells_are_kept() -> None:
    engine = Engine(said, lambda speech: said(speech, segment("All of it, with times.", 0.0, 28.0)))
    transcript = await listen(engine, Span(0.0, 28.0))
    assert [(one.text, one.start, one.end) for one in transcript.segments] == [("All of it, with times.", 0.0, 28.0)]


def drawn_out(speech: Speech) -> Transcript:
    places = [("to", 8.0, 8.6), ("go", 8.6, 11.9), ("and", 11.9, 12.2)]
    words = tuple(Word(text=text, start=start, end=end) for text, start, end in places)
    return said(speech, Segment(text="to go and", start=8.0, end=12.2, words=words))


async def test_what_is_heard_with_the_rest_of_a_segment_is_not_asked_for_alone() -> None:
    engine = Engine(drawn_out, lambda speech: said(speech, segment("go and pay a visit", 0.2, 5.0)))
    assert (await listen(engine, Span(7.9, 13.5))).text == "to go and pay a visit"
    assert engine.asked == [30.0, 5.3]


async def test_it_is_asked_for_alone_where_the_rest_gives_nothing_more() -> None:
    engine = Engine(
        drawn_out,
        lambda speech: said(speech, segment("go and", 0.2, 5.0)),
        lambda speech: said(speech, segment("visit", 0.2, 1.2)),
        *[said] * 3,
    )
    assert (await listen(engine, Span(7.9, 13.5))).text == "to go and visit"
    assert engine.asked[:3] == [30.0, 5.3, 1.4]


def refused(speech: Speech) -> Transcript:
    raise EngineRefused


async def test_a_piece_that_is_refused_takes_nothing_from_what_was_read() -> None:
    engine = Engine(lambda speech: said(speech, segment("One.", 0.0, 3.0)), refused)
    transcript = await listen(engine, Span(0.0, 3.0), Span(10.0, 13.0))
    assert (transcript.text, transcript.verdict) == ("One.", Verdict.INCOMPLETE)


GAPS = [Span(float(at), at + 2.0) for at in range(3, 27, 3)]


async def test_a_few_gaps_at_once_are_asked_for_and_none_once_one_has_failed() -> None:
    begun, ended = [0], [0]

    class Failing(Engine):
        async def transcribe(self, speech: Speech) -> Transcript:
            if self.answers:
                return self.answers.pop()(speech)
            begun[0] += 1
            try:
                if begun[0] == PIECES_AT_ONCE:
                    raise EngineUnavailable
                await asyncio.Event().wait()
            finally:
                ended[0] += 1
            raise AssertionError

    with pytest.raises(EngineUnavailable):
        await listen(Failing(lambda speech: said(speech, segment("One.", 0.0, 2.0))), Span(0.0, 2.0), *GAPS)
    await asyncio.sleep(0)
    assert begun == ended, "nothing goes on behind the answer's back"
    assert begun[0] <= PIECES_AT_ONCE + 1 < len(GAPS)


def broken_off(probability: float) -> Transcript:
    last = Word(text="bit.", start=1.5, end=2.0, probability=probability)
    words = (Word(text="Himself,", start=0.0, end=1.0, probability=0.9), last)
    one = Segment(text="Himself, bit.", start=0.0, end=2.0, words=words)
    return Transcript(text=one.text, language=Language("en"), duration=2.1, segments=(one,))


def test_half_a_word_at_a_cut_is_no_word() -> None:
    assert coverage.without_cut_word(broken_off(0.6)).text == "Himself,"
    assert coverage.without_cut_word(broken_off(0.95)).text == "Himself, bit."


def test_a_broken_word_that_stands_alone_stays_and_is_judged_with_its_doubts() -> None:
    alone = Word(text="Yes.", start=1.5, end=2.0, probability=0.5)
    one = Segment(text="Yes.", start=1.5, end=2.0, words=(alone,))
    first = Transcript(text="Yes.", language=Language("en"), duration=2.1, segments=(one,))
    assert judged(coverage.without_cut_word(first), [Span(1.4, 2.1)]).verdict is Verdict.LOW_CONFIDENCE


async def test_a_piece_waits_for_room_and_the_first_reading_is_not_paid_for_again() -> None:
    def busy(_: Speech) -> Transcript:
        raise EngineBusy(retry_after=0.001)

    first = lambda speech: said(speech, segment("One.", 0.0, 3.0))  # noqa: E731
    engine = Engine(first, busy, busy, lambda speech: said(speech, segment("Two.", 0.3, 3.0)))
    heard = (Span(0.0, 3.0), Span(10.0, 13.0))
    assert (await listen(engine, *heard)).text == "One. Two."
    engine = Engine(first, *[busy] * 4)
    transcript = await listen(engine, *heard)
    assert (transcript.text, transcript.verdict) == ("One.", Verdict.INCOMPLETE)
