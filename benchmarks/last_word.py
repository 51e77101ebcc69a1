"""How long after the engine's last word an answer shows `completed`, told by the worker's log and by the database."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Thread
from time import time
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from benchmarks.stack import DATABASE, Place

ANSWERED = "engine answered"
SHOWN = ".transcription_status"

Name = tuple[str, str]


class Shown:
    """Listens to the changes of the sessions' documents, so that nothing needs to be asked while work goes on."""

    def __init__(self, here: Place) -> None:
        self._client = MongoClient[dict[str, Any]](here.mongodb_url)
        self._stream = self._client[DATABASE]["interview_sessions"].watch([{"$match": {"operationType": "update"}}])
        self.at: dict[Name, float] = {}
        Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._client.close()

    def _listen(self) -> None:
        with suppress(PyMongoError):
            for change in self._stream:
                now = time()
                for field, value in change["updateDescription"]["updatedFields"].items():
                    if field.endswith(SHOWN) and value == "completed":
                        self.at[change["documentKey"]["_id"], field.split(".")[1]] = now


def answered(log: Path) -> dict[Name, float]:
    """When the engine gave each answer, by a worker's log."""
    return {(line["session"], line["question"]): _moment(line["timestamp"]) for line in _lines(log)}


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text("utf-8", errors="replace").splitlines():
        if ANSWERED in line:
            with suppress(ValueError):
                yield json.loads(line)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
