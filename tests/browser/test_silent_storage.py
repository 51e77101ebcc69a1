"""A browser's storage that opens and then says nothing, as WebKit's does while another page that sleeps holds it."""

import json

from tests.browser.node import run_module

SILENT = """
const waits = [];
const later = setTimeout;
globalThis.setTimeout = (act, wait, ...more) => later(act, waits.push(wait) && 0, ...more);
globalThis.IDBKeyRange = { bound: () => null };
const asked = [];
const store = { put() {}, get: () => ({}), getAll: () => ({}), delete: (key) => asked.push(key) };
const database = { close() {}, transaction: () => ({ objectStore: () => store }) };
const opened = () => {
  const request = { result: database };
  queueMicrotask(() => request.onsuccess());
  return request;
};
globalThis.indexedDB = { open: opened };
"""
TAKEN = """
import { MemoryStore } from "./recorder/memory.js";
import { IndexedStore } from "./recorder/store.js";
import { described, Take } from "./recorder/take.js";
const [kept, spare, troubles] = [new IndexedStore("n"), new MemoryStore(), []];
const record = described({ api: "", owner: "" }, { session: "s", question: "q" }, "audio/webm", false);
const take = new Take(record, kept, spare, (trouble) => troubles.push(trouble.name));
take.write(new Blob(["one"]), 1);
take.write(new Blob(["two"]), 2);
const found = await take.finish({ end: "stopped", seconds: 2 }, async () => "kept");
const sound = await (await spare.data(record.id, "")).text();
const refused = await kept.all().catch(({ name }) => name);
const steps = waits.filter((wait) => wait === 1000).length;
const { state, bytes, durable } = found;
console.log(JSON.stringify([[state, bytes, durable], sound, troubles, refused, steps, asked.includes(record.id)]));
process.exit();
"""


def test_a_storage_that_says_nothing_holds_no_recording_up() -> None:
    found, sound, troubles, refused, steps, is_removed = json.loads(run_module(SILENT + TAKEN))
    assert found == ["kept", len("onetwo"), False]
    assert sound == "onetwo"
    assert troubles == ["TimeoutError"]
    assert refused == "TimeoutError"
    assert is_removed
    assert steps <= 2  # what wrote and what is to be removed were waited for, and nothing else
