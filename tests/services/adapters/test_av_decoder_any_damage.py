"""Whatever happens to a recording, decoding it has a foreseen end, and what is told of it is within it."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.adapters.av_decoder import protocol
from services.adapters.av_decoder.decode import Handing, decode, hand_over
from services.adapters.av_decoder.places import Entered
from services.adapters.av_decoder.protocol import Planned
from services.errors import AudioTooLong, AudioUnreadable
from tests import audio, browser_recordings
from tests.at_length import examples, long_but

MOST = 30.0
MADE = (browser_recordings.chromium, browser_recordings.chromium_mp4, browser_recordings.safari)
BROWSERS = {made.__name__: made for made in MADE}
PLACES = st.floats(0.0, 1.0)
LENGTHS = st.sampled_from([1, 3, 50, 500, 3_000])
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), PLACES, LENGTHS),
        st.tuples(st.just("hole"), PLACES, LENGTHS),
        st.tuples(st.just("again"), PLACES, LENGTHS),
        st.tuples(st.binary(min_size=1, max_size=60), PLACES, LENGTHS),
        st.tuples(st.sampled_from([*audio.ENCODERS, *BROWSERS]), st.just(1.0), LENGTHS),
    ),
    min_size=1,
    max_size=3,
)


@cache
def recording(name: str) -> bytes:
    if name in BROWSERS:
        return BROWSERS[name](audio.tone(3.0, 48_000), 48_000)
    return audio.encoded(name, 2.0)


def changed(data: bytes, what: str | bytes, place: float, length: int) -> bytes:
    """Cut off, with a hole, with a piece that comes twice, overwritten, or with another recording behind it."""
    at = int(place * len(data))
    if isinstance(what, bytes):
        return data[:at] + what + data[at + len(what) :]
    if what == "cut":
        return data[:at]
    if what == "hole":
        return data[:at] + data[at + length :]
    if what == "again":
        return data[:at] + data[max(0, at - length) :]
    return data + recording(what)


@pytest.mark.parametrize("name", long_but("webm", "mp4", "wav", *BROWSERS, of=[*audio.ENCODERS, *BROWSERS]))
@settings(max_examples=examples(15), deadline=None)
@given(changes=CHANGES)
def test_any_damage_has_a_foreseen_end(name: str, changes: list[tuple[str | bytes, float, int]]) -> None:
    data = recording(name)
    for change in changes:
        data = changed(data, *change)
    blocks: list[bytes] = []
    try:
        flaws = decode(data, MOST, blocks.append, blocks.clear)
    except (AudioUnreadable, AudioTooLong):
        return
    seconds = sum(map(len, blocks)) / protocol.BYTES_PER_SECOND
    assert seconds <= MOST + 1
    assert protocol.planned_of(Planned(1, flaws, b"").body()).flaws == flaws
    assert all(0 <= (flaw.at or 0.0) <= seconds + 0.1 for flaw in flaws)


@pytest.mark.parametrize("name", long_but("webm", "mp4", "wav", *BROWSERS, of=[*audio.ENCODERS, *BROWSERS]))
@settings(max_examples=examples(12), deadline=None)
@given(changes=CHANGES, which=PLACES)
def test_any_damage_is_entered_or_read_from_its_beginning(
    name: str, changes: list[tuple[str | bytes, float, int]], which: float
) -> None:
    data = recording(name)
    for change in changes:
        data = changed(data, *change)
    if (told := handed(data, Entered(), 0)) is None:
        return
    assert protocol.planned_of(told.body()) == told
    assert all(end <= offset <= len(data) for offset, _, _, end in told.entries)
    if told.entries:
        offset, samples, head, end = told.entries[int(which * (len(told.entries) - 1))]
        rest = data[head:end] + data[offset:]
        behind = handed(rest, Entered(end - head, samples, offset - end), samples + 8_000)
        assert behind is None or behind.samples >= samples


def handed(data: bytes, entered: Entered, skip: int) -> Planned | None:
    """What was told of it; None where it cannot be read."""
    told: list[Planned] = []
    blocks: list[bytes] = []
    to = Handing(blocks.append, lambda found: told.append(found.planned()), skip, 10**7, entered=entered)
    try:
        hand_over(data, MOST, to)
    except (AudioUnreadable, AudioTooLong):
        return None
    assert len(b"".join(blocks)) // 2 == max(0, told[0].samples - skip)
    return told[0]
