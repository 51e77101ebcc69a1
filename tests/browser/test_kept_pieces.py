"""What is kept of a recording whose pieces the browser cannot read, or of which the server has more than it."""

import json

import pytest

from tests.browser.node import run_module

UNREADABLE = """
import { MemoryStore } from "./recorder/memory.js";
import { described, Take } from "./recorder/take.js";
const store = new MemoryStore();
const record = described({ api: "", owner: "" }, { session: "s", question: "q" }, "audio/webm", false);
const take = new Take(record, store, store, () => {});
const broken = { arrayBuffer: async () => { throw new DOMException("It could not be read.", "NotReadableError"); } };
PIECES.forEach((piece, at) => take.write(piece === null ? broken : new Blob([piece]), at + 1));
const found = await take.finish({ end: "stopped" }, async () => "kept").catch(({ name }) => name);
const sound = await (await store.data(record.id, "")).text();
console.log(JSON.stringify([found?.bytes ?? found, sound]));
"""


@pytest.mark.parametrize(
    ("pieces", "found", "sound"),
    [
        (["one", None, "three"], 8, "onethree"),
        (["one", "two", None], 6, "onetwo"),
        ([None], "NotReadableError", ""),
        ([], None, ""),
    ],
)
def test_a_piece_that_cannot_be_read_takes_no_other_along(
    pieces: list[str | None], found: int | str | None, sound: str
) -> None:
    said = json.loads(run_module(f"const PIECES = {json.dumps(pieces)};" + UNREADABLE))
    assert said == [found, sound]


MORE = """
import { MemoryStore } from "./recorder/memory.js";
import { Passage } from "./recorder/pieces.js";
import { advance } from "./recorder/streams.js";
const asked = [];
const store = new MemoryStore();
const way = { upload: "abc", storedBytes: 0, storedSeconds: 0, whole: false };
const record = { id: "r", api: "http://api", session: "s", question: "q", state: "kept", bytes: 9 };
await store.append(record, { data: new ArrayBuffer(9) }, way);
const shelf = { update: (id, change) => store.update(id, (one) => ({ ...one, ...change(one) })) };
globalThis.fetch = async (url, { method, headers }) => {
  asked.push(`${method} ${headers["Upload-Offset"] ?? ""}`);
  const [status, body] = method === "GET" ? [200, { upload_id: "abc", offset: 20 }] : [202, { file_id: "f" }];
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
};
const passage = new Passage({ token: () => "t", stallSeconds: 20, signal: new AbortController().signal });
await advance(shelf, passage, await store.get("r"), () => {});
const one = await store.get("r");
const { is } = await passage.finish(one);
console.log(JSON.stringify([one.whole, one.bytes, one.storedBytes, is, ...asked]));
process.exit();  // the time that a token may take is still running
"""


def test_where_the_server_has_more_of_it_that_is_what_is_finished() -> None:
    """A page that wrote into memory is gone, and the next one finds the beginning; it is no new take."""
    assert json.loads(run_module(MORE)) == [False, 20, 20, "answer", "GET ", "PATCH 20"]
