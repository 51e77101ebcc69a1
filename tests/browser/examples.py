"""The examples of docs/recorder.md, as they stand there."""

import re

from scripts.stack.layout import ROOT

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES: dict[str, str] = dict(BLOCK.findall((ROOT / "docs" / "recorder.md").read_text()))
PAGE, REACT, FAULTS = (EXAMPLES[language] for language in ("html", "jsx", "js"))
