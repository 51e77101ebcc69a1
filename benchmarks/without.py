"""The API without one of its promises, to see what that costs: `python -m benchmarks.without PROMISE --port N`.

A build for benchmarks alone: the product has no such switches.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import typer

from app.environment import set_for_children


def _replace(owner: type, name: str, other: object) -> None:
    """Fails where there is no such thing any more, so that no build keeps a promise that it is said to leave out."""
    getattr(owner, name)
    setattr(owner, name, other)


def _majority() -> None:
    """The primary alone confirms what is written, before it is on its disk."""
    from services.adapters.mongo import client

    opened: Callable[..., Any] = client.open_client.__globals__["AsyncMongoClient"]

    def hasty(address: str, **options: Any) -> Any:
        return opened(address, **{**options, "w": 1, "journal": False})

    client.open_client.__globals__["AsyncMongoClient"] = hasty


def _sealing() -> None:
    set_for_children("ENCRYPT_RECORDINGS", "0")


def _rates() -> None:
    for name in ("RATE_ADDRESS", "RATE_REQUESTS", "RATE_UPLOADS"):
        set_for_children(name, "")


def _rings() -> None:
    """The sweep alone finds what is queued."""
    from services.adapters.celery_doorbell import CeleryDoorbell

    _replace(CeleryDoorbell, "_ring", lambda *_: True)


def _news() -> None:
    """Who waits for an event looks by himself."""
    from services.adapters.redis_channels import RedisHints

    _replace(RedisHints, "announce", lambda *_: None)


def _showing() -> None:
    """The session's document does not say that the answer is queued, and nobody is told."""
    from services.adapters.mongo.sessions import MongoSessions

    async def shown(*_: object) -> bool:
        return True

    _replace(MongoSessions, "show", shown)
    _news()


def _record() -> None:
    """No record: nothing survives a crash, nothing is transcribed; the bytes are stored, numbered and shown."""
    from services.adapters.mongo.uploads import MongoUploads
    from services.interviews.model import Part, PartState

    async def queued(_: object, part: Part) -> Part:
        return replace(part, state=PartState.QUEUED)

    _replace(MongoUploads, "queue", queued)
    _rings()


def _all() -> None:
    for name, leave_out in PROMISES.items():
        if name != "all":
            leave_out()


PROMISES: dict[str, Callable[[], None]] = {
    "majority": _majority,
    "sealing": _sealing,
    "rates": _rates,
    "rings": _rings,
    "news": _news,
    "showing": _showing,
    "record": _record,
    "all": _all,
}


def main() -> None:
    PROMISES[sys.argv.pop(1)]()
    from app.serve import serve

    typer.run(serve)


if __name__ == "__main__":
    main()
