"""The hosted engine over the real wire: what it sends, what it understands, and what each fault becomes."""

import asyncio
import io
import json
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import av
import numpy as np
import openai
import pytest

from services.adapters.openai_speech import MODELS, OpenAISpeech, capabilities, packed
from services.errors import EngineBusy, EngineRefused, EngineTimeout, EngineUnavailable, TranscriptionProblem
from services.interviews.language import Language
from services.transcription.ports import Recording, Speech
from tests.logs import captured
from tests.openai_server import OpenAIServer, Received, Reply, busy, drips, fails, not_json, resets, says

KEY = "sk-very-secret-key"
SAID = "a transcript that must not leak"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=server.url, api_key=KEY) as opened:
        yield opened


def noise(seconds: float) -> bytes:
    return np.random.default_rng(1).integers(-9000, 9000, int(seconds * 16_000), dtype="<i2").tobytes()


def speech(seconds: float = 1.5, language: Language | None = None, prompt: str | None = None) -> Speech:
    return Speech(Recording(noise(seconds), seconds), [], language, prompt)


def samples(file: bytes) -> tuple[str, int, bytes]:
    """The codec, the rate and the samples of an encoded file."""
    with av.open(io.BytesIO(file), "r") as opened:
        stream = opened.streams.audio[0]
        blocks = [frame.to_ndarray() for frame in opened.decode(stream)]
        return stream.codec_context.name, stream.rate, np.concatenate(blocks, axis=1).tobytes()


def either(*languages: str, likeliest: str | None = None) -> Speech:
    several = tuple(map(Language, languages))
    return replace(speech(language=Language(likeliest) if likeliest else None), languages=several)


async def test_the_recording_arrives_whole_as_flac_and_the_text_comes_back(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    server.script(says(" Good morning. ", languages=[{"code": "en"}]))
    heard = await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech(1.5, Language("en"), "Names: Ada."))
    assert (heard.text, heard.language, heard.duration, heard.no_speech) == ("Good morning.", "en", 1.5, False)
    assert (heard.engine, heard.model, heard.segments) == ("openai", "gpt-transcribe", ())
    (sent,) = server.received
    assert sent.path == "/v1/audio/transcriptions"
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.file_name == "answer.flac"
    assert samples(sent.file) == ("flac", 16_000, noise(1.5))
    assert sent.fields == {
        "model": ["gpt-transcribe"],
        "response_format": ["json"],
        "languages[]": ["en"],
        "prompt": ["Names: Ada."],
    }


@pytest.mark.parametrize(
    "message",
    ["Unsupported parameter: 'prompt'.", "Unknown field prompt; known are file, model, language, response_format."],
)
async def test_a_server_that_refuses_prompts_is_sent_none(
    server: OpenAIServer, client: openai.AsyncOpenAI, message: str
) -> None:
    server.on_request = lambda asked: server.script(fails(400, message=message)) if "prompt" in asked.fields else None
    engine = OpenAISpeech(client, "whisper-1", 60)
    for _ in range(2):
        assert (await engine.transcribe(speech(prompt="Names: Ada."))).text == server.text
    assert ["prompt" in each.fields for each in server.received] == [True, False, False]
    assert all(each.fields["response_format"] == ["verbose_json"] for each in server.received)


async def test_a_refusal_for_another_reason_is_not_laid_to_the_prompt(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    server.script(fails(400, message="The audio cannot be read."))
    with pytest.raises(EngineRefused):
        await OpenAISpeech(client, "gpt-4o-transcribe", 60).transcribe(speech(prompt="Names: Ada."))
    assert len(server.received) == 1


async def test_the_models_doubts_come_with_its_words(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    segment = {"text": " Thanks.", "start": 0.0, "end": 1.0, "avg_logprob": -0.9, "no_speech_prob": 0.8}
    words = [{"word": "Thanks", "start": 0.0, "end": 0.9, "probability": 0.3}]
    server.script(says("Thanks.", segments=[segment], words=words))
    (heard,) = (await OpenAISpeech(client, "whisper-1", 60).transcribe(speech())).segments
    assert (heard.log_probability, heard.no_speech_probability, heard.words[0].probability) == (-0.9, 0.8, 0.3)


async def test_times_come_from_the_model_that_gives_them(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    segments = [{"text": " Hello you.", "start": 0.0, "end": 1.0}, {"text": " Bye.", "start": 1.0, "end": 1.4}]
    words = [
        {"word": "Hello", "start": 0.0, "end": 0.4},
        {"word": "you", "start": 0.5, "end": 0.9},
        {"word": "Bye", "start": 1.0, "end": 1.4},
        {"word": "no times"},
    ]
    server.script(says("Hello you. Bye.", language="english", duration=1.5, segments=segments, words=words))
    heard = await OpenAISpeech(client, "whisper-1", 60).transcribe(speech(language=Language("de")))
    assert [(s.text, s.start, s.end) for s in heard.segments] == [("Hello you.", 0.0, 1.0), ("Bye.", 1.0, 1.4)]
    assert [[w.text for w in s.words] for s in heard.segments] == [["Hello", "you"], ["Bye"]]
    assert heard.language == "en"
    assert server.received[0].fields["response_format"] == ["verbose_json"]
    assert server.received[0].fields["timestamp_granularities[]"] == ["segment", "word"]
    assert server.received[0].fields["language"] == ["de"]


async def test_where_one_segment_has_no_times_the_text_is_whole_without_any(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    nan, endless = float("nan"), float("inf")
    segments = [{"text": "Hello.", "start": 0.0, "end": 1.0}, {"text": "Bye.", "start": nan, "end": endless}]
    words = [{"word": "Hello", "start": 0.0, "end": 0.5}, {"word": "Bye", "start": 0.6, "end": endless}]
    server.script(says("Hello. Bye.", segments=segments, words=words))
    heard = await OpenAISpeech(client, "whisper-1", 60).transcribe(speech())
    assert heard.text == "Hello. Bye."
    assert heard.segments == ()


async def test_no_time_lies_behind_the_end(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    """A model that fills its window up tells times in what was filled."""
    segments = [{"text": "Hello", "start": 0.0, "end": 1.0}, {"text": "you.", "start": 1.2, "end": 29.98}]
    words = [{"word": "Hello", "start": 0.0, "end": 1.0}, {"word": "you", "start": 1.2, "end": 2.5}]
    server.script(says("Hello you.", segments=segments, words=words))
    heard = await OpenAISpeech(client, "whisper-1", 60).transcribe(speech(1.5))
    assert [(one.start, one.end) for one in heard.segments] == [(0.0, 1.0), (1.2, 1.5)]
    assert [(word.start, word.end) for one in heard.segments for word in one.words] == [(0.0, 1.0), (1.2, 1.5)]


@pytest.mark.parametrize("start", [1_200_000_000, 120, -1])
async def test_times_that_cannot_be_are_none(server: OpenAIServer, client: openai.AsyncOpenAI, start: float) -> None:
    """As of a server that counts in nanoseconds or hundredths."""
    segments = [{"text": "Hello", "start": 0, "end": start}, {"text": "you.", "start": start, "end": start + 1}]
    server.script(says("Hello you.", segments=segments))
    heard = await OpenAISpeech(client, "whisper-1", 60).transcribe(speech(1.5))
    assert (heard.text, heard.segments) == ("Hello you.", ())


@pytest.mark.parametrize("other", [{"compression_ratio": -1.0}, {"no_speech_prob": -1.0}, {"avg_logprob": 0.5}])
async def test_doubts_that_nobody_has_measured_are_none(
    server: OpenAIServer, client: openai.AsyncOpenAI, other: dict[str, float]
) -> None:
    segment = {"text": "Hello.", "start": 0.0, "end": 1.0, "avg_logprob": -1.0, "no_speech_prob": 0.9, **other}
    server.script(says("Hello.", segments=[segment]))
    (heard,) = (await OpenAISpeech(client, "whisper-1", 60).transcribe(speech())).segments
    assert (heard.log_probability, heard.no_speech_probability) == (None, None)


@pytest.mark.parametrize("seconds", [0.0625, 0.5, 1.0])
async def test_what_is_short_is_followed_by_silence(
    server: OpenAIServer, client: openai.AsyncOpenAI, seconds: float
) -> None:
    """Engines refuse less than a tenth of a second, or say nothing of less than one."""
    heard = await OpenAISpeech(client, "whisper-1", 60).transcribe(speech(seconds))
    _, _, sent = samples(server.received[0].file)
    assert sent == noise(seconds).ljust(40_000, b"\0")
    assert heard.duration == seconds


async def test_a_word_whose_times_are_no_numbers_is_left_out(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    words = [{"word": "Hello", "start": 0.0, "end": 0.5}, {"word": "you", "start": 0.6, "end": float("inf")}]
    server.script(says("Hello you.", segments=[{"text": "Hello you.", "start": 0.0, "end": 1.0}], words=words))
    heard = await OpenAISpeech(client, "whisper-1", 60).transcribe(speech())
    assert [(s.text, [w.text for w in s.words]) for s in heard.segments] == [("Hello you.", ["Hello"])]


async def test_an_unknown_model_is_asked_for_nothing_special(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    engine = OpenAISpeech(client, "Systran/some-model", 60)
    heard = await engine.transcribe(speech(language=Language("fr"), prompt="Ada"))
    assert (heard.text, heard.language) == (server.text, "fr")
    assert server.received[0].fields == {
        "model": ["Systran/some-model"],
        "response_format": ["json"],
        "language": ["fr"],
    }


@pytest.mark.parametrize(
    ("model", "fields"),
    [("gpt-transcribe", {"languages[]": ["de", "en"]}), ("whisper-1", {}), ("Systran/some-model", {})],
)
async def test_a_model_is_told_what_may_be_spoken_or_finds_it_out(
    server: OpenAIServer, client: openai.AsyncOpenAI, model: str, fields: dict[str, list[str]]
) -> None:
    server.script(says("Guten Tag.", language="german"))
    heard = await OpenAISpeech(client, model, 60).transcribe(either("en", "de", likeliest="de"))
    assert (heard.language, heard.language_probability) == ("de", None)
    (sent,) = server.received
    assert {name: value for name, value in sent.fields.items() if name.startswith("language")} == fields


async def test_a_language_that_is_not_spoken_is_not_believed(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    server.script(says("Goedendag.", language="dutch"), says("Guten Tag.", language="german"))
    heard = await OpenAISpeech(client, "whisper-1", 60).transcribe(either("en", "de", likeliest="de"))
    assert (heard.text, heard.language) == ("Guten Tag.", "de")
    assert [sent.fields.get("language") for sent in server.received] == [None, ["de"]]


async def test_a_model_that_tells_no_language_leaves_it_open(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    heard = await OpenAISpeech(client, "gpt-4o-transcribe", 60).transcribe(either("en", "de"))
    assert (heard.text, heard.language) == (server.text, None)


def test_the_table_knows_when_models_are_switched_off() -> None:
    assert {name for name, known in MODELS.items() if known.ends_on is None} == {"gpt-transcribe"}
    assert capabilities("whisper-1").ends_on == capabilities("gpt-4o-transcribe").ends_on == date(2027, 2, 26)


@pytest.mark.parametrize("text", ["", "  \n"])
async def test_no_text_means_that_nobody_speaks(server: OpenAIServer, client: openai.AsyncOpenAI, text: str) -> None:
    server.script(says(text, languages=[]))
    heard = await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech(language=Language("en")))
    assert (heard.text, heard.no_speech, heard.language) == ("", True, None)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (resets(), EngineUnavailable),
        (fails(408), EngineTimeout),
        (fails(409), EngineUnavailable),
        (fails(429), EngineBusy),
        (fails(500), EngineUnavailable),
        (fails(503), EngineUnavailable),
        (fails(504), EngineTimeout),
        (fails(401, message=f"Incorrect API key provided: {KEY}"), EngineUnavailable),
        (fails(403), EngineUnavailable),
        (fails(404), EngineUnavailable),
        (fails(400, message=SAID), EngineRefused),
        (fails(402), EngineUnavailable),
        (fails(422), EngineRefused),
        (fails(400, code="audio_too_short"), EngineRefused),
        (fails(400, code="model_decommissioned"), EngineUnavailable),
        (fails(400, message="The model `x` has been decommissioned."), EngineUnavailable),
        (fails(422, message="model 'x' does not exist"), EngineUnavailable),
        (fails(400, code="billing_hard_limit_reached"), EngineUnavailable),
        (fails(429, code="insufficient_quota"), EngineUnavailable),
        (fails(429, code="rate_limit_exceeded", message="in organization org-1: see account/rate-limits"), EngineBusy),
        (Reply(status=422, body=b'{"detail": [{"loc": ["body", "file"], "msg": "wrong"}]}'), EngineRefused),
        (Reply(status=400, body=b"<html>proxy</html>", content_type="text/html"), EngineUnavailable),
        (Reply(status=422, body=b"blocked", content_type="text/plain"), EngineUnavailable),
        (fails(503, retry_after=9), EngineBusy),
        (Reply(status=500, body=SAID.encode(), content_type="text/plain"), EngineUnavailable),
        (not_json(), EngineUnavailable),
        (not_json(SAID.encode(), "text/plain"), EngineUnavailable),
        (not_json(b'{"text": "' + SAID.encode(), "application/json"), EngineUnavailable),
        (not_json(b"", "application/json"), EngineUnavailable),
        (Reply(body=b'{"words": []}'), EngineUnavailable),
        (Reply(body=b'{"text": null}'), EngineUnavailable),
        (Reply(body=b'["text"]'), EngineUnavailable),
        (Reply(body=b'{"text": "\\ud800"}'), EngineUnavailable),
    ],
)
async def test_each_fault_has_a_name_and_is_paid_for_once(
    server: OpenAIServer, client: openai.AsyncOpenAI, reply: Reply, problem: type[TranscriptionProblem]
) -> None:
    server.script(reply)
    with pytest.raises(problem) as raised:
        await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech())
    assert type(raised.value) is problem
    assert raised.value.__suppress_context__
    assert KEY not in str(raised.value)
    assert SAID not in str(raised.value)
    assert len(server.received) == 1


async def test_the_engines_own_code_is_logged_and_told_and_its_sentence_is_not(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    server.script(fails(400, code="model_decommissioned", message=f"{SAID} {KEY}"))
    with captured() as logged, pytest.raises(EngineUnavailable, match="model_decommissioned"):
        await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech())
    (line,) = logged
    assert (line["status"], line["said"], line["code"]) == (400, "model_decommissioned", "engine_unavailable")
    assert SAID not in str(line)
    assert KEY not in str(line)


@pytest.mark.parametrize("code", [KEY, "two words", "x" * 65, 404, None, {"a": 1}])
async def test_a_code_that_is_none_is_not_repeated(
    server: OpenAIServer, client: openai.AsyncOpenAI, code: object
) -> None:
    server.script(Reply(status=400, body=json.dumps({"error": {"message": "?", "code": code}}).encode()))
    with captured() as logged, pytest.raises(EngineRefused) as raised:
        await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech())
    assert logged[0]["said"] == ""
    assert "It says" not in str(raised.value)


@pytest.mark.parametrize("status", [413, 415])
async def test_what_is_too_large_or_unknown_as_flac_is_sent_once_more_as_opus(
    server: OpenAIServer, client: openai.AsyncOpenAI, status: int
) -> None:
    server.script(Reply(status=status, body=b"<html>", content_type="text/html"), says("Small enough."))
    assert (
        await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech(2.0, Language("de")))
    ).text == "Small enough."
    first, second = server.received
    assert (first.file_name, second.file_name) == ("answer.flac", "answer.ogg")
    assert len(second.file) < len(first.file) / 4
    assert second.fields == first.fields
    with av.open(io.BytesIO(second.file), "r") as opened:
        assert opened.duration is not None
        assert opened.duration / av.time_base == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("status", [413, 415])
async def test_what_is_refused_in_both_forms_is_refused(
    server: OpenAIServer, client: openai.AsyncOpenAI, status: int
) -> None:
    server.script(fails(status), fails(status))
    with pytest.raises(EngineRefused):
        await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech())
    assert len(server.received) == 2


async def test_a_response_format_that_is_not_known_gives_way_to_a_plainer_one_for_good(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    server.script(
        fails(400, message="response_format verbose_json is not supported"),
        fails(422, message="Unknown response_format"),
        says("Plain."),
        says("Plain again."),
    )
    engine = OpenAISpeech(client, "whisper-1", 60)
    assert (await engine.transcribe(speech())).text == "Plain."
    assert (await engine.transcribe(speech())).text == "Plain again."
    asked = [sent.fields.get("response_format") for sent in server.received]
    assert asked == [["verbose_json"], ["json"], None, None]
    assert "timestamp_granularities[]" not in server.received[1].fields


async def test_two_that_are_told_so_at_once_leave_one_form_and_not_two(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    both = threading.Barrier(2)
    server.on_request = lambda received: "verbose_json" in str(received.fields) and both.wait(60)  # type: ignore[assignment]
    server.script(*(fails(400, message="only json") for _ in range(2)))
    engine = OpenAISpeech(client, "whisper-1", 60)
    await asyncio.gather(engine.transcribe(speech()), engine.transcribe(speech()))
    asked = [sent.fields.get("response_format") for sent in server.received]
    assert asked == [["verbose_json"], ["verbose_json"], ["json"], ["json"]]


async def test_a_refused_key_is_said_to_be_one(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    server.script(fails(401))
    with pytest.raises(EngineUnavailable, match="refuses the key") as raised:
        await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech())
    assert raised.value.retryable


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0.5", 0.5), ("1800", 1800.0), ("soon", None), ("-1", None), ("nan", None)]
)
async def test_a_busy_engine_says_when_to_come_again(
    server: OpenAIServer, client: openai.AsyncOpenAI, header: str, seconds: float | None
) -> None:
    server.script(busy(header))
    with pytest.raises(EngineBusy) as raised:
        await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech())
    assert raised.value.retry_after == pytest.approx(2.0 if seconds is None else seconds, rel=0.11, abs=0.01)


async def test_during_a_pause_nothing_is_sent_and_what_was_under_way_is_read(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    server.script(busy("600"))
    engine = OpenAISpeech(client, "gpt-transcribe", 60)
    for _ in range(3):
        with pytest.raises(EngineBusy) as raised:
            await engine.transcribe(speech(0.2))
        assert raised.value.retry_after == pytest.approx(600, abs=6)
    assert len(server.received) == 1


async def test_a_pause_may_be_named_as_a_moment(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    server.script(busy(moment))
    with pytest.raises(EngineBusy) as raised:
        await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech(0.2))
    assert 290 < (raised.value.retry_after or 0) < 310


async def test_a_right_answer_of_the_wrong_content_type_is_still_read(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    server.script(not_json(b'{"text": "Fine."}', "text/plain"))
    assert (await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech())).text == "Fine."


async def test_an_answer_that_drips_for_ever_ends_at_the_deadline(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    server.script(drips())
    with pytest.raises(EngineTimeout):
        await OpenAISpeech(client, "gpt-transcribe", 3.0).transcribe(speech())
    assert len(server.received) == 1


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with OpenAIServer() as gone:
        url = gone.url
    async with openai.AsyncOpenAI(base_url=url, api_key=KEY) as client:
        with pytest.raises(EngineUnavailable, match="could not be reached"):
            await OpenAISpeech(client, "gpt-transcribe", 60).transcribe(speech())


async def test_more_seconds_than_the_model_takes_are_refused_before_anything_is_sent(
    server: OpenAIServer, client: openai.AsyncOpenAI
) -> None:
    with pytest.raises(EngineRefused, match="at most 1400 seconds"):
        await OpenAISpeech(client, "gpt-4o-transcribe", 60).transcribe(Speech(Recording(b"", 1401.0), []))
    assert server.received == []


def test_what_does_not_fit_as_flac_is_sent_as_opus() -> None:
    name, file, media_type = packed(noise(5), 100_000)
    codec, _, decoded = samples(file)
    assert (name, media_type, len(file) <= 100_000) == ("answer.ogg", "audio/ogg", True)
    assert "opus" in codec
    with av.open(io.BytesIO(file), "r") as opened:
        assert opened.duration is not None
        assert opened.duration / av.time_base == pytest.approx(5.0, abs=0.1)
    assert decoded


def test_what_fits_in_no_way_is_refused() -> None:
    with pytest.raises(EngineRefused, match="over the 1 kB"):
        packed(noise(5), 1000)


class Watched(Speech):
    """A Speech that can be watched from outside."""


async def test_the_samples_are_let_go_before_the_wait(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    watched = Watched(Recording(noise(1), 1.0), [])
    seen: list[object] = []
    reference = weakref.ref(watched)

    def look(received: Received) -> None:
        seen.append(reference())

    server.on_request = look
    running = OpenAISpeech(client, "gpt-transcribe", 60).transcribe(watched)
    del watched
    await running
    assert seen == [None]


async def test_many_at_once_do_not_mix(server: OpenAIServer, client: openai.AsyncOpenAI) -> None:
    server.script(*(says(f"Answer {number}.") for number in range(8)))
    engine = OpenAISpeech(client, "gpt-transcribe", 60)
    heard = await asyncio.gather(*(engine.transcribe(speech(1.5 + number / 10)) for number in range(8)))
    assert {each.text for each in heard} == {f"Answer {number}." for number in range(8)}
    lengths = sorted(len(samples(sent.file)[2]) for sent in server.received)
    assert lengths == [len(noise(1.5 + number / 10)) for number in range(8)]
