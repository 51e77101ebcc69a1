"""What a recorder keeps of a recording whose pieces the browser cannot read."""

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
