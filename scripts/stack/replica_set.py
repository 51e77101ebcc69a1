"""Make the embedded mongod a replica set of one, with a user of its own where it asks for a password."""

from contextlib import suppress
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

NAME = "rs0"
USER = "viva_voce"
# Tests need the second to set failpoints; who has the password has the whole server anyway.
ROLES = ["root", "__system"]
NOT_YET_INITIALIZED, AUTHENTICATION_FAILED = 94, 18

Client = MongoClient[dict[str, Any]]


def is_primary(port: int, password: str | None = None) -> bool:
    """Whether the server takes writes; initiates the set, moves it to this port or makes its user where needed."""
    with _alone(port) as anybody, _alone(port, password) as user:
        try:
            if anybody.admin.command("hello").get("isWritablePrimary"):
                return password is None or _lets_in(user, anybody, password)
            _lead_on(user, anybody, f"127.0.0.1:{port}")
        except PyMongoError:
            pass
        return False


def _alone(port: int, password: str | None = None) -> Client:
    known: dict[str, Any] = {} if password is None else {"username": USER, "password": password, "authSource": "admin"}
    return MongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=300, connectTimeoutMS=1000, **known
    )


def _lets_in(user: Client, anybody: Client, password: str) -> bool:
    """Whether it knows the user; a server that knows nobody lets one be made from its own machine."""
    try:
        user.admin.command("ping")
    except OperationFailure as refusal:
        if refusal.code != AUTHENTICATION_FAILED:
            raise
        anybody.admin.command("createUser", USER, pwd=password, roles=ROLES)
        return False
    return True


def _lead_on(user: Client, anybody: Client, host: str) -> None:
    """Bring a server that is no primary nearer to it."""
    new = {"_id": NAME, "members": [{"_id": 0, "host": host}]}
    try:
        config = user.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code in (NOT_YET_INITIALIZED, AUTHENTICATION_FAILED):
            with suppress(OperationFailure):  # it is one already, and has not yet chosen itself
                anybody.admin.command("replSetInitiate", new)
        return
    if config["members"][0]["host"] != host:
        _move(user, config, host)


def _move(client: Client, config: dict[str, Any], host: str) -> None:
    members = [{**config["members"][0], "host": host}]
    moved = {**config, "members": members, "version": config["version"] + 1}
    client.admin.command("replSetReconfig", moved, force=True)
