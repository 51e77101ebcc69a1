"""Both sides of a call out of a capture of a network, as Ogg Opus files that lie in step."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.calls.packets.captured import Captured, Carried, Flow, carried, of
from services.calls.packets.side import Side

MOST_SECONDS = 4 * 3600.0
TOO_LONG = (
    "The capture of {flow} goes on for {hours:.1f} hours, which no call may: its clock was set meanwhile, or it holds "
    "several calls. Save the packets of one call as a capture of their own."
)


class NoCall(Exception):
    """There is none in a capture, or it is not said which; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Sides:
    """The flows, and what they carried; a missing one is empty."""

    left: Flow
    right: Flow | None
    left_sound: bytes
    right_sound: bytes


def sides_of(captured: Iterable[Captured], left: str | None = None, right: str | None = None) -> Sides:
    """Of the flows that are named, or of the two with the most packets: the first to begin is the left one.

    What a proxy relays is no side of its own.
    """
    if right is not None and left is None:
        raise NoCall("--right names one flow of two: name the other one with --left.")
    datagrams = list(captured)
    flows = carried(datagrams)
    chosen = [_named(flows, name) for name in (left, right) if name is not None] if left else _two(flows)
    begun = min(flow.first_at for flow in chosen)
    sounds = [_sound(datagrams, flow.flow, begun) for flow in chosen]
    return Sides(
        left=chosen[0].flow,
        right=chosen[1].flow if len(chosen) > 1 else None,
        left_sound=sounds[0],
        right_sound=sounds[1] if len(sounds) > 1 else b"",
    )


def _two(flows: list[Carried]) -> list[Carried]:
    if not flows:
        raise NoCall("No RTP is in this capture. Capture the UDP ports of the call, on the host that takes it in.")
    most = sorted(flows, key=lambda flow: -flow.packets)
    others = [flow for flow in most[1:] if not flow.is_copy_of(most[0])]
    return sorted([most[0], *others[:1]], key=lambda flow: flow.first_at)


def _named(flows: list[Carried], name: str) -> Carried:
    found = next((flow for flow in flows if str(flow.flow) == name), None)
    if found is None:
        known = "\n".join(f"  {flow.flow}   {flow.packets} packets" for flow in flows) or "  none"
        raise NoCall(f"No flow of RTP is called {name!r}. Those that are:\n{known}")
    return found


def _sound(datagrams: list[Captured], flow: Flow, begun: float) -> bytes:
    side, pages, now = Side(), bytearray(), 0.0
    for at, _, data in of(datagrams, flow):
        now = at - begun
        if now > MOST_SECONDS:
            raise NoCall(TOO_LONG.format(flow=flow, hours=now / 3600))
        side.take(data, now)
        pages += side.pages(now)
    pages += side.close(now)
    return bytes(pages)
