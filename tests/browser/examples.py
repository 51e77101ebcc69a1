"""The examples of docs/recorder.md, as they stand there."""

import re

from scripts.stack.layout import ROOT

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES: list[tuple[str, str]] = BLOCK.findall((ROOT / "docs" / "recorder.md").read_text())
PAGE, REACT, HELD, LEFT, TEST, FAULTS = (text for _, text in EXAMPLES)
