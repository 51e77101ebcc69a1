"""The demo page has a sentence for every reason that keeps an answer without a score."""

import re

from scripts.stack.layout import ROOT

REASON = re.compile(r'reason="(\w+)"')
SOURCES = ("services/analysis/scoring.py", "services/adapters/coverage_scorer.py", "services/adapters/openai_scorer.py")


def test_every_reason_has_a_sentence() -> None:
    given = {reason for source in SOURCES for reason in REASON.findall((ROOT / source).read_text())}
    table = (ROOT / "web" / "demo" / "results.js").read_text().partition("NO_SCORE")[2].partition("});")[0]
    assert given
    assert given == set(re.findall(r"^  (\w+):", table, re.MULTILINE))
