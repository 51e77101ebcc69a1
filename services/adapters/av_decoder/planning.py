"""What is found out of a recording before it is handed over, by going through it: its parts, mixes, level and flaws."""

import json
from dataclasses import dataclass, field
from typing import Self

from services.adapters.av_decoder.channels import Mix
from services.adapters.av_decoder.protocol import Planned
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
