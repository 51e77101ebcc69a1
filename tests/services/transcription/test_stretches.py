"""A long recording, stretch by stretch: what is settled stays, whatever becomes of who settled it."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from benchmarks.decoded import Decoded
from services.errors import AudioUnreadable, EngineBusy, EngineUnavailable
from services.interviews.language import Language
from services.interviews.model import Part, PartState, Status
from services.interviews.transcript import Flaw, Segment, Span, Transcript, Utterance, Verdict
from services.transcription.listening import Listening
from services.transcription.ports import RATE, START, Activity, Following, Place, Recording, Speech
from services.transcription.stretches import Length, Stretch, Stretches
from services.transcription.together import together
from services.transcription.transcribing import Transcription
from tests.fakes.audio import FakeAudio
from tests.fakes.memory import Memory
from tests.in_memory import ALICE, Q1, Ears, Followed, Interior
from tests.services.adapters.stores import a_part
from tests.virtual_time import hurried

TEN = Length(8.0, 10.0)
SECOND = 2 * RATE
ENGLISH, GERMAN = Language("en"), Language("de")


@dataclass
class Talk(Ears):
    """Somebody speaks all the time, a word a second: the number of the second."""

    given: list[tuple[str, Speech]] = field(default_factory=list)
    asked: list[Place] = field(default_factory=list)
    states: list[bytes] = field(default_factory=list)
    languages: list[Language] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def find(self, recording: Recording) -> Activity:
        spans = [Span(0.0, recording.duration)] if recording.pcm else []
        return Activity(spans, spans)

    def follow(self, state: bytes = b"") -> Following:
        self.states.append(state)
        return Followed(self)

    async def transcribe(self, speech: Speech) -> Transcript:
        await super().transcribe(speech)
        pcm = speech.recording.pcm
        said = [str(pcm[at]) for at in range(0, len(pcm), SECOND)]
        self.given.append((" ".join(said), speech))
        segments = tuple(Segment(text=word, start=at + 0.0, end=at + 1.0) for at, word in enumerate(said))
        language = self.languages.pop(0) if self.languages else ENGLISH
        text = " ".join(said)
        return Transcript(text=text, language=language, duration=len(pcm) / SECOND, segments=segments, engine=self.name)


def talk(seconds: int) -> bytes:
    return b"".join(bytes([second]) * SECOND for second in range(seconds))


def words(first: int, end: int) -> str:
    return " ".join(map(str, range(first, end)))


async def begun(seconds: int = 45) -> tuple[Interior, Talk, Part]:
    ears = Talk()
    house = Interior(ears=ears, length=TEN)
    return house, ears, await house.upload(await house.session(), data=talk(seconds))


async def transcript_of(house: Interior, part: Part) -> Transcript:
    transcript = await house.records.transcript(part.id)
    assert transcript is not None
    return transcript


async def cut(recording: Recording, place: Place = START, number: int = 0) -> list[Stretch]:
    sound = Decoded(recording, place)
    return [one async for one in Stretches(sound=sound, activity=Talk(), length=TEN, place=place, number=number).all()]


@pytest.mark.parametrize("seconds", [0, 1, 9, 10])
async def test_what_is_short_is_one_stretch(seconds: int) -> None:
    (only,) = await cut(Recording(talk(seconds), seconds, (Flaw(code="gap"),)))
    assert (only.number, only.start, only.is_last) == (0, 0.0, True)
    assert only.recording == Recording(talk(seconds), seconds, (Flaw(code="gap"),))


@pytest.mark.parametrize("seconds", [11, 19, 20, 45, 100])
async def test_what_is_long_is_cut_and_nothing_of_it_is_lost(seconds: int) -> None:
    found = await cut(Recording(talk(seconds), seconds))
    assert b"".join(one.recording.pcm for one in found) == talk(seconds)
    assert [one.number for one in found] == list(range(len(found)))
    assert [one.is_last for one in found] == [False] * (len(found) - 1) + [True]
    assert all(one.recording.duration <= TEN.most for one in found)
    assert found[-1].recording.pcm
    for one in found:
        assert one.start == sum(before.recording.duration for before in found[: one.number])
        assert one.behind.samples == (one.start + one.recording.duration) * RATE


@dataclass(frozen=True)
class Lying(Decoded):
    """Tells of fewer samples, or of more, than there are."""

    told: int = 0

    @property
    def samples(self) -> int:
        return self.told


@pytest.mark.parametrize("told", [0, 1, 12 * RATE, 1_000 * RATE])
async def test_no_more_than_a_stretch_is_held_whatever_is_told_of_the_length(told: int) -> None:
    sound = Lying(Recording(talk(45), 45.0), START, told=told)
    found = [one async for one in Stretches(sound=sound, activity=Talk(), length=TEN).all()]
    assert b"".join(one.recording.pcm for one in found) == talk(45)
    assert all(one.recording.duration <= TEN.most + 1.0 for one in found)


async def test_who_goes_on_cuts_as_who_went_on() -> None:
    recording = Recording(talk(45), 45.0)
    found = await cut(recording)
    again = await cut(recording, found[1].behind, 2)
    assert [(one.number, one.start, one.recording) for one in again] == [
        (one.number, one.start, one.recording) for one in found[2:]
    ]


async def test_a_long_recording_is_one_transcript_and_nothing_else_is_left_of_it() -> None:
    house, ears, part = await begun()
    await house.work_off()
    transcript = await transcript_of(house, part)
    assert transcript.text == words(0, 45)
    assert [one.start for one in transcript.segments] == [float(second) for second in range(45)]
    assert (transcript.duration, transcript.language, transcript.verdict) == (45.0, ENGLISH, Verdict.OK)
    assert len(ears.given) == 5
    assert house.memory.utterances == {}
    assert house.part(part.id).checkpoint is None


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_who_goes_on_after_a_kill_reads_no_more_than_the_stretch_that_was_lost(after: int) -> None:
    """Between engine and checkpoint: what the engine said last is nowhere."""
    house, ears, part = await begun()
    settle = house.claims.settle

    async def settles(part: Part, utterance: Utterance, checkpoint: object) -> Part | None:
        if utterance.number == after and house.part(part.id).fence == 1:
            raise Killed
        return await settle(part, utterance, checkpoint)  # type: ignore[arg-type]

    house.claims.settle = settles  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await house.worker().run(part.id)
    house.memory.clock.advance(61)
    await house.worker("another").run(part.id)
    assert (await transcript_of(house, part)).text == words(0, 45)
    read = [said for said, _ in ears.given]
    assert len(read) == 6
    assert read[after] == read[after + 1]
    assert ears.states == [b"", b"" if after == 0 else b"a state"]
    assert house.memory.utterances == {}


async def test_a_failure_in_the_middle_costs_its_stretch_alone_and_deliveries_begin_anew() -> None:
    house, ears, part = await begun()
    most = house.memory.terms.max_deliveries
    for _ in range(most - 1):
        ears.trouble = [EngineUnavailable()]
        await house.worker().run(part.id)
        house.memory.clock.advance(600)
    heard = ears.heard
    transcribe = ears.transcribe

    async def fails_once(speech: Speech) -> Transcript:
        if len(ears.given) == 2 and not ears.trouble:
            ears.trouble = [EngineBusy(retry_after=5.0)]
        return await transcribe(speech)

    ears.transcribe = fails_once  # type: ignore[method-assign]
    await house.worker().run(part.id)
    waiting = house.part(part.id)
    assert waiting.state is PartState.QUEUED
    assert waiting.checkpoint is not None and waiting.checkpoint.stretches == 2
    assert waiting.deliveries == 0
    ears.transcribe = transcribe  # type: ignore[method-assign]
    house.memory.clock.advance(600)
    await house.worker().run(part.id)
    assert (await transcript_of(house, part)).text == words(0, 45)
    assert ears.heard - heard == 6


async def test_what_is_at_fault_in_its_middle_fails_and_nothing_is_left() -> None:
    house, ears, part = await begun()
    transcribe = ears.transcribe

    async def fails(speech: Speech) -> Transcript:
        if len(ears.given) == 2:
            raise AudioUnreadable
        return await transcribe(speech)

    ears.transcribe = fails  # type: ignore[method-assign]
    await house.work_off()
    answer = (await house.sessions.get(part.session_id, ALICE)).answers[Q1]
    assert (answer.status, answer.transcript) == (Status.FAILED, None)
    assert house.memory.utterances == {}


@hurried
async def test_the_deadline_is_of_a_stretch() -> None:
    house, ears, part = await begun()
    transcribe = ears.transcribe

    async def slow(speech: Speech) -> Transcript:
        await asyncio.sleep(0.06)
        return await transcribe(speech)

    ears.transcribe = slow  # type: ignore[method-assign]
    await house.worker(deadline_seconds=0.25).run(part.id)
    assert (await transcript_of(house, part)).text == words(0, 45)


async def test_after_a_while_others_have_their_turn() -> None:
    house, ears, part = await begun()

    def worker() -> Transcription:
        return replace(house.worker(), work_seconds=0.0)

    await worker().run(part.id)
    let_go = house.part(part.id)
    assert (let_go.state, let_go.deliveries, len(ears.given)) == (PartState.QUEUED, 0, 1)
    answer = (await house.sessions.get(part.session_id, ALICE)).answers[Q1]
    assert answer.status is Status.QUEUED
    for _ in range(4):
        await house.sweep.run(24)
        assert house.doorbell.to_transcribe.pop() == part.id
        await worker().run(part.id)
    assert (await transcript_of(house, part)).text == words(0, 45)
    assert len(ears.given) == 5


async def test_the_language_of_the_first_stretch_with_words_is_that_of_the_rest() -> None:
    _, ears, _ = await begun()
    ears.languages = [GERMAN]
    part = replace(a_part(), language=ENGLISH, languages=(ENGLISH, GERMAN), bytes=len(talk(25)))
    memory = Memory()
    memory.files[part.id], memory.chunks[part.id] = {}, [talk(25)]
    listening = Listening(audio=FakeAudio(memory), decoder=ears, activity=ears, engine=ears, length=TEN)
    await listening.listen_through(part)
    told = [(speech.language, speech.languages) for _, speech in ears.given]
    assert told == [(ENGLISH, (ENGLISH, GERMAN)), (GERMAN, ()), (GERMAN, ())]


def said(number: int, text: str, *segments: Segment, heard: tuple[Span, ...] = ()) -> Utterance:
    one = Transcript(text=text, language=ENGLISH, duration=10.0, segments=segments, no_speech=not text)
    return Utterance(number=number, start=10.0 * number, transcript=one, heard=heard)


def test_where_times_are_told_of_some_stretches_no_text_stands_outside_of_a_segment() -> None:
    first = said(0, "One.", Segment(text="One.", start=0.0, end=2.0))
    whole = together([first, said(1, "Two."), said(2, "")], ())
    assert [(one.text, one.start, one.end) for one in whole.segments] == [("One.", 0.0, 2.0), ("Two.", 10.0, 20.0)]
    assert (whole.text, whole.duration, whole.no_speech) == ("One. Two.", 30.0, False)


def test_where_no_times_are_told_there_are_no_segments_and_all_of_it_is_judged() -> None:
    spoken = (Span(0.0, 300.0),)
    whole = together([said(0, "One.", heard=spoken), said(1, "Two.", heard=spoken)], ())
    assert (whole.segments, whole.verdict) == ((), Verdict.INCOMPLETE)


def test_where_nobody_speaks_in_any_nobody_speaks() -> None:
    assert together([said(0, ""), said(1, "")], ()).verdict is Verdict.NO_SPEECH
