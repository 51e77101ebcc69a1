"""Why MongoDB or the keyring does not do what a command wants, as a sentence that says what to do."""

from pymongo.errors import OperationFailure

from services.adapters.mongo.driver_errors import has_no_room, lets_nobody_in
from services.errors import KeyringUnavailable, StoreUnavailable

UNAUTHORIZED = 13


def told(trouble: StoreUnavailable | OperationFailure) -> str:
    """Whether it was not reached, let nobody in, had no room or refused, and what to look at."""
    if isinstance(trouble, KeyringUnavailable):
        return f"{trouble.__cause__ or trouble} `python -m scripts.doctor` says more."
    cause = trouble.__cause__ if isinstance(trouble, StoreUnavailable) else trouble
    if lets_nobody_in(cause):
        todo = "Correct the user, the password and `authSource` in MONGODB_URL, or make that user."
        return f"MongoDB answers and does not let us in. {todo}"
    if has_no_room(cause):
        return "MongoDB's disk is full, or takes nothing. Free some space there."
    if isinstance(trouble, StoreUnavailable):
        return "MongoDB did not answer. Check MONGODB_URL."
    name = (trouble.details or {}).get("codeName") or type(trouble).__name__
    if cause is not None and getattr(cause, "code", None) == UNAUTHORIZED:
        return f"MongoDB refused: {name}. Check the rights of its user."
    return (
        f"MongoDB refused: {name}. `python -m scripts.doctor` says whether it is well, and its own log what it missed."
    )
