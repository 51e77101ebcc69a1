"""Which engine the settings ask for, and what they lack for it."""

import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import get_args

import pytest

from app.config import Settings
from app.engines import KINDS, SettingsLack, lacks, open_engines, speech_kind
from app.engines.local import IN_HAND_PER_CORE, deadline, per_core
from app.jobs import HARD_LIMIT
from app.worker import Process
from services.transcription.stretches import LIVE, LIVE_BY_CALL
from tests.at_length import long_but
from tests.system.worker import launched

ALONE = {"openai_api_key": None, "scorer_model": None}


def settings(**given: object) -> Settings:
    return Settings(**{**ALONE, **given})  # type: ignore[arg-type]


def test_every_engine_that_can_be_named_is_there() -> None:
    assert {"auto", *KINDS} == set(get_args(Settings.model_fields["speech_engine"].annotation))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "local/base"),
        ({"openai_api_key": ""}, "local/base"),
        ({"openai_api_key": "sk-1"}, "openai/gpt-transcribe"),
        ({"openai_api_key": "sk-1", "speech_engine": "local"}, "local/base"),
        ({"speech_engine": "openai", "openai_speech_model": "whisper-1"}, "openai/whisper-1"),
    ],
)
def test_a_key_chooses_the_hosted_engine_unless_one_is_named(given: dict[str, str], name: str) -> None:
    assert speech_kind(settings(**given)).name == name


def test_a_local_worker_prepares_some_while_others_are_transcribed_and_a_hosted_one_more() -> None:
    local, hosted = (
        speech_kind(settings(speech_threads=3)),
        speech_kind(settings(openai_api_key="k", openai_concurrency=7)),
    )
    assert (local.slots, local.in_hand) == (3, 12)
    assert (hosted.slots, hosted.in_hand) == (7, 8)


def test_an_engine_that_reads_full_windows_gets_longer_stretches_of_what_arrives() -> None:
    local, hosted = (speech_kind(settings(**given)).open().live for given in ({}, {"openai_api_key": "k"}))
    assert (local, hosted) == (LIVE, LIVE_BY_CALL)
    assert local.most < hosted.most


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, []),
        ({"speech_engine": "openai"}, ["OPENAI_API_KEY"]),
        ({"speech_engine": "openai", "openai_api_key": "k"}, []),
        ({"scorer": "openai", "openai_api_key": "k"}, ["SCORER_MODEL"]),
        ({"scorer": "openai", "scorer_model": "m"}, ["OPENAI_API_KEY"]),
        ({"scorer": "openai", "scorer_model": "m", "openai_api_key": "k"}, []),
    ],
)
def test_what_an_engine_lacks_is_a_sentence_that_names_it(given: dict[str, str], names: list[str]) -> None:
    said = lacks(settings(**given))
    assert len(said) == len(names)
    assert all(name in sentence for name, sentence in zip(names, said, strict=True))


def test_a_worker_that_lacks_something_opens_nothing() -> None:
    process = Process(settings(speech_engine="openai"))
    with pytest.raises(SettingsLack, match="OPENAI_API_KEY"):
        process.open(listens=True)
    process.close()


@pytest.mark.parametrize(
    ("seconds_each_second", "each", "seconds"),
    [(0.0, 4, 840.0), (0.05, 4, 840.0), (0.2, 4, 2880.0), (0.5, 2, 3600.0), (2.5, 1, 9000.0)],
)
def test_a_slow_model_takes_on_less_and_has_the_time_it_needs(
    seconds_each_second: float, each: int, seconds: float
) -> None:
    assert per_core(seconds_each_second) == each
    assert deadline(seconds_each_second, 1800.0) == pytest.approx(seconds)


async def test_what_is_loaded_is_said_with_where_and_how_fast_and_bounds_what_is_taken_on() -> None:
    engines = open_engines(settings(speech_model="tiny.en", speech_threads=1, speech_device="cpu"))
    assert engines.about() == "local/tiny.en"
    assert engines.deadline() == HARD_LIMIT
    await engines.warm_up()
    assert re.fullmatch(r"local/tiny\.en on cpu \(int8\), \d+\.\d × real time a thread", engines.about())
    async with AsyncExitStack() as stack:
        came = [await stack.enter_async_context(engines.turn(0.0)) for _ in range(IN_HAND_PER_CORE + 1)]
    assert came[0]
    assert not came[-1]
    await engines.close()


async def test_a_hosted_engine_says_its_name_and_has_the_usual_time() -> None:
    engines = open_engines(settings(openai_api_key="k", openai_speech_model="whisper-1"))
    assert (engines.about(), engines.deadline()) == ("openai/whisper-1", HARD_LIMIT)
    await engines.close()


NO_KEY = ({"SPEECH_ENGINE": "openai"}, "SPEECH_ENGINE=openai needs OPENAI_API_KEY")
NO_KEYRING = ({"ENCRYPT_RECORDINGS": "1"}, "set KEYRING_DIR")
NO_MODEL = ({"SPEECH_MODEL": "/nowhere"}, "There is no speech model '/nowhere': set SPEECH_MODEL")


@pytest.mark.parametrize(("given", "said"), long_but(NO_MODEL, of=[NO_KEY, NO_KEYRING, NO_MODEL]))
def test_such_a_worker_ends_as_one_that_failed_and_says_what_to_set(
    given: dict[str, str], said: str, mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    reached = Settings(
        mongodb_url=mongodb_url, redis_url=redis_url, mongodb_database="test_engines", encrypt_recordings=False
    )
    with launched(reached, tmp_path, "--queues", "celery", **given) as worker:
        assert worker.wait(120) == 1
    assert said in (tmp_path / "worker.log").read_text()
