"""The words before a stretch, as a hosted engine's prompt: which of them go, and what is made of their echo."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import openai
import pytest

from services.adapters.openai_speech import OpenAISpeech
from services.interviews.language import Language
from services.interviews.model import Part
from services.interviews.transcript import Segment, Span, Transcript, Utterance, Word
from services.recordings.ports.arrivals import Plan
from services.transcription.ports import RATE, Activity, Recording
from services.transcription.prompting import LONGEST_PAUSE, MOST_CHARACTERS, is_echo, words_before
from services.transcription.stretches import Length
from tests.in_memory import ALICE, Q1, Ears, Interior
from tests.openai_server import OpenAIServer, Reply, fails, says

ENGLISH, GERMAN = Language("en"), Language("de")
SECOND = 2 * RATE
TEN = Length(8.0, 10.0)
SAID = ("We keep all of it in Postgres.", "Then Ada wrote the index for it.", "Since then it is quick.")


def said(text: str, start: float, end: float, probability: float = 0.95) -> Segment:
    each = (end - start) / max(1, len(text.split()))
    words = tuple(
        Word(text=word, start=start + at * each, end=start + (at + 1) * each, probability=probability)
        for at, word in enumerate(text.split())
    )
    return Segment(text=text, start=start, end=end, words=words)


def utterance(*segments: Segment, text: str = "", language: Language | None = ENGLISH) -> Utterance:
    """Of a stretch in which somebody speaks from the 240th to the 250th second."""
    text = text or " ".join(one.text for one in segments)
    transcript = Transcript(text=text, language=language, duration=10.0, segments=segments)
    return Utterance(number=3, start=240.0, transcript=transcript, heard=(Span(240.0, 250.0),))


FIRST, LAST = said("We keep it in Postgres.", 240.0, 243.0), said("Then Ada wrote the index.", 243.5, 247.0)


def test_the_last_words_go() -> None:
    assert words_before(utterance(FIRST, LAST), 250.5, ENGLISH) == f"{FIRST.text} {LAST.text}"
    assert words_before(utterance(text=SAID[0]), 250.5, ENGLISH) == SAID[0]
    assert words_before(utterance(LAST, language=None), 250.5, ENGLISH) == LAST.text


def test_they_are_few_and_begin_with_a_word() -> None:
    text = (
        "An index is a second, sorted copy of a column; whoever looks for a row goes down a tree of pages, and not "
        "through the table. It has to be kept with each write, so that what is read rarely and written often is "
        "better off without one."
    )
    prompt = words_before(utterance(text=text), 250.5, ENGLISH)
    assert prompt == text[text.index("of a column") :]
    assert len(prompt) <= MOST_CHARACTERS < len(f"copy {prompt}")


def test_of_a_script_without_spaces_as_many_letters_go() -> None:
    chinese, text = Language("zh"), "".join(chr(0x4E00 + number) for number in range(250))
    before = replace(utterance(text=text, language=chinese), heard=(Span(200.0, 250.0),))
    assert words_before(before, 250.5, chinese) == text[-MOST_CHARACTERS:]


@pytest.mark.parametrize(
    "last",
    [
        said("Thanks for watching.", 248.0, 249.0, probability=0.6),
        said("Thanks for watching.", 248.0, 249.0, probability=0.2),
        said("Then Ada wrote it down. " * 12, 243.5, 250.0),
        Segment(text="", start=247.0, end=249.0),
    ],
    ids=["doubted", "suspected", "loop", "not read"],
)
def test_nothing_goes_that_stands_before_what_is_not_believed(last: Segment) -> None:
    assert words_before(utterance(FIRST, last), 250.5, ENGLISH) is None
    assert words_before(utterance(replace(last, start=240.0, end=240.5, words=()), LAST), 250.5, ENGLISH) in (
        LAST.text,
        f"{last.text} {LAST.text}",
    )


def test_behind_a_long_pause_and_silence_nothing_goes() -> None:
    assert words_before(utterance(LAST), 250.0 + LONGEST_PAUSE, ENGLISH) == LAST.text
    assert words_before(utterance(LAST), 250.1 + LONGEST_PAUSE, ENGLISH) is None
    assert words_before(replace(utterance(LAST), heard=()), 250.5, ENGLISH) is None
    assert words_before(None, 250.5, ENGLISH) is None


def test_nothing_goes_in_another_language_or_where_none_is_known() -> None:
    assert words_before(utterance(LAST, language=GERMAN), 250.5, ENGLISH) is None
    assert words_before(utterance(LAST), 250.5, None) is None


@pytest.mark.parametrize(
    ("text", "echoes"),
    [
        ("Then Ada wrote the index.", True),
        ("the index", True),
        ("Well, then Ada wrote the index, she said.", True),
        ("Then Ada wrote it anew.", False),
        ("And that was that.", False),
        ("", False),
    ],
)
def test_what_is_an_echo(text: str, *, echoes: bool) -> None:
    assert is_echo(f"{FIRST.text} {LAST.text}", text) is echoes


@pytest.mark.parametrize(
    ("prompt", "text", "echoes"),
    [
        ("我们把所有的数据都放在数据库里,然后建立索引。", "都放在数据库里,然后建立索引。现在很快。", True),
        ("我们把所有的数据都放在数据库里,然后建立索引。", "我们的数据库现在很快,因为有索引。", False),
        ("เราเก็บข้อมูลทั้งหมดไว้ในฐานข้อมูล", "ทั้งหมดไว้ในฐานข้อมูลตอนนี้เร็วมาก", True),
        ("เราเก็บข้อมูลทั้งหมดไว้ในฐานข้อมูล", "ตอนนี้เร็วมากแล้ว", False),
    ],
)
def test_what_is_an_echo_in_a_script_without_spaces(prompt: str, text: str, *, echoes: bool) -> None:
    assert is_echo(prompt, text) is echoes


class Speaking(Ears):
    """Somebody speaks all the time."""

    async def find(self, recording: Recording) -> Activity:
        spans = [Span(0.0, recording.duration)] if recording.pcm else []
        return Activity(spans, spans)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
async def house(server: OpenAIServer) -> AsyncIterator[Interior]:
    async with openai.AsyncOpenAI(base_url=server.url, api_key="any") as client:
        engine = OpenAISpeech(client, "gpt-transcribe", 10)
        live = Length(8.0, 10.0, 0.5)
        yield Interior(ears=Speaking(), engine=engine, takes_prompt=True, length=TEN, live=live)


def heard(text: str) -> Reply:
    return says(text, languages=[{"code": "en"}])


def prompts(server: OpenAIServer) -> list[str | None]:
    return [each.fields.get("prompt", [None])[0] for each in server.received]


def told(count: int) -> list[str | None]:
    return [None, *(one for one in SAID[: count - 1])]


async def uploaded(house: Interior, seconds: int = 28) -> Part:
    return await house.upload(await house.session(), data=b"OggS" + bytes(seconds * SECOND - 4))


async def text_of(house: Interior, part: Part) -> str:
    transcript = await house.records.transcript(part.id)
    assert transcript is not None
    return transcript.text


async def test_each_stretch_is_told_the_words_before_it(house: Interior, server: OpenAIServer) -> None:
    server.script(*map(heard, SAID))
    part = await uploaded(house)
    await house.work_off()
    assert prompts(server) == told(3)
    assert await text_of(house, part) == " ".join(SAID)


async def test_who_goes_on_tells_them_as_well(house: Interior, server: OpenAIServer) -> None:
    server.script(heard(SAID[0]), heard(SAID[1]), fails(500), heard(SAID[2]))
    part = await uploaded(house)
    for _ in range(4):
        await replace(house.worker(), work_seconds=0.0).run(part.id)
        house.memory.clock.advance(60.0)
    assert prompts(server) == [*told(3), SAID[1]]
    assert await text_of(house, part) == " ".join(SAID)


async def test_so_is_what_still_arrives(house: Interior, server: OpenAIServer) -> None:
    server.script(*map(heard, SAID))
    arrivals = house.arrivals
    id = (await arrivals.begin(await house.session(), Q1, ALICE, Plan("tus"))).part.id

    async def comes(data: bytes) -> AsyncIterator[bytes]:
        yield data

    sent = (await arrivals.append(id, ALICE, 0, comes(b"OggS" + bytes(12 * SECOND - 4)))).offset
    await house.worker().run(id)
    await arrivals.append(id, ALICE, sent, comes(bytes(12 * SECOND)))
    house.memory.clock.advance(60.0)
    await house.worker().run(id)
    await arrivals.finish(id, ALICE)
    await arrivals.close()
    await house.work_off()
    assert prompts(server) == told(3)
    assert await text_of(house, house.part(id)) == " ".join(SAID)


async def test_an_engine_that_repeats_what_it_was_told_is_asked_again_without(
    house: Interior, server: OpenAIServer
) -> None:
    server.script(heard(SAID[0]), heard(SAID[0]), heard(SAID[1]), heard(SAID[2]))
    part = await uploaded(house)
    await house.work_off()
    assert prompts(server) == [None, SAID[0], None, SAID[1]]
    assert await text_of(house, part) == " ".join(SAID)


async def test_what_was_said_twice_stands_there_twice(house: Interior, server: OpenAIServer) -> None:
    server.script(heard(SAID[0]), heard(SAID[0]), heard(SAID[0]), heard(SAID[2]))
    part = await uploaded(house)
    await house.work_off()
    assert await text_of(house, part) == f"{SAID[0]} {SAID[0]} {SAID[2]}"


async def test_an_echo_where_nobody_says_anything_to_be_read_is_no_word(house: Interior, server: OpenAIServer) -> None:
    server.script(heard(SAID[0]), heard(SAID[0]), *[heard("")] * 2, heard(SAID[2]))
    part = await uploaded(house)
    await house.work_off()
    assert await text_of(house, part) == f"{SAID[0]} {SAID[2]}"
    assert prompts(server)[-1] is None, "the words before were not read"


async def test_a_language_that_is_to_be_found_out_is_found_without(house: Interior, server: OpenAIServer) -> None:
    server.script(says(SAID[0]), says(SAID[1]), says(SAID[2]))
    await uploaded(house)
    await house.work_off()
    assert prompts(server) == [None, None, None]
