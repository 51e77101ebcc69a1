"""What is found out of a recording before it is handed over, by going through it: its parts, mixes, level and flaws."""

import json
from dataclasses import dataclass, field, replace
from typing import Self

from services.adapters.av_decoder.channels import Mix
from services.adapters.av_decoder.places import InSound
from services.adapters.av_decoder.protocol import RATE, Planned
from services.interviews.transcript import Flaw


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pass over a recording does; the first finds out what were better.

    Where one channel is wanted, nothing is mixed that no mix names.
    """

    is_first: bool = True
    fills: bool = True
    mixes: dict[int, Mix] = field(default_factory=dict)
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """All that another process needs to hand over the same samples at once."""

    samples: int
    flaws: tuple[Flaw, ...]
    edges: list[tuple[int, int]]
    is_mended: bool
    plan: Plan
    gain: float | None

    def planned(self) -> Planned:
        return Planned(self.samples, self.flaws, self._body())

    @property
    def first(self) -> int:
        """The number of the first sample that is handed over, if none is left out."""
        return 0

    def _body(self) -> bytes:
        mixes = [(number, mix.weights, mix.delays) for number, mix in self.plan.mixes.items()]
        flaws = [(flaw.code, flaw.at, flaw.seconds) for flaw in self.flaws]
        rest = [self.edges, self.is_mended, self.plan.fills, mixes, self.gain]
        return json.dumps([self.samples, flaws, *rest]).encode()

    @classmethod
    def of(cls, body: bytes) -> Self:
        samples, flaws, edges, is_mended, fills, mixes, gain = json.loads(body)
        chosen = {number: Mix(tuple(weights), tuple(delays)) for number, weights, delays in mixes}
        known = tuple(Flaw(code=code, at=at, seconds=seconds) for code, at, seconds in flaws)
        return cls(samples, known, [(start, end) for start, end in edges], is_mended, Plan(False, fills, chosen), gain)


@dataclass(frozen=True, slots=True)
class FoundBehind(Found):
    """The same of what is behind an entry, whose first sound is the sample `first`; and how loud it is at most."""

    begins: int
    places: list[InSound]
    loudest: float

    @property
    def first(self) -> int:
        return self.begins

    def planned(self) -> Planned:
        begins = self.begins / RATE
        flaws = tuple(replace(flaw, at=None if flaw.at is None else flaw.at + begins) for flaw in self.flaws)
        entries = tuple(
            (place.offset, self.begins + round(place.seconds * RATE), place.head, place.head_end)
            for place in self.places
        )
        return Planned(self.begins + self.samples, flaws, json.dumps([self.loudest]).encode(), entries)


def loudest_before(plan: bytes | None) -> float:
    """How loud at most it was before an entry, as its plan says."""
    return float(json.loads(plan)[0]) if plan else 0.0


class Held:
    """The samples of a pass, as long as they are few; how many bytes there were is known in any case."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.forget()

    def forget(self) -> None:
        self.blocks: list[bytes] = []
        self.bytes = 0

    def take(self, block: bytes) -> None:
        self.bytes += len(block)
        if self.is_whole:
            self.blocks.append(block)
        else:
            self.blocks.clear()

    @property
    def is_whole(self) -> bool:
        return self.bytes <= self.most
