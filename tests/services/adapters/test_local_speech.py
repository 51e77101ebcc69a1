"""The local engine on the demo's own spoken answers."""

import asyncio
import json
import math
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from app.weights import find_weights
from services.adapters.av_decoder.decode import decode
from services.adapters.local_speech import Device, LocalSpeech
from services.adapters.local_speech.tasks import Reading, Task
from services.adapters.local_speech.whisper import Whisper
from services.adapters.local_speech.windows import Window
from services.errors import EngineRefused, EngineUnavailable
from services.interviews.language import Language
from services.interviews.transcript import Span
from services.transcription.ports import Recording, Speech
from tests import audio
from tests.at_length import long_but

DEMO = Path(__file__).parents[3] / "scripts" / "demo"
ENGLISH = Language("en")
QUESTIONS: list[dict[str, Any]] = json.loads((DEMO / "interview.json").read_text(encoding="utf-8"))["questions"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find_weights("tiny.en", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find_weights("base", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
async def engine(weights: Path) -> AsyncIterator[LocalSpeech]:
    engine = LocalSpeech(lambda: weights, "tiny.en", 2)
    await engine.open()
    yield engine
    await engine.close()


@cache
def answer(number: int) -> Recording:
    blocks: list[bytes] = []
    decode((DEMO / QUESTIONS[number]["audio"]).read_bytes(), 60.0, blocks.append, blocks.clear)
    pcm = b"".join(blocks)
    return Recording(pcm, len(pcm) / 32_000)


def beginning(number: int) -> Recording:
    return audio.recording(np.frombuffer(answer(number).pcm, np.int16)[: 6 * audio.RATE])


def whole(recording: Recording, language: Language | None = ENGLISH, prompt: str | None = None) -> Speech:
    return Speech(recording, [Span(0.0, recording.duration)], language, prompt)


def task(recording: Recording, words: bool = False) -> Task:
    return Task(recording, (Window((Span(0.0, recording.duration),)),), ENGLISH, words=words)


def text(reading: Reading) -> str:
    return " ".join(segment.text for segment in reading.segments)


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z0-9 ]", "", text.lower()).split()


def likeness(text: str, said: str) -> float:
    return SequenceMatcher(None, words(text), words(said), autojunk=False).ratio()


@pytest.mark.parametrize("number", long_but(0, of=range(3)))
async def test_the_demo_is_understood(engine: LocalSpeech, number: int) -> None:
    transcript = await engine.transcribe(whole(answer(number)))
    assert likeness(transcript.text, QUESTIONS[number]["said"]) > 0.9
    assert (transcript.language, transcript.engine, transcript.model) == ("en", "local", "tiny.en")
    assert transcript.segments[0].start < 1.0
    assert transcript.segments[-1].end == pytest.approx(transcript.duration, abs=2.0)
    assert not transcript.no_speech


@pytest.mark.long
async def test_base_tells_the_language(base: Path) -> None:
    engine = LocalSpeech(lambda: base, "base", 1)
    transcript = await engine.transcribe(whole(answer(0), language=None))
    await engine.close()
    assert transcript.language == "en"
    assert likeness(transcript.text, QUESTIONS[0]["said"]) > 0.9


async def test_times_are_those_of_the_recording(engine: LocalSpeech) -> None:
    said = np.frombuffer(answer(0).pcm, np.int16)[: 6 * audio.RATE]
    sound = np.concatenate([audio.silence(10.0), said, audio.silence(30.0), said, audio.silence(5.0)])
    speech = Speech(audio.recording(sound), [Span(10.0, 16.0), Span(46.0, 52.0)], ENGLISH)
    segments = (await engine.transcribe(speech)).segments
    assert segments[0].start == pytest.approx(10.0, abs=1.0)
    assert segments[-1].end == pytest.approx(52.0, abs=1.0)


async def test_long_speech_is_read_to_its_end(engine: LocalSpeech) -> None:
    sound = np.concatenate([np.frombuffer(answer(number).pcm, np.int16) for number in range(3)])
    cuts = [len(sound) * part / 3 / audio.RATE for part in range(4)]
    spans = [Span(*pair) for pair in pairwise(cuts)]
    transcript = await engine.transcribe(Speech(audio.recording(sound), spans, ENGLISH))
    assert likeness(transcript.text, " ".join(question["said"] for question in QUESTIONS)) > 0.85


async def test_words_have_times_if_asked_for(weights: Path) -> None:
    engine = LocalSpeech(lambda: weights, "tiny.en", 1, words=True)
    transcript = await engine.transcribe(whole(answer(1)))
    await engine.close()
    heard = [word for segment in transcript.segments for word in segment.words]
    assert len(heard) > 40
    assert all(word.start <= word.end and word.text for word in heard)
    assert [word.start for word in heard] == sorted(word.start for word in heard)


async def test_without_speech_there_is_no_text(engine: LocalSpeech) -> None:
    transcript = await engine.transcribe(Speech(audio.recording(audio.noise(5.0)), [], ENGLISH))
    assert (transcript.text, transcript.no_speech, transcript.duration) == ("", True, 5.0)


async def test_a_language_the_model_does_not_know_is_refused(engine: LocalSpeech) -> None:
    with pytest.raises(EngineRefused, match="French"):
        await engine.transcribe(whole(answer(0), Language("fr")))


async def test_a_prompt_of_any_length_is_taken(engine: LocalSpeech) -> None:
    transcript = await engine.transcribe(whole(answer(0), prompt="Databases, indexes. " * 300))
    assert likeness(transcript.text, QUESTIONS[0]["said"]) > 0.8


@pytest.mark.usefixtures("engine")
def test_no_other_thread_spins_behind_a_product_of_matrices() -> None:
    assert [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"] == [1]


async def test_the_loop_keeps_beating_while_it_transcribes(engine: LocalSpeech) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.005)

    heart = asyncio.create_task(beat())
    texts = await asyncio.gather(*(engine.transcribe(whole(beginning(number))) for number in (0, 1, 0, 1)))
    heart.cancel()
    assert beats > 10
    assert texts[:2] == texts[2:]


async def test_whoever_stops_waiting_stops_the_work(engine: LocalSpeech) -> None:
    sound = audio.recording(np.tile(np.frombuffer(answer(0).pcm, np.int16), 30))
    spans = [Span(float(at), at + 20.0) for at in range(0, 600, 20)]
    task = asyncio.create_task(engine.transcribe(Speech(sound, spans, ENGLISH)))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await engine.transcribe(whole(beginning(0)))).text


async def test_a_model_that_cannot_be_loaded_is_an_unavailable_engine(tmp_path: Path) -> None:
    engine = LocalSpeech(lambda: tmp_path, "broken", 1)
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(EngineUnavailable):
        await engine.open()
    await engine.close()


@pytest.fixture(scope="module")
def model(weights: Path) -> Whisper:
    return Whisper(weights, 1)


class Encodings:
    """Notes how many frames a model has encoded each time."""

    def __init__(self, model: Whisper, patch: pytest.MonkeyPatch) -> None:
        self.frames: list[int] = []
        self.encode = model.encode
        patch.setattr(model, "encode", self.note)

    def note(self, mel: Any, frames: int) -> Any:
        self.frames.append(frames)
        return self.encode(mel, frames)


def test_a_short_answer_is_no_full_window(model: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    encodings = Encodings(model, monkeypatch)
    reading = model.read(task(answer(1)))
    assert encodings.frames == [2 * math.ceil((answer(1).duration + 6) * 50)]
    assert likeness(text(reading), QUESTIONS[1]["said"]) > 0.9


def test_a_text_that_goes_round_in_circles_is_read_again_in_full(
    model: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.adapters.local_speech.tasks.PADDING_FRAMES", 0)
    encodings = Encodings(model, monkeypatch)
    sound = audio.recording(np.frombuffer(answer(0).pcm, np.int16)[: 2 * audio.RATE])
    reading = model.read(task(sound))
    assert encodings.frames == [200, 3_000]
    assert len(words(text(reading))) < 10


@pytest.mark.long
def test_an_improbable_text_is_read_again_in_full(model: Whisper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.adapters.local_speech.hypotheses.LEAST_LOG_PROBABILITY", 0.0)
    encodings = Encodings(model, monkeypatch)
    reading = model.read(task(answer(0)))
    assert encodings.frames[1:] == [3_000]
    assert likeness(text(reading), QUESTIONS[0]["said"]) > 0.9


def test_what_is_said_twice_is_written_twice(model: Whisper) -> None:
    one, other = (np.frombuffer(answer(number).pcm, np.int16) for number in (0, 1))
    phrase = one[: 4 * audio.RATE]
    sound = np.concatenate([phrase, audio.silence(1.0), phrase, audio.silence(1.0), other[: 5 * audio.RATE]])
    once = words(text(model.read(task(audio.recording(phrase)))))
    heard = words(text(model.read(task(audio.recording(sound)))))
    assert SequenceMatcher(None, heard[: 2 * len(once)], [*once, *once], autojunk=False).ratio() > 0.8
    assert len(heard) > 2 * len(once) + 5


@pytest.mark.long
async def test_the_same_recording_gives_the_same_text_whatever_else_is_in_work(weights: Path) -> None:
    engine = LocalSpeech(lambda: weights, "tiny.en", 2, words=True)
    mixed = np.concatenate([np.frombuffer(answer(number).pcm, np.int16) for number in range(3)])
    noisy = mixed + np.random.default_rng(3).normal(0, 2_500, len(mixed)).astype(np.int16)
    cuts = [len(noisy) * part / 6 / audio.RATE for part in range(7)]
    speech = Speech(audio.recording(noisy), [Span(*pair) for pair in pairwise(cuts)], ENGLISH)
    alone = await engine.transcribe(speech)
    first, *_, last = await asyncio.gather(
        engine.transcribe(speech),
        *(engine.transcribe(whole(answer(number))) for number in range(3)),
        engine.transcribe(speech),
    )
    await engine.close()
    assert alone == first == last


def test_importing_loads_no_model() -> None:
    program = "import threading, services.adapters.local_speech; print([t.name for t in threading.enumerate()])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "speech" not in done.stdout


@pytest.mark.parametrize(
    ("device", "name"),
    [(Device("cpu", "bfloat16"), "SPEECH_COMPUTE_TYPE"), (Device("cuda", "int8"), "SPEECH_DEVICE")],
)
async def test_a_device_that_is_not_here_is_told_before_the_first_recording(
    weights: Path, device: Device, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda _: {"int8"})
    engine = LocalSpeech(lambda: weights, "tiny.en", 1, device=device)
    with pytest.raises(EngineUnavailable, match=name):
        await engine.open()
    await engine.close()


@pytest.mark.long
async def test_another_compute_type_reads_the_same(weights: Path) -> None:
    engine = LocalSpeech(lambda: weights, "tiny.en", 1, device=Device("cpu", "float32"))
    transcript = await engine.transcribe(whole(answer(0)))
    assert engine.model is not None
    assert likeness(transcript.text, QUESTIONS[0]["said"]) > 0.9
    await engine.close()
