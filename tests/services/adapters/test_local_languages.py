"""Which language the local engine takes speech for, on the demo's own spoken answers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.weights import find_weights
from services.adapters.av_decoder.decode import decode
from services.adapters.local_speech import LocalSpeech
from services.errors import EngineRefused
from services.interviews.language import Language
from services.interviews.transcript import Span
from services.transcription.ports import Recording, Speech
from tests import audio
from tests.at_length import long_but

ANSWER = Path(__file__).parents[3] / "scripts" / "demo" / "answer-1.webm"
EN, DE, JV, YUE = map(Language, ("en", "de", "jv", "yue"))


@pytest.fixture(scope="module")
async def base(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalSpeech]:
    weights = find_weights("base", tmp_path_factory.mktemp("cache"))
    engine = LocalSpeech(lambda: weights, "base", 1)
    await engine.open()
    yield engine
    await engine.close()


@pytest.fixture(scope="module")
async def english(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalSpeech]:
    weights = find_weights("tiny.en", tmp_path_factory.mktemp("cache"))
    engine = LocalSpeech(lambda: weights, "tiny.en", 1)
    yield engine
    await engine.close()


@pytest.fixture(scope="module")
def said() -> Recording:
    blocks: list[bytes] = []
    decode(ANSWER.read_bytes(), 60.0, blocks.append, blocks.clear)
    return audio.recording(np.frombuffer(b"".join(blocks), np.int16))


def first(said: Recording, seconds: float) -> Recording:
    return audio.recording(np.frombuffer(said.pcm, np.int16)[: int(seconds * audio.RATE)])


def speech(recording: Recording, *languages: Language, language: Language | None = None) -> Speech:
    return Speech(recording, [Span(0.0, recording.duration)], language, languages=languages)


async def test_speech_of_some_length_tells_its_language(base: LocalSpeech, said: Recording) -> None:
    heard = await base.transcribe(speech(first(said, 8.0)))
    assert heard.language == EN
    assert heard.language_probability is not None
    assert heard.language_probability > 0.9


@pytest.mark.parametrize("seconds", long_but(1.2, of=[0.7, 1.2]))
async def test_a_moment_tells_no_language_for_sure(base: LocalSpeech, said: Recording, seconds: float) -> None:
    heard = await base.transcribe(speech(first(said, seconds)))
    assert heard.language_probability is not None
    assert heard.language_probability < 0.7


@pytest.mark.parametrize("seconds", long_but(1.2, of=[0.7, 1.2, 3.0]))
async def test_it_is_one_of_those_that_may_be_spoken(base: LocalSpeech, said: Recording, seconds: float) -> None:
    assert (await base.transcribe(speech(first(said, seconds), DE, EN, language=EN))).language == EN


@pytest.mark.parametrize("seconds", long_but(3.0, of=[3.0, 22.0]))
async def test_to_listen_for_the_language_changes_nothing_else(
    base: LocalSpeech, said: Recording, seconds: float
) -> None:
    known = await base.transcribe(speech(first(said, seconds), language=EN))
    found = await base.transcribe(speech(first(said, seconds), EN, DE))
    assert found == replace(known, language_probability=found.language_probability)


async def test_a_language_that_is_given_is_not_looked_for(base: LocalSpeech, said: Recording) -> None:
    heard = await base.transcribe(speech(first(said, 3.0), language=EN))
    assert (heard.language, heard.language_probability) == (EN, None)


async def test_the_model_may_call_a_language_by_another_code(base: LocalSpeech, said: Recording) -> None:
    assert (await base.transcribe(speech(first(said, 3.0), language=JV))).language == JV


async def test_a_language_that_only_larger_models_know_is_refused(base: LocalSpeech, said: Recording) -> None:
    with pytest.raises(EngineRefused, match="Cantonese"):
        await base.transcribe(speech(first(said, 3.0), language=YUE))
    assert (await base.transcribe(speech(first(said, 3.0), YUE, EN))).language == EN


async def test_a_model_of_one_language_refuses_others_and_hears_its_own(english: LocalSpeech, said: Recording) -> None:
    with pytest.raises(EngineRefused, match="does not know German, Javanese"):
        await english.transcribe(speech(first(said, 3.0), DE, JV))
    heard = await english.transcribe(speech(first(said, 3.0), DE, EN, language=DE))
    assert (heard.language, heard.language_probability) == (EN, None)
