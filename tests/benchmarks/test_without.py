"""The builds for benchmarks leave out what they say: each of these is there to be left out."""

import subprocess
import sys

from benchmarks.without import PROMISES
from scripts.stack.layout import ROOT

ALL = "from benchmarks.without import PROMISES; PROMISES['all'](); import app.main; print(app.main.Settings)"


def test_a_build_that_keeps_no_promise_can_be_made() -> None:
    made = subprocess.run([sys.executable, "-c", ALL], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert list(PROMISES)[-1] == "all"
