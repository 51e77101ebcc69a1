"""Lengths of Opus packets, and fillers, as libopus and ffmpeg understand them."""

from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.packets import opus
from services.calls.packets.ogg import END, OggWriter
from tests.calls.searching import searched
from tests.calls.sound import coded, decoded, murmur

CONFIGS = range(32)
# What ffmpeg's own decoder of narrowband holds back for good.
RESAMPLING = 24


@pytest.mark.parametrize("milliseconds", ["2.5", "5", "10", "20", "40", "60", "80", "100", "120"])
@pytest.mark.parametrize("application", ["voip", "lowdelay"])
def test_a_coders_packets_are_as_long_as_it_was_told(milliseconds: str, application: str) -> None:
    packets = coded(murmur(1.2), milliseconds=milliseconds, application=application)
    assert {opus.samples(packet) for packet in packets} == {round(float(milliseconds) * 48)}


@searched
@given(st.binary(min_size=1, max_size=60))
def test_what_is_taken_for_opus_is_decoded_to_its_length(packet: bytes) -> None:
    """libopus decodes each packet that is well formed, and refuses none of these."""
    samples = opus.samples(packet)
    coder: Any = av.CodecContext.create("libopus", "r")
    coder.sample_rate, coder.layout = 48000, "mono"
    try:
        found = sum(frame.samples for frame in coder.decode(av.Packet(packet)))
    except av.error.FFmpegError:
        found = 0
    assert found == samples


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x03",
        b"\x03\x00",
        b"\x03\x3f",
        b"\x01\x00",
        b"\x02",
        b"\x02\xfc",
        b"\x02\x05\x00",
        b"\x03\x41",
        b"\x03\x41\x05\x00",
        b"\x03\x82\x09\x00",
        b"\x00" + bytes(1276),
    ],
)
def test_what_is_not_well_formed_has_no_length(packet: bytes) -> None:
    assert opus.samples(packet) == 0


@searched
@given(st.integers(0, 255), st.integers(0, 2000))
def test_fillers_are_as_long_as_what_is_missing(toc: int, units: int) -> None:
    """In CELT to 2.5 ms, else to 10 ms, with what is in between left over."""
    missing = units * opus.UNIT
    fillers = list(opus.fillers(toc, missing))
    assert [opus.samples(packet) for packet, _ in fillers] == [samples for _, samples in fillers]
    assert sum(samples for _, samples in fillers) == missing - missing % opus.unit(toc)
    assert all(len(packet) <= 2 for packet, _ in fillers)
    assert len(fillers) <= missing // opus.MOST_SAMPLES + 4
    assert {packet[0] & 4 for packet, _ in fillers} <= {toc & 4}


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("decoder", ["opus", "libopus"])
def test_decoders_conceal_as_much_as_a_filler_says(config: int, decoder: str) -> None:
    """After sound of every mode, bandwidth and length, in mono and stereo, at every length of fillers."""
    for stereo in (0, 4):
        toc = config << 3 | stereo
        coder: Any = av.CodecContext.create(decoder, "r")
        coder.sample_rate, coder.layout = 48000, "stereo"
        coder.open()
        wanted = found = 0
        for missing in (120, 240, 480, 600, 960, 1080, 1440, 5760, 6960, 28_800):
            sound = (bytes([toc]) + bytes(range(30)), opus.FRAME_SAMPLES[config])
            for packet, samples in (sound, *opus.fillers(toc, missing)):
                found += sum(frame.samples for frame in coder.decode(av.Packet(packet)))
                wanted += samples
            assert wanted - found in (0, RESAMPLING)


@pytest.mark.parametrize("application", ["voip", "audio", "lowdelay"])
def test_a_filled_hole_does_not_move_what_follows(application: str) -> None:
    sound = murmur(3)
    writer = OggWriter()
    for at, packet in enumerate(coded(sound, application=application)):
        if 40 <= at < 70:
            for filler, samples in opus.fillers(packet[0], 960) if at % 2 else ():
                writer.add(filler, samples)
            if at % 2 == 0:
                writer.add(bytes([packet[0] & 0xFC]), 960)
        else:
            writer.add(packet, 960)
    writer.flush(END)
    assert abs(len(decoded(writer.take_pages())) - len(sound)) <= 480
