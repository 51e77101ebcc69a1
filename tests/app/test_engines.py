"""Which engine the settings ask for, and what they lack for it."""

from typing import get_args

import pytest

from app.config import Settings
from app.engines import KINDS, lacks, speech_kind
from app.worker import Process

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
    with pytest.raises(ValueError, match="OPENAI_API_KEY"):
        process.open(listens=True)
    process.close()
