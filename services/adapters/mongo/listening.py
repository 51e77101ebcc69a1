"""What a record says of who listens to a recording while it arrives, and of when that is due."""

from services.adapters.mongo.documents import Document
from services.adapters.mongo.indexes import ARRIVALS
from services.adapters.mongo.server_time import NOW, later, literal, past, raised, reached
from services.interviews.model import PartState
from services.recordings.ports.arrivals import NOWHERE, Listened

# Channels that are listened to one after the other have to be complete.
OPEN: Document = {
    "state": PartState.UPLOADING.value,
    "arrival.closed": False,
    "session_id": {"$ne": NOWHERE},
    "channels": {"$ne": 2},
}
# Once it is queued it is the listener's until that lets go.
ATTENDED: Document = {
    "state": {"$in": [PartState.UPLOADING.value, PartState.QUEUED.value]},
    "listener": {"$ne": None},
}


def free_of_listener(lease_seconds: float) -> Document:
    """Whether nobody listens, or who does has fallen silent."""
    nobody = {"$eq": [{"$ifNull": ["$listener", None]}, None]}
    return {"$or": [nobody, past("heartbeat_at", lease_seconds)]}


def untired(most: int) -> Document:
    """Not so many have failed, one after the other, that it is left until it is complete."""
    return {"arrival.listening.tries": {"$not": {"$gte": most}}}


def is_due(received: int, lease_seconds: float, most: int) -> Document:
    enough = {"$lte": [{"$ifNull": ["$arrival.listening.due", 0]}, received]}
    more = {"$lt": [{"$ifNull": ["$arrival.listening.seen", 0]}, received]}
    late = {"$and": [more, reached("arrival.listening.due_at")]}
    return {**OPEN, **untired(most), "$expr": {"$and": [free_of_listener(lease_seconds), {"$or": [enough, late]}]}}


def taken_up(owner: str) -> Document:
    """What is written when somebody begins to listen; should he die, his try counts."""
    return {
        "listener": literal(owner),
        "fence": raised("fence"),
        "heartbeat_at": NOW,
        "arrival.listening.tries": {"$add": [{"$ifNull": ["$arrival.listening.tries", 0]}, 1]},
        "arrival.listening.at": NOW,
    }


def heard() -> Document:
    """What is written with each stretch that is settled."""
    return {"arrival.listening.tries": 0}


def left(listened: Listened, delay: float, *, failed: bool) -> Document:
    """What is written when the listener lets go."""
    known = {"seen": listened.seen, "seconds": listened.seconds, "due": listened.due}
    written = {f"arrival.listening.{name}": literal(value) for name, value in known.items()}
    times = {"arrival.listening.due_at": later(delay), "arrival.listening.at": NOW}
    return {"listener": None, **written, **times, **({} if failed else heard())}


# Both of a record that was only begun are of one moment.
CAME = {"$gt": ["$arrival.last_at", {"$max": ["$arrival.listening.at", "$created_at"]}]}
FIRST_DUE = {"$add": ["$created_at", 20_000]}

DUE_AT = {"$ifNull": ["$arrival.listening.due_at", FIRST_DUE]}
# What came, was due, and is not listened to.
BEHIND: Document = {**ARRIVALS, **OPEN, "$expr": {"$and": [CAME, {"$lte": [DUE_AT, NOW]}]}}


def since_due() -> list[Document]:
    """Stages of a look at what came and is not listened to: since when the first of it has been due."""
    return [{"$match": BEHIND}, {"$group": {"_id": None, "since": {"$min": DUE_AT}}}]


def unheard(lease_seconds: float, most: int, seconds: float) -> Document:
    """Due so long ago that the ring for it may be lost; something has come since, or who listened fell silent."""
    died = {"$ne": [{"$ifNull": ["$listener", None]}, None]}
    overdue = [past(f"arrival.listening.{time}", seconds) for time in ("due_at", "rung_at")]
    begun = past("created_at", seconds)
    where = {"$and": [free_of_listener(lease_seconds), {"$or": [CAME, died]}, begun, *overdue]}
    return {**ARRIVALS, **OPEN, **untired(most), "$expr": where}
