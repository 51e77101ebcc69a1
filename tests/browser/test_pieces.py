"""What a recorder does about a recording that is at the server in pieces, and is gone or overtaken."""

import json

from tests.browser.node import run_module

DISCARDED = """
import { Passage } from "./recorder/pieces.js";
import { advance } from "./recorder/streams.js";
const asked = [];
globalThis.fetch = async (url, { method }) => {
  asked.push(`${method} ${url}`);
  const begun = { status: 201, headers: { Location: "/api/uploads/abc" } };
  return new Response(null, method === "POST" ? begun : { status: 204 });
};
const gone = { update: async () => undefined };
const passage = new Passage({ token: () => "t", stallSeconds: 20, signal: new AbortController().signal });
const recording = { id: "r", api: "http://api", session: "s", question: "q", upload: null, bytes: 9, storedBytes: 0 };
const found = await advance(gone, passage, recording, () => asked.push("told"));
console.log(JSON.stringify([found.is, ...asked]));
process.exit();  // the time that a token may take is still running
"""


def test_what_was_begun_of_a_discarded_recording_is_withdrawn() -> None:
    asked = ["POST http://api/api/uploads", "DELETE http://api/api/uploads/abc"]
    assert json.loads(run_module(DISCARDED)) == ["answer", *asked]


OVERTAKEN = """
import { isNoWay, Passage } from "./recorder/pieces.js";
const problem = { type: "/problems/take_superseded", code: "take_superseded", detail: "A newer one.", status: 409 };
const headers = { "Content-Type": "application/problem+json" };
globalThis.fetch = async () => new Response(JSON.stringify(problem), { status: 409, headers });
const passage = new Passage({ token: () => "t", stallSeconds: 20, signal: new AbortController().signal });
const recording = { id: "r", api: "http://api", session: "s", question: "q", upload: "abc", bytes: 9 };
const found = await passage.finish(recording);
console.log(JSON.stringify([found.is, found.problem.code, isNoWay(found)]));
process.exit();
"""


def test_a_take_that_was_overtaken_is_not_sent_as_a_whole() -> None:
    assert json.loads(run_module(OVERTAKEN)) == ["later", "take_superseded", False]
