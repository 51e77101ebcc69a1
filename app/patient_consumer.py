"""What takes messages from the broker in a worker, patient with one that answers and refuses."""

import time
from typing import Any

from celery.worker.consumer import Consumer

from app.jobs import LONGEST_RETRY_SECONDS


class PatientConsumer(Consumer):
    """One that became a copy, or whose disk is full, takes its time: it is asked again every few seconds."""

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        super().on_connection_error_before_connected(exc)
        self._wait(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        super().on_connection_error_after_connected(exc)
        self._wait(exc)

    def _wait(self, exc: Exception) -> None:
        kept: Any = self
        if isinstance(exc, kept.channel_errors):
            time.sleep(LONGEST_RETRY_SECONDS)
