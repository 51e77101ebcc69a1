"""The connection to MongoDB."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from pymongo import AsyncMongoClient
from pymongo.monitoring import (
    CommandListener,
    TopologyClosedEvent,
    TopologyDescriptionChangedEvent,
    TopologyListener,
    TopologyOpenedEvent,
)
from pymongo.topology_description import TopologyDescription

from services.adapters.mongo import driver_waits
from services.adapters.mongo.documents import Document

log = structlog.get_logger(__name__)

# What is read decides what is deleted, and what is written is promised: no address has a say in either.
OURS = frozenset(
    {
        "readpreference",
        "readpreferencetags",
        "maxstalenessseconds",
        "readconcernlevel",
        "w",
        "wtimeoutms",
        "wtimeout",
        "journal",
        "j",
        "fsync",
        "safe",
        "retryreads",
        "retrywrites",
        "tz_aware",
    }
)


def open_client(url: str, name: str = "", listeners: Sequence[CommandListener] = ()) -> AsyncMongoClient[Document]:
    """A client that reads from the primary and has its writes confirmed by a majority, whatever the address asks for.

    It belongs to the loop that uses it first. The database's own logs and tools show it under `viva-voce-<name>`.
    """
    driver_waits.mend()
    address, ignored = without_ours(url)
    if ignored:
        log.warning("options of MONGODB_URL are not heeded", options=ignored)
    return AsyncMongoClient(
        address,
        appname=f"viva-voce-{name}" if name else "viva-voce",
        tz_aware=True,
        w="majority",
        wTimeoutMS=10_000,
        journal=True,
        retryWrites=True,
        retryReads=True,
        readPreference="primary",
        readConcernLevel="local",
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        maxPoolSize=100,
        event_listeners=[Reached(), *listeners],
    )


class Reached(TopologyListener):
    """Says once when no server takes writes any more, and once when one does again."""

    def __init__(self) -> None:
        self._is_reached: bool | None = None

    def opened(self, event: TopologyOpenedEvent) -> None: ...

    def closed(self, event: TopologyClosedEvent) -> None: ...

    def description_changed(self, event: TopologyDescriptionChangedEvent) -> None:
        if not event.new_description.server_descriptions():
            return  # the client is closed
        is_reached = event.new_description.has_writable_server()
        if is_reached and self._is_reached is False:
            log.warning("MongoDB found")
        if not is_reached and self._is_reached:
            log.error("MongoDB lost", servers=_said_of(event.new_description))
        if is_reached or self._is_reached is not None:
            self._is_reached = is_reached


def _said_of(topology: TopologyDescription) -> dict[str, str]:
    """What became of each server: what it is instead, or the name of the error, as its words may hold anything."""
    found: dict[str, str] = {}
    for (host, port), server in topology.server_descriptions().items():
        details = getattr(server.error, "details", None)
        name = details.get("codeName") if isinstance(details, Mapping) else None
        found[f"{host}:{port}"] = name or (type(server.error).__name__ if server.error else server.server_type_name)
    return found


def without_ours(url: str) -> tuple[str, list[str]]:
    """The address without the options that are set here, and the names of those that it had."""
    address, mark, options = url.rpartition("?")
    pairs = re.split("[&;]", options)
    others = [pair for pair in pairs if _name(pair) not in OURS]
    ignored = [pair.partition("=")[0] for pair in pairs if _name(pair) in OURS]
    return (f"{address}{mark}{'&'.join(others)}", ignored) if mark and ignored else (url, [])


def _name(pair: str) -> str:
    return pair.partition("=")[0].lower()


def is_replicated(hello: Mapping[str, Any]) -> bool:
    """Whether who said this `hello` can confirm writes by a majority: a replica set, or a router to some."""
    return bool(hello.get("setName")) or hello.get("msg") == "isdbgrid"
