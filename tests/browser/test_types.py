"""What a browser is asked to record."""

import json

import pytest

from tests.browser.node import run_module

CHOOSE = """
import { chooseType } from "./recorder/microphone.js";
Object.defineProperty(navigator, "vendor", { value: VENDOR });
globalThis.MediaRecorder = { isTypeSupported: (type) => RECORDS.some((one) => type.startsWith(one)) };
console.log(JSON.stringify(chooseType()));
"""
WEBM, OGG, MP4 = "audio/webm", "audio/ogg", "audio/mp4"
OF_OPUS = ";codecs=opus"


@pytest.mark.parametrize(
    ("vendor", "records", "chosen"),
    [
        ("Google Inc.", [WEBM, MP4], WEBM + OF_OPUS),
        ("", [WEBM, OGG], WEBM + OF_OPUS),
        ("", [OGG], OGG + OF_OPUS),
        ("Apple Computer, Inc.", [MP4], MP4),
        ("Apple Computer, Inc.", [WEBM, MP4], MP4),  # since Safari 18.4, which plays no WebM that it has recorded
        ("Apple Computer, Inc.", [], ""),
    ],
)
def test_a_browser_records_what_it_plays_itself(vendor: str, records: list[str], chosen: str) -> None:
    given = f"const [VENDOR, RECORDS] = {json.dumps([vendor, records])};"
    assert json.loads(run_module(given + CHOOSE)) == chosen
