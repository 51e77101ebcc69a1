"""What became of a side's packets."""

from collections import Counter
from dataclasses import dataclass, field

from services.calls.packets.rtp import Oddity


@dataclass(slots=True)
class Counts:
    """Of `packets` so many are `settled`: in the pages that were given out, up to `settled_sequence`.

    `lost` came not at all or too late, and `late` of these came; `doubled` came again. `recovered`
    of the `packets` got lost, and were heard of what the packets behind them repeat.

    `foreign` were of another source while the side's own went on. `odd` were no sound of it, by reason. `skipped` were
    left out to be in step. What came is counted once: in `packets`, or in one of `late` to `skipped`.

    `filled` are seconds of concealment: what was lost, was not sent, and what keeps the side in step.
    `seconds` is how long the side's stream is, `settled_seconds` how long its pages, `jitter` as in RFC 3550 §6.4.1, in
    seconds.
    """

    packets: int = 0
    settled: int = 0
    settled_sequence: int | None = None
    recovered: int = 0
    lost: int = 0
    late: int = 0
    doubled: int = 0
    skipped: int = 0
    foreign: int = 0
    odd: Counter[Oddity] = field(default_factory=Counter)
    reports: int = 0
    restarts: int = 0
    filled: float = 0.0
    seconds: float = 0.0
    settled_seconds: float = 0.0
    jitter: float = 0.0
    last_sequence: int | None = None
    last_arrived: float | None = None
