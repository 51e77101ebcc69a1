"""What the recorders of Chromium, Firefox and Safari make is taken and rightly heard, also where it breaks off."""

from io import BytesIO

import av
import pytest

from scripts.calls.sample import RATE
from tests.audio import CLUSTER
from tests.browser.microphone import sentences
from tests.browser_recordings import UNKNOWN, chromium, firefox, safari
from tests.system.live import Stack, create, upload, wait_for
from tests.system.speech import word_error_rate

pytestmark = pytest.mark.long

MAKERS = {"chromium": chromium, "firefox": firefox, "safari": safari}
WITHOUT_SOUND_AT_THE_END = 0.97  # what is cut off is in the last second, in which little is said


def test_what_each_browser_records_is_heard(stack: Stack) -> None:
    spoken = sentences()[1]
    recorded = {name: make(spoken.sound, RATE) for name, make in MAKERS.items()}
    recorded |= {f"{name}-cut": whole[: int(len(whole) * WITHOUT_SOUND_AT_THE_END)] for name, whole in recorded.items()}
    _check_quirks(recorded["chromium"], recorded["safari"])
    with stack.client() as client:
        session = create(client, *(dict[str, object](id=name, text="?", language="en") for name in recorded))
        for name, data in recorded.items():
            upload(client, session, name, data, "answer.bin")
        heard = {name: wait_for(client, session, name) for name in recorded}
    for name, answer in heard.items():
        assert answer["status"] == "completed", (name, answer)
        assert word_error_rate(spoken.said, answer["transcript"]) < 0.15, (name, answer)
        assert abs(answer["duration_seconds"] - len(spoken.sound) / RATE) < 1.2, (name, answer)


def _check_quirks(webm: bytes, mp4: bytes) -> None:
    """What makes these files odd is in them."""
    with av.open(BytesIO(webm), "r") as opened:
        assert opened.duration is None
    segment, cues = b"\x18\x53\x80\x67", b"\x1c\x53\xbb\x6b"
    assert segment + UNKNOWN in webm
    assert webm.count(CLUSTER + UNKNOWN) > 3
    assert cues not in webm
    assert mp4.count(b"moof") == mp4.count(b"mdat") > 3
    assert not any(box in mp4 for box in (b"mehd", b"mfra", b"sidx"))
