"""Redundant audio (RFC 2198), as browsers send Opus where it is agreed on: the newest sound of each packet."""

from services.calls.packets import opus
from services.calls.packets.rtp import FIRST_DYNAMIC, RtpPacket

# Browsers call it that, whatever else they call what they like.
USUAL = 63
HEAD = 4


def unwrapped(packet: RtpPacket, payload_type: int | None) -> RtpPacket:
    """The packet as it would have come alone; itself, where it is none of these, or of another type than the side's."""
    if packet.payload_type == payload_type or (payload_type is None and packet.payload_type != USUAL):
        return packet
    kinds, sound = _blocks(packet.payload)
    kind = kinds[-1] if kinds else 0
    is_own = kind == payload_type or (payload_type is None and kind >= FIRST_DYNAMIC)
    if not is_own or len(set(kinds)) > 1 or not opus.samples(sound):
        return packet
    return packet._replace(payload_type=kind, payload=sound)


def _blocks(payload: bytes) -> tuple[list[int], bytes]:
    """The payload types of all blocks, and the last one, which is the newest; nothing, where it is no such packet."""
    kinds, at, older = list[int](), 0, 0
    while at < len(payload):
        kinds.append(payload[at] & 0x7F)
        if payload[at] < 0x80:
            return kinds, payload[at + 1 + older :]
        older += int.from_bytes(payload[at + 2 : at + HEAD]) & 0x3FF
        at += HEAD
    return [], b""
