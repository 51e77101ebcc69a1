"""What it costs that recordings are sealed, and have receipts: the same house with that and without, in turns."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from benchmarks import stack
from benchmarks.calls import Client, connect
from benchmarks.child import Child, child
from benchmarks.results import Result, summary
from benchmarks.run import Run
from benchmarks.stack import Place
from benchmarks.transcribing import Transcribing, the_answers
from benchmarks.upload import MB, Load, Side
from services.adapters.receipt_keys import new_key

GOAL, UNIT = ">= 0.95", "of the speed without sealing"
PLAIN = {"ENCRYPT_RECORDINGS": "0"}
LOADS = [Load(MB // 2, 8, 160, 5), Load(5 * MB, 8, 32, 5)]
ROUNDS, ANSWERS, READINGS = 4, 12, 60


def run(watch: Run) -> Iterator[Result]:
    """Uploads of two sizes, opening and decoding, and the whole way to the transcript; this with receipts too."""
    with ExitStack() as held:
        places = [held.enter_context(stack.opened(watch, settings=settings)) for settings in ({}, PLAIN)]
        http = held.enter_context(child("http_uploads"))
        for load in LOADS:
            yield _uploads(watch, load, http, *places)
        yield _listening(watch, held.enter_context(child("sealed_listening")), places[0])
    with ExitStack() as held:
        works = [_working(watch, held, settings) for settings in ({}, PLAIN)]
        yield _pipeline(watch, "sealed", UNIT, *works)
    with ExitStack() as held:
        works = [_working(watch, held, settings) for settings in (_signing(held), {})]
        yield _pipeline(watch, "with receipts", "of the speed without receipts", *works)


def _signing(held: ExitStack) -> dict[str, str]:
    """The setting under which each deletion has its receipt."""
    folder = held.enter_context(tempfile.TemporaryDirectory(prefix="viva-voce-bench-"))
    (Path(folder) / "receipts-1.pem").write_bytes(new_key())
    return {"RECEIPT_KEYS": folder}


def _uploads(watch: Run, load: Load, http: Child, sealing: Place, plain: Place) -> Result:
    sides = [
        Side(watch, here, http, "api", {**asdict(load), **here.door, "mongodb_url": here.mongodb_url})
        for here in (sealing, plain)
    ]
    turns = [side.seconds for side in sides]
    rounds = watch.turns(load.rounds, f"upload {load.name}, sealed and not", *turns, warm_up=load.warm_up)
    megabytes = load.megabytes * (len(rounds) + load.warm_up)
    spent = [side.spending.each(megabytes) for side in sides]
    note = f"processor ms per MB: {spent[0]} against {spent[1]}"
    return summary(f"upload, sealed, {load.name}", GOAL, UNIT, [other / own for own, other in rounds], note)


def _listening(watch: Run, listening: Child, here: Place) -> Result:
    files = [str(spoken.audio.resolve()) for spoken in the_answers(3)]
    keys = str(here.layout.root / "listening")
    listening.ask({"store": files, "mongodb_url": here.mongodb_url, "keyring_dir": keys}, watch.pause)

    def taken(*, sealed: bool) -> float:
        return float(listening.ask({"sealed": sealed, "count": READINGS}, watch.pause)["seconds"])

    pairs = watch.pairs(ROUNDS, "opening and decoding", lambda: taken(sealed=True), lambda: taken(sealed=False))
    best = [1000 * min(times) / READINGS for times in zip(*pairs, strict=True)]
    note = f"best {best[0]:.1f} and {best[1]:.1f} ms a recording, read from MongoDB and decoded"
    return summary("listening, sealed", GOAL, UNIT, [plain / sealed for sealed, plain in pairs], note)


def _working(watch: Run, held: ExitStack, settings: dict[str, str]) -> Transcribing:
    here = held.enter_context(stack.opened(watch, beside=stack.workers(1), ready_workers=1, settings=settings))
    return Transcribing(watch, Client(held.enter_context(connect(here.url, here.token()))))


def _pipeline(watch: Run, name: str, unit: str, with_it: Transcribing, without: Transcribing) -> Result:
    answers = the_answers(ANSWERS, watch.options.clips)
    turns = [lambda: with_it.all_of(answers, lambda: None), lambda: without.all_of(answers, lambda: None)]
    pairs = watch.pairs(ROUNDS, f"pipeline, {name} and not, {len(answers)} answers", *turns)
    best = [60 * len(answers) / min(times) for times in zip(*pairs, strict=True)]
    note = f"best {best[0]:.0f} and {best[1]:.0f} answers a minute"
    return summary(f"pipeline, {name}", GOAL, unit, [other / own for own, other in pairs], note)
