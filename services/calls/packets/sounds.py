"""Which packets may be a side's sound, and what the others are."""

from services.calls.packets import opus
from services.calls.packets.rtp import COMFORT_NOISE, FIRST_DYNAMIC, Oddity, RtpPacket

TELEPHONE_EVENT_BYTES, MOST_TELEPHONE_EVENT = 4, 16


def may_be_sound(packet: RtpPacket, payload_type: int | None) -> bool:
    """Whether a side that is told this type, or none, may begin with it: whole Opus, and no key of a telephone."""
    if not opus.samples(packet.payload):
        return False
    if payload_type is not None:
        return packet.payload_type == payload_type
    is_telephone_event = len(packet.payload) == TELEPHONE_EVENT_BYTES and packet.payload[0] <= MOST_TELEPHONE_EVENT
    return packet.payload_type >= FIRST_DYNAMIC and not is_telephone_event


def oddity_of(packet: RtpPacket, payload_type: int | None) -> Oddity:
    """Why it is no sound of a side that is told this type, or none."""
    if packet.payload_type == COMFORT_NOISE:
        return Oddity.COMFORT_NOISE
    if packet.payload_type < FIRST_DYNAMIC or payload_type not in (None, packet.payload_type):
        return Oddity.PAYLOAD_TYPE
    return Oddity.NOT_OPUS if packet.payload else Oddity.EMPTY
