"""The API holds as many connections as the system lets it."""

import subprocess
import sys

from scripts.stack.layout import ROOT

PROGRAM = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096))
from app.main import create_app
create_app()
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_api_raises_the_soft_limit_of_open_files() -> None:
    environment = {"JWT_SECRET": "a-secret-of-tests-of-thirty-two-bytes-or-more", "KEYRING_DIR": "/nowhere"}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout == "(4096, 4096)\n"
