"""The recorder as a package: its names, imported where there is no page."""

import json

from scripts.stack.layout import ROOT
from tests.browser.faults import functions
from tests.browser.node import run_module

MANIFEST = json.loads((ROOT / "web" / "package.json").read_text())
ALONE = """
import { Recorder, RecorderError, chooseType, isSupported } from "viva-voce-recorder";
const told = [isSupported(), chooseType()];
try {
  new Recorder({ token: () => "" });
} catch (error) {
  told.push(error instanceof RecorderError, error.code, error.message);
}
console.log(JSON.stringify(told));
"""


def test_where_there_is_no_page_it_is_imported_and_says_so() -> None:
    told = json.loads(run_module(ALONE))
    assert told == [False, "", True, "unsupported", "A recorder is made in a browser's page."]


def test_every_entry_is_there_with_its_types() -> None:
    for name, entry in MANIFEST["exports"].items():
        for kind, path in entry.items():
            assert (ROOT / "web" / path).is_file(), f"{name}: {kind}"


def test_the_react_entry_is_a_clients() -> None:
    react = ROOT / "web" / MANIFEST["exports"]["./react"]["default"]
    assert react.read_text().startswith('"use client";\n')


KIT = """
import * as kit from "viva-voce-recorder/faults";
console.log(JSON.stringify(Object.keys(kit).filter((name) => typeof kit[name] === "function")));
"""


def test_every_function_of_the_fault_kit_is_given_out() -> None:
    assert sorted(functions()) == sorted(json.loads(run_module(KIT)))
