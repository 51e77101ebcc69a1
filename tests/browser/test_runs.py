"""A recording from its begin to its end, in a browser that is made for it: its clock is turned by hand, timers rest."""

import json

import pytest

from tests.browser.node import run_module

BROWSER = """
let now = 0;
performance.now = () => now;
const beats = [];
globalThis.setInterval = (act) => beats.push(act);
globalThis.document = Object.assign(new EventTarget(), { visibilityState: "hidden" });
const machines = [];
globalThis.MediaRecorder = class {
  state = "inactive";
  constructor() { machines.push(this); }
  start() { this.state = "recording"; }
  stop() { this.state = "inactive"; }
  requestData() { asked.push(now); }
  gives(text) { this.ondataavailable({ data: new Blob([text]) }); }
};
const asked = [];
const microphone = new EventTarget();
const stream = { getAudioTracks: () => [microphone] };
const given = { type: "", bitsPerSecond: 1, timeslice: 1000, maxDuration: 20, limitWarnings: [5] };
const told = [];
const tell = (type, detail) => told.push([type, detail.code ?? detail.remaining]);
"""
UNSEEN = """
import { Run } from "./recorder/run.js";
const at = [];
const run = new Run(stream, given, tell, { onStart: () => {}, onChunk: (_, seconds) => at.push(seconds) });
const [machine] = machines;
while (machine.state === "recording" && now < 60_000) {
  now += 1000;
  machine.gives("a second");
}
machine.onstop();
const { reason, seconds } = await run.ended;
const heard = told.filter(([type]) => type !== "time").map(([, what]) => what);
console.log(JSON.stringify([reason, seconds, at.length, heard]));
"""


def test_a_page_that_is_not_seen_counts_what_it_records() -> None:
    """Chromium runs the timers of one once a minute, and records on."""
    reason, seconds, pieces, heard = json.loads(run_module(BROWSER + UNSEEN))
    assert (reason, seconds, pieces) == ("limit", 20, 20)
    assert heard == ["level_failed", 5]


SILENT = """
import { Run } from "./recorder/run.js";
const [later, waits] = [setTimeout, []];
globalThis.setTimeout = (act, wait, ...more) => later(act, waits.push(wait) && 0, ...more);
const pieces = [];
const run = new Run(stream, given, tell, { onStart: () => {}, onChunk: (piece) => pieces.push(piece.size) });
const [machine] = machines;
machine.gives("a second");
if (HOW === "stopped") run.stop("stopped");
if (HOW === "microphone_lost") microphone.dispatchEvent(new Event("ended"));
if (HOW === "recording_failed") machine.onerror((machine.state = "inactive"));
const { reason } = await run.ended;
machine.gives("too late");
machine.onstop();
console.log(JSON.stringify([reason, pieces, waits]));
"""


@pytest.mark.parametrize("how", ["stopped", "microphone_lost", "recording_failed"])
def test_a_browser_that_ends_a_recording_and_does_not_say_so_ends_it_all_the_same(how: str) -> None:
    reason, pieces, waits = json.loads(run_module(f"const HOW = '{how}';" + BROWSER + SILENT))
    assert (reason, pieces, waits) == (how, [len("a second")], [8000])


SLEPT = """
import { Run } from "./recorder/run.js";
const run = new Run(stream, given, tell, { onStart: () => {}, onChunk: () => {} });
const [machine] = machines;
for (now = 1000; now <= 12_000; now += 1000) {
  if (now <= 5000) machine.gives("a second");
  beats.forEach((beat) => beat());
  if (now === 10_000) machine.gives("what was asked for");
}
run.stop("stopped");
machine.onstop();
await run.ended;
console.log(JSON.stringify(asked));
"""


def test_a_browser_that_gives_no_more_of_itself_is_asked() -> None:
    """As Chromium is, once the device has slept: what it holds would be lost with the page."""
    assert json.loads(run_module(BROWSER + SLEPT)) == [9000, 10_000]
