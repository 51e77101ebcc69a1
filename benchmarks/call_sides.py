"""A side of a call: how far it is in step, packets a core takes in, memory, words heard where packets are lost."""

import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import samples
from benchmarks.accuracy import word_errors
from benchmarks.child import Child, child
from benchmarks.results import NO_GOAL, Result, summary
from benchmarks.run import Run
from benchmarks.samples import Clip, Said
from services.adapters.av_decoder.decode import decode
from services.calls.packets.opus import RATE
from services.calls.packets.side import Side
from tests.calls.sender import Datagram, Network, Sender, taken
from tests.calls.sound import Samples, coded, decoded, displacement, murmur

MINUTES, WINDOW_SECONDS = 10, 20.0
DRIFTS = (100.0, -100.0)
MOST_GOAL, USUAL_GOAL, MEMORY_GOAL = "<= 20", "<= 8", "<= 1.5"
ROUNDS, PACKETS = 5, 30_000
CALLS, CALL_SECONDS = 50, 30
LOSSES = (0.0, 1.0, 3.0, 5.0)
MODEL = "tiny.en"
MB = 1024 * 1024


def run(watch: Run) -> Iterator[Result]:
    """Both sides of one call; one core; many calls; and the spoken clips."""
    yield from _alignment(watch)
    yield _packets(watch)
    yield _memory(watch)
    yield from _words(watch)


def _network(seed: int = 0, lost: float = 3.0) -> Network:
    return Network(seed=seed, delay=0.03, jitter=0.04, lost=lost, reordered=2.0, doubled=1.0)


def _alignment(watch: Run) -> Iterator[Result]:
    """At every minute of both sides, whose clocks drift apart."""
    minutes = max(2, round(MINUTES * watch.options.scale))
    with watch.waiting(f"{minutes} minutes of both sides"):
        found = [
            abs(1000 * each)
            for seed, drift in enumerate(DRIFTS)
            for each in _displacements(minutes, Sender(fast_ppm=drift), _network(seed))
        ]
    note = f"{minutes} minutes of each side, whose clocks are {DRIFTS[0]:g} ppm fast and slow, 3 % lost, 2 % reordered"
    yield summary("calls, alignment at its worst minute", MOST_GOAL, "ms", [max(found)], note)
    yield summary("calls, alignment", USUAL_GOAL, "ms", found, note)


def _displacements(minutes: int, sender: Sender, network: Network) -> list[float]:
    sound = murmur(60.0 * minutes + WINDOW_SECONDS)
    heard = decoded(taken(network.carry(sender.send(coded(sound))), Side(), every=1.0))
    return [_displacement(heard, sound, 60.0 * minute, sender, network) for minute in range(minutes + 1)]


def _displacement(heard: Samples, sound: Samples, at: float, sender: Sender, network: Network) -> float:
    """By how much later a place is heard than it was spoken by the call's clock and at least on its way."""
    seconds = WINDOW_SECONDS / 10
    middle = at + seconds / 2
    spoken = middle / (1 + sender.fast_ppm / 1e6) - middle + network.delay
    return displacement(heard, sound, at, seconds=seconds) - spoken


def _packets(watch: Run) -> Result:
    """Packets a second of one core's own time, pages and all."""
    packets = coded(murmur(20.0)) * (PACKETS // 1000)
    came = _network().carry(Sender().send(packets))

    def speed() -> float:
        began = time.process_time()
        taken(came, Side(), every=1.0)
        return len(came) / (time.process_time() - began)

    (rates,) = zip(*watch.turns(ROUNDS, "packets of a side", speed), strict=True)
    note = f"enough for {median(rates) / 100:.0f} calls of two sides, 50 packets a second each, but for storing them"
    return summary("calls, packets taken in", NO_GOAL, "a second of a core", list(rates), note)


def _memory(watch: Run) -> Result:
    """What a call of two sides holds while its pages are taken once a second."""
    came = [_network(seed).carry(Sender().send(coded(murmur(CALL_SECONDS)))) for seed in range(2)]
    with watch.waiting(f"{CALLS} calls"):
        tracemalloc.start()
        try:
            sides = _open_calls(came, CALLS)
            each = tracemalloc.get_traced_memory()[0] / CALLS / MB
        finally:
            tracemalloc.stop()
    note = f"{CALLS} calls in one process after {sides[0].counts.seconds:.0f} s, without what stores and serves them"
    return summary("calls, memory of a call", MEMORY_GOAL, "MB", [each], note)


def _open_calls(came: list[list[Datagram]], calls: int) -> list[Side]:
    sides = [Side() for _ in range(calls) for _ in came]
    for index, side in enumerate(sides):
        asked = 0.0
        for datagram in came[index % len(came)]:
            if datagram.arrived - asked >= 1.0:
                asked = datagram.arrived
                side.pages(asked)
            side.take(datagram.data, datagram.arrived)
    return sides


def _words(watch: Run) -> Iterator[Result]:
    """Of the clips as they are, and of sides of calls that lost some of their packets."""
    speech = watch.options.speech
    spoken = [one for one in (samples.recordings(speech) if speech else samples.answers()) if one.text]
    spoken = spoken[: max(2, round(len(spoken) * watch.options.scale))]
    with tempfile.TemporaryDirectory(prefix="viva-voce-bench-") as name, child("verdict_side") as process:
        folder = Path(name)
        clean = [samples.write(one.sound, one.text, folder) for one in spoken]
        wrong = {"clean": _errors(watch, process, clean)}
        for lost in LOSSES:
            clips = [_called(one, lost, seed, folder) for seed, one in enumerate(spoken)]
            wrong[f"{lost:g} %"] = _errors(watch, process, clips)
    note = f"{len(spoken)} clips with {MODEL}; the clips themselves: {wrong.pop('clean'):.2f} %"
    for title, percent in wrong.items():
        yield summary(f"calls, words wrong with {title} lost", NO_GOAL, "%", [percent], note)


def _errors(watch: Run, process: Child, clips: list[Clip]) -> float:
    with watch.waiting("words of calls"):
        heard = process.ask({"model": MODEL, "files": [str(clip.file) for clip in clips]}, watch.pause)["heard"]
    return word_errors(clips, [" ".join(text for text, _ in answer["segments"]) for answer in heard])


def _called(said: Said, lost: float, seed: int, folder: Path) -> Clip:
    """What is stored of it, decoded as a worker does."""
    stream = taken(_network(seed, lost).carry(Sender().send(coded(_at_48_khz(said)))), Side())
    blocks: list[bytes] = []
    decode(stream, samples.MOST_FILE_SECONDS, blocks.append, blocks.clear)
    return samples.write(np.frombuffer(b"".join(blocks), np.int16), said.text, folder)


def _at_48_khz(said: Said) -> Samples:
    times = RATE // samples.RATE
    spectrum = np.fft.rfft(said.sound.astype(np.float32) / 32_768)
    return (np.fft.irfft(spectrum, times * len(said.sound)) * times).astype(np.float32)
