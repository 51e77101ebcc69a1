"""The engine that runs on this machine."""

import os
from datetime import date

from app.config import Settings
from app.engines.kind import OpenSpeech
from app.finding import Finding, failing, ok
from app.weights import WeightsMissing, find_weights, seen_weights
from services.adapters.local_speech import Device, LocalSpeech
from services.errors import EngineBusy
from services.throttle import Throttle

IN_HAND_PER_CORE = 4


class Local:
    """Kind `local`: a CTranslate2 model. It reads recordings together that wait for the same core."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = f"local/{settings.speech_model}"
        self.slots = settings.speech_threads or len(os.sched_getaffinity(0))
        self.in_hand = IN_HAND_PER_CORE * self.slots
        self.lack = ""

    def open(self) -> OpenSpeech:
        model, cache, words = self._settings.speech_model, self._settings.cache_dir, self._settings.speech_words
        device = Device(self._settings.speech_device, self._settings.speech_compute_type)
        engine = LocalSpeech(lambda: find_weights(model, cache), model, self.slots, words=words, device=device)
        return OpenSpeech(engine=engine, throttle=Throttle(EngineBusy), warm_up=engine.open, close=engine.close)

    async def look(self, today: date) -> list[Finding]:
        said = f"local, {self._settings.speech_model}"
        try:
            folder = seen_weights(self._settings.speech_model, self._settings.cache_dir)
        except WeightsMissing as trouble:
            return [failing("Speech engine", f"{said}: no weights", str(trouble))]
        except OSError as trouble:
            return [failing("Speech engine", f"{said}: {trouble}", "Check CACHE_DIR and its disk.")]
        return [ok("Speech engine", f"{said}: weights found and checked in {folder}")]
