"""Redundant audio (RFC 2198), as browsers send Opus where it is agreed on: the newest sound of each packet, and what it
repeats of those before it."""

from typing import NamedTuple

from services.calls.packets import opus
from services.calls.packets.rtp import FIRST_DYNAMIC, Older, RtpPacket

# Browsers call it that, whatever else they call what they like.
USUAL = 63
HEAD = 4
LENGTH_BITS = 10
# Senders repeat a few; what names more is made to be taken apart.
MOST_OLDER = 32


class Block(NamedTuple):
    """One of a packet's sounds, and by how much of the timestamp it is earlier."""

    kind: int
    before: int
    payload: bytes


def unwrapped(packet: RtpPacket, payload_type: int | None) -> RtpPacket:
    """The packet as it would have come alone; itself, where it is none of these, or of another type than the side's."""
    if packet.payload_type == payload_type or (payload_type is None and packet.payload_type != USUAL):
        return packet
    blocks = _blocks(packet.payload)
    if not blocks:
        return packet
    *older, newest = blocks
    is_own = newest.kind == payload_type or (payload_type is None and newest.kind >= FIRST_DYNAMIC)
    if not is_own or any(each.kind != newest.kind for each in older) or not opus.samples(newest.payload):
        return packet
    return packet._replace(payload_type=newest.kind, payload=newest.payload, older=_sounds(older))


def _sounds(blocks: list[Block]) -> tuple[Older, ...]:
    """Each is the sound of one packet, in their order; the last is that of the packet before."""
    placed = ((len(blocks) - at, block) for at, block in enumerate(blocks))
    return tuple(Older(places, each.before, each.payload) for places, each in placed if opus.samples(each.payload))


def _blocks(payload: bytes) -> list[Block]:
    """The newest is the last; nothing, where it is no such packet."""
    heads, at = list[tuple[int, int, int]](), 0
    while at < len(payload) and payload[at] >= 0x80:
        if len(heads) == MOST_OLDER:
            return []
        before, length = divmod(int.from_bytes(payload[at + 1 : at + HEAD]), 1 << LENGTH_BITS)
        heads.append((payload[at] & 0x7F, before, length))
        at += HEAD
    if at >= len(payload):
        return []
    newest, blocks, at = payload[at], list[Block](), at + 1
    for kind, before, length in heads:
        blocks.append(Block(kind, before, payload[at : at + length]))
        at += length
    return [*blocks, Block(newest, 0, payload[at:])]
