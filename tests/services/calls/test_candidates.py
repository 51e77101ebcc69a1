"""Who waits for a second packet, and who goes where too many wait."""

from services.calls.candidates import MOST_CANDIDATES, Candidates, First, Source
from services.calls.packets.rtp import RtpPacket

OWN: Source = ("198.51.100.1", 5004)


def packet(sequence: int, ssrc: int = 1) -> RtpPacket:
    return RtpPacket(111, sequence, 0, ssrc, False, b"\xf8sound")


def comes(candidates: Candidates, source: Source, each: RtpPacket) -> First | None:
    return candidates.first_of(source, b"", 0.0, each)


def test_who_begins_anew_waits_behind_the_others() -> None:
    candidates = Candidates()
    for number in range(MOST_CANDIDATES):
        assert comes(candidates, (OWN[0], OWN[1] + number), packet(7)) is None
    assert comes(candidates, OWN, packet(40, ssrc=2)) is None
    assert comes(candidates, ("198.51.100.9", 5004), packet(7)) is None
    first = comes(candidates, OWN, packet(41, ssrc=2))
    assert first is not None and first.packet.sequence == 40
    assert candidates.seen == MOST_CANDIDATES + 3
