"""Orders of a newer process, which say more than this one knows, are carried out all the same."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own: nobody imports the worker's door.
ORDER_EACH = """
import celery_app
done = []
celery_app.process.run = done.append
orders = [task for name, task in celery_app.celery.tasks.items() if not name.startswith("celery.")]
for task in orders:
    task("65f000000000000000000001", "more", of_a_later_version=True)
assert len(done) == len(orders) >= 5
"""


def test_what_a_later_version_adds_to_an_order_is_ignored() -> None:
    subprocess.run([sys.executable, "-c", ORDER_EACH], cwd=ROOT, check=True)
