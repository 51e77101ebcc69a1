"""Pieces of recordings, a second of speech each: the use case against bare inserts of the same bytes, in turns."""

from collections.abc import Iterator

from benchmarks import stack
from benchmarks.child import child
from benchmarks.results import Result, summary
from benchmarks.run import Run

GOAL, UNIT = ">= 0.5", "of the appends a second of bare inserts"
ROUNDS = 4
PIECE_BYTES = 6 * 1024
# Recorders at once, and how many pieces each of them sends, one after the other.
CROWDS = {16: 120, 1000: 6}


def run(watch: Run) -> Iterator[Result]:
    """As many as a few uploads, and as many as a full house."""
    with stack.opened(watch) as here, child("piece_appends") as appends:
        for recorders, pieces in CROWDS.items():
            job = {
                "mongodb_url": here.mongodb_url,
                "redis_url": here.environment()["REDIS_URL"],
                "recorders": recorders,
                "pieces": pieces,
                "bytes": PIECE_BYTES,
            }

            def seconds(side: str, job: dict[str, object] = job) -> float:
                return float(appends.ask({**job, "side": side}, watch.pause)["seconds"])

            pairs = watch.pairs(
                ROUNDS, f"{recorders} recorders at once", lambda: seconds("ours"), lambda: seconds("bare")
            )
            number = recorders * pieces
            best = [number / min(times) for times in zip(*pairs, strict=True)]
            note = f"best {best[0]:,.0f} against {best[1]:,.0f} a second"
            yield summary(f"pieces, {recorders} at once", GOAL, UNIT, [bare / own for own, bare in pairs], note)
