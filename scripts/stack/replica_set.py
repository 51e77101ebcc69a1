"""Make the embedded mongod a replica set of one."""

from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

NAME = "rs0"
NOT_YET_INITIALIZED = 94


def is_primary(port: int) -> bool:
    """Whether the server takes writes; initiates the set, or moves it to this port, if that is needed."""
    with MongoClient[dict[str, Any]](
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=300, connectTimeoutMS=1000
    ) as client:
        try:
            return _is_primary(client, f"127.0.0.1:{port}")
        except PyMongoError:
            return False


def _is_primary(client: MongoClient[dict[str, Any]], host: str) -> bool:
    if client.admin.command("hello").get("isWritablePrimary"):
        return True
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == NOT_YET_INITIALIZED:
            client.admin.command("replSetInitiate", {"_id": NAME, "members": [{"_id": 0, "host": host}]})
        return False
    if config["members"][0]["host"] != host:
        _move(client, config, host)
    return False


def _move(client: MongoClient[dict[str, Any]], config: dict[str, Any], host: str) -> None:
    members = [{**config["members"][0], "host": host}]
    moved = {**config, "members": members, "version": config["version"] + 1}
    client.admin.command("replSetReconfig", moved, force=True)
