"""Why MongoDB does not do what a command wants, as a sentence that says what to do."""

from pymongo.errors import OperationFailure

from services.adapters.mongo.driver_errors import AUTHENTICATION_FAILED, OUT_OF_DISK_SPACE
from services.errors import StoreUnavailable

WORDS = {
    AUTHENTICATION_FAILED: (
        "MongoDB answers and does not let us in. Correct the user, the password and `authSource` in MONGODB_URL, or "
        "make that user."
    ),
    OUT_OF_DISK_SPACE: "MongoDB's disk is full. Free some space there.",
}


def told(trouble: StoreUnavailable | OperationFailure) -> str:
    """Whether it was not reached, let nobody in, had no room or refused, and what to look at."""
    cause = trouble.__cause__ if isinstance(trouble, StoreUnavailable) else trouble
    if said := WORDS.get(getattr(cause, "code", None) or 0):
        return said
    if isinstance(trouble, StoreUnavailable):
        return "MongoDB did not answer. Check MONGODB_URL."
    name = (trouble.details or {}).get("codeName") or type(trouble).__name__
    return f"MongoDB refused: {name}. Check the rights of its user."
