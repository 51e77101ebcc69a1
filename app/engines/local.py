"""The engine that runs on this machine."""

from datetime import date

from app.config import Settings
from app.cores import cores
from app.engines.kind import OpenSpeech
from app.finding import Finding, failing, ok, warning
from app.jobs import HARD_LIMIT
from app.weights import NotFetchedYet, WeightsMissing, find_weights, seen_weights
from services.adapters.local_speech import Device, IdleSpeech, LocalSpeech
from services.adapters.local_speech.device import DeviceMissing
from services.errors import EngineBusy
from services.throttle import Throttle
from services.transcription.stretches import LONG

IN_HAND_PER_CORE = 4
UNHURRIED = 1.0  # seconds of work that a core has in hand for each second of sound


class Local:
    """Kind `local`: a CTranslate2 model. Its cores take turns among the recordings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = f"local/{settings.speech_model}"
        self.slots = settings.speech_threads or cores()
        self.in_hand = IN_HAND_PER_CORE * self.slots
        self.lack = ""

    def open(self) -> OpenSpeech:
        engine = LocalSpeech(
            lambda: find_weights(
                self._settings.speech_model,
                self._settings.cache_dir,
                self._settings.speech_revision,
                offline=self._settings.speech_offline,
            ),
            self._settings.speech_model,
            self.slots,
            words=self._settings.speech_words,
            device=Device(self._settings.speech_device, self._settings.speech_compute_type),
        )
        idle = self._settings.speech_idle_seconds
        kept = IdleSpeech(engine, idle) if idle else engine
        throttle = Throttle(EngineBusy)

        async def warm_up() -> None:
            await kept.open()
            throttle.limit(self.slots * per_core(engine.seconds_each_second or 0.0))

        return OpenSpeech(
            engine=kept,
            throttle=throttle,
            about=lambda: about(engine),
            deadline=lambda: deadline(engine.seconds_each_second or 0.0, LONG.most),
            warm_up=warm_up,
            close=kept.close,
        )

    async def look(self, today: date) -> list[Finding]:
        name, cache = self._settings.speech_model, self._settings.cache_dir
        said = f"local, {name}"
        try:
            folder = seen_weights(name, cache, self._settings.speech_revision)
            device = Device(self._settings.speech_device, self._settings.speech_compute_type).here()
        except NotFetchedYet as trouble:
            if self._settings.speech_offline:
                return [failing("Speech engine", f"{said}: no weights", str(trouble))]
            todo = "The first worker fetches it when it starts; its log says how far it is."
            return [warning("Speech engine", f"{said}: not in {cache} yet", todo)]
        except (WeightsMissing, DeviceMissing) as trouble:
            return [failing("Speech engine", f"{said}: cannot be loaded", str(trouble))]
        except OSError as trouble:
            return [failing("Speech engine", f"{said}: {trouble}", "Check CACHE_DIR and its disk.")]
        where = f"on {device.name} ({device.compute_type})"
        return [ok("Speech engine", f"{said} {where}: weights found and checked in {folder}")]


def per_core(seconds_each_second: float) -> int:
    """How many recordings a core takes on: fewer of a slow model, so that each ends in time and others have some."""
    return max(1, min(IN_HAND_PER_CORE, int(UNHURRIED / max(seconds_each_second, 0.001))))


def deadline(seconds_each_second: float, most_seconds: float) -> float:
    """Twice what so long a stretch takes while its core shares its time among as many others."""
    return max(HARD_LIMIT, 2 * most_seconds * seconds_each_second * per_core(seconds_each_second))


def about(engine: LocalSpeech) -> str:
    if engine.seconds_each_second is None:
        return ""
    device, times = engine.device, 1 / engine.seconds_each_second
    return f"on {device.name} ({device.compute_type}), {times:.1f} × real time a thread"
