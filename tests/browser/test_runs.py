"""A recording from its begin to its end, with a browser's parts that are made for it and a clock that is turned by hand."""

import json

from tests.browser.node import run_module

BROWSER = """
let now = 0;
performance.now = () => now;
globalThis.document = Object.assign(new EventTarget(), { visibilityState: "hidden" });
const machines = [];
globalThis.MediaRecorder = class {
  state = "inactive";
  constructor() { machines.push(this); }
  start() { this.state = "recording"; }
  stop() { this.state = "inactive"; }
  gives(text) { this.ondataavailable({ data: new Blob([text]) }); }
};
const microphone = new EventTarget();
const stream = { getAudioTracks: () => [microphone] };
const given = { type: "", bitsPerSecond: 1, timeslice: 1000, maxDuration: 20, limitWarnings: [5] };
const told = [];
const tell = (type, detail) => told.push([type, detail.code ?? detail.remaining]);
"""
UNSEEN = """
import { Run } from "./recorder/run.js";
globalThis.setInterval = () => 0;
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
