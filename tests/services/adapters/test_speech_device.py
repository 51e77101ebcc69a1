"""Which device and which numbers a model is loaded with."""

import ctranslate2
import pytest

from services.adapters.local_speech import Device
from services.adapters.local_speech.device import DeviceMissing

KNOWN = {"cpu": {"int8", "float32"}, "cuda": {"int8", "float16", "float32"}}


@pytest.fixture(params=[0, 1])
def cards(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: request.param)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", KNOWN.__getitem__)
    return int(request.param)


def test_auto_takes_the_card_if_there_is_one(cards: int) -> None:
    assert Device("auto", "auto").here() == (Device("cuda", "float16") if cards else Device("cpu", "int8"))
    assert Device("cpu", "auto").here() == Device("cpu", "int8")
    assert Device("auto", "float32").here() == Device("cuda" if cards else "cpu", "float32")


@pytest.mark.parametrize("cards", [0], indirect=True)
def test_a_card_that_is_not_there_is_told(cards: int) -> None:
    with pytest.raises(DeviceMissing, match="SPEECH_DEVICE"):
        Device("cuda", "auto").here()


def test_numbers_that_the_device_does_not_know_are_told_with_those_that_it_does(cards: int) -> None:
    with pytest.raises(DeviceMissing, match="cpu: auto, float32, int8 do"):
        Device("cpu", "float16").here()


def test_this_machines_own_processor_does_without_loss() -> None:
    assert Device("cpu", "auto").here() == Device("cpu", "int8")
