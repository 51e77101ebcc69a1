"""The indexes that the queries of this package go by."""

from contextlib import suppress
from datetime import UTC, datetime

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collation import Collation
from pymongo.errors import OperationFailure

from services.adapters.mongo.documents import Document
from services.adapters.mongo.parts import LIVE_STATES, PENDING_STATES
from services.interviews.model import PartState
from services.recordings.ports.arrivals import SliceState

EVER = datetime(1970, 1, 1, tzinfo=UTC)
RETRIABLE: Document = {"state": PartState.FAILED.value, "keep_audio": True}
WITH_SUM: Document = {"settled": True, "sha256": {"$gt": ""}}
ARRIVALS: Document = {"state": PartState.UPLOADING.value, "arrival.folded": {"$gte": 0}}
OF_ARRIVALS = ("arrival.folded", "arrival.closed", "arrival.expires_at", "created_at", "held")
WITH_BYTES: Document = {"block": {"$gte": 0}}
WAITING: Document = {"state": SliceState.WAITING.value}
ANY_CASE: Document = {"locale": "en", "strength": 2}
FORGET_WORKER_SECONDS = 3600
SEALED_UNDER = "metadata.sealed.epoch"
FORGET_TREND_SECONDS = 25 * 3600
FORGET_REPLAY_SECONDS = 24 * 3600
FORGET_TICKET_SECONDS = 60


def _index(name: str, *fields: str, only: Document | None = None) -> IndexModel:
    """An index on the fields, descending where one starts with `-`, of those that the filter lets in."""
    keys = [(field.lstrip("-"), DESCENDING if field.startswith("-") else ASCENDING) for field in fields]
    return IndexModel(keys, name=name, **({"partialFilterExpression": only} if only else {}))


def _titled() -> IndexModel:
    return IndexModel([("title", ASCENDING)], name="titled", collation=Collation(**ANY_CASE))


def _sole() -> IndexModel:
    """All of a user is erased by one erasure at a time."""
    where = {"sole": {"$exists": True}}
    return IndexModel([("sole", ASCENDING)], name="sole", unique=True, partialFilterExpression=where)


def _held() -> IndexModel:
    return _index("held", "held_at", "user_id", only={"held_at": {"$exists": True}})


def _same_in_work() -> IndexModel:
    """One recording of an answer waits or is in work only once."""
    keys = [("session_id", ASCENDING), ("question_id", ASCENDING), ("sha256", ASCENDING)]
    return IndexModel(
        keys, name="same_in_work", unique=True, partialFilterExpression={"state": {"$in": PENDING_STATES}}
    )


def _slots() -> IndexModel:
    """A port takes in one call at a time."""
    where = {"slot": {"$gt": ""}}
    return IndexModel([("slot", ASCENDING)], name="slot", unique=True, partialFilterExpression=where)


def _one_of_a_key() -> IndexModel:
    """Of one user's recordings there arrives one of a key at a time."""
    where = {"state": PartState.UPLOADING.value, "arrival.key": {"$gt": ""}}
    keys = [("arrival.key", ASCENDING), ("user_id", ASCENDING)]
    return IndexModel(keys, name="one_of_a_key", unique=True, partialFilterExpression=where)


INDEXES: dict[str, list[IndexModel]] = {
    "receipts": [
        IndexModel([("chain", ASCENDING), ("number", ASCENDING)], name="chain", unique=True),
        _index("of_session", "session_id", "number"),
        _index("open_epoch", "open_epoch", "chain", "number", only={"open_epoch": {"$exists": True}}),
    ],
    "parts": [
        _index("of_answer", "session_id", "question_id", "take"),
        _index("to_ring", "state", "rung_at", "not_before", only={"state": PartState.QUEUED.value}),
        _index("pending", "state", "created_at", only={"state": {"$in": PENDING_STATES}}),
        _index("silent", "state", "deliveries", "heartbeat_at", only={"state": {"$in": LIVE_STATES}}),
        _index("speed", "state", "-completed_at", "processing_seconds", only={"state": PartState.COMPLETED.value}),
        _index("unsettled", "completed_at", "settled", only={"settled": False}),
        _index("kept", "completed_at", "keep_audio", only={"keep_audio": True}),
        _same_in_work(),
        _index("of_user", "user_id", "state", "estimated_seconds", only={"state": {"$in": PENDING_STATES}}),
        _index("arriving", "state", "created_at", only={"state": PartState.UPLOADING.value}),
        _index("in_pieces", "state", "user_id", *OF_ARRIVALS, only=ARRIVALS),
        _index("named", "user_id", "arrival.key", "-created_at", only={"arrival.key": {"$gt": ""}}),
        _one_of_a_key(),
        _index("expiring", "arrival.expires_at", "state", "arrival.folded", only=ARRIVALS),
        _index("scoring", "to_score", "completed_at", only={"to_score": True}),
        _index("unscored", "score_after", "to_score", only={"to_score": True}),
        _index("failed", "state", "-completed_at", "-_id", only={"state": PartState.FAILED.value}),
        _index("failed_for", "failure.code", "-completed_at", "-_id", only={"state": PartState.FAILED.value}),
        _index("failed_of", "user_id", "-completed_at", "-_id", only={"state": PartState.FAILED.value}),
        _index("retriable", "state", "-completed_at", "-_id", only=RETRIABLE),
        _index("retained", "completed_at", "settled", only={"settled": True}),
        _index("summed", "completed_at", "settled", "sha256", only=WITH_SUM),
        _index("held", "held", "session_id", only={"held": True}),
        _index("accepted", "accepted_at", only={"accepted_at": {"$gt": EVER}}),
    ],
    "interview_sessions": [
        _index("own", "user_id", "-created_at", "-_id"),
        _index("newest", "-created_at", "-_id"),
        _titled(),
        _held(),
        _index("active", "active_at", "created_at"),
        _index("events_from", "events_from", "created_at"),
    ],
    "trends": [IndexModel([("at", ASCENDING)], name="at", expireAfterSeconds=FORGET_TREND_SECONDS)],
    "audit": [
        _index("begun", "-created_at", "-_id", only={"step": "begun"}),
        _index("noted", "step", "created_at", "_id"),
        _index("of_session", "on.session_id"),
        _index("of_user", "on.user_id"),
        IndexModel([("on.sought", ASCENDING)], name="sought", collation=Collation(**ANY_CASE)),
    ],
    "workers": [IndexModel([("seen_at", ASCENDING)], name="seen_at", expireAfterSeconds=FORGET_WORKER_SECONDS)],
    "replays": [
        IndexModel([("created_at", ASCENDING)], name="created_at", expireAfterSeconds=FORGET_REPLAY_SECONDS),
        _index("of_session", "session_id"),
        _index("of_user", "user_id"),
    ],
    "webhooks": [_index("of_user", "user_id", "created_at")],
    "webhook_deliveries": [
        _index("due", "due_at", "webhook_id", "open", only={"open": True}),
        _index("of_webhook", "webhook_id", "-created_at", "-_id"),
        _index("of_session", "data.session_id"),
        _index("recorded", "created_at", "_id"),
    ],
    "tickets": [
        IndexModel([("issued_at", ASCENDING)], name="issued_at", expireAfterSeconds=FORGET_TICKET_SECONDS),
        _index("of_session", "session_id"),
        _index("of_user", "user_id"),
    ],
    "erasures": [
        _index("due", "next_at", only={"open": True}),
        _index("of_parent", "parent", "state", only={"parent": {"$exists": True}}),
        _index("listed", "created_at", "_id"),
        _sole(),
        _index("unfinished", "state", "created_at", only={"state": "running"}),
    ],
    "utterances": [
        IndexModel([("part", ASCENDING), ("number", ASCENDING)], name="of_part", unique=True),
        _index("of_session", "session_id"),
    ],
    # The names and keys that every GridFS driver gives these two.
    "fs.chunks": [IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], name="files_id_1_n_1", unique=True)],
    "fs.files": [
        IndexModel([("filename", ASCENDING), ("uploadDate", ASCENDING)], name="filename_1_uploadDate_1"),
        _index("of_epoch", SEALED_UNDER, only={SEALED_UNDER: {"$exists": True}}),
    ],
    "pieces": [IndexModel([("recording", ASCENDING), ("offset", ASCENDING)], name="place", unique=True)],
    "slices": [
        _index("of_recording", "recording", "block", "index"),
        _index("waiting", "recording", only=WITH_BYTES),
        _index("waiting_sizes", "recording", "state", "size", only=WAITING),
    ],
    "calls": [
        _index("of_session", "session_id", "-created_at"),
        _index("heard", "state", "heard_at", only={"state": "open"}),
        _index("ending", "state", "ending_at", only={"state": "ending"}),
        _index("aborted", "ended_at", "giving_up", only={"giving_up": True}),
        _index("over", "ended_at", "state", only={"ended_at": {"$gt": EVER}}),
        _slots(),
    ],
    "rtp_receivers": [IndexModel([("seen_at", ASCENDING)], name="seen_at", expireAfterSeconds=FORGET_WORKER_SECONDS)],
    "epochs": [_index("standing", "state", "_id")],
}

# What earlier versions made: another has taken its place, or it does what is no longer wanted.
# What had another form once has another name now: the server makes no second one of a name.
OUTDATED = {
    "interview_sessions": ["of_user"],
    "webhook_deliveries": ["created_at"],
    "erasures": ["running"],
    "parts": ["arrivals"],
}


async def ensure_indexes(database: AsyncDatabase[Document]) -> dict[str, str]:
    """Make the indexes that are missing; of those that could not be made, `collection.index` and why."""
    refused: dict[str, str] = {}
    for collection, indexes in INDEXES.items():
        try:
            await database[collection].create_indexes(indexes)
        except OperationFailure:  # the server makes none of them where one is in the way
            for index in indexes:
                refused |= await _refused(database[collection], index)
    for collection, names in OUTDATED.items():
        for name in names:
            await _dropped(database[collection], name)
    return refused


async def _dropped(collection: AsyncCollection[Document], name: str) -> None:
    """It may be gone already, or be dropped by another process just now."""
    if name in await collection.index_information():
        with suppress(OperationFailure):
            await collection.drop_index(name)


async def _refused(collection: AsyncCollection[Document], index: IndexModel) -> dict[str, str]:
    try:
        await collection.create_indexes([index])
    except OperationFailure as trouble:
        return {f"{collection.name}.{index.document['name']}": str(trouble.details and trouble.details.get("errmsg"))}
    return {}


async def missing_indexes(database: AsyncDatabase[Document]) -> list[str]:
    """The names, as `collection.index`, of those that are not there, or that have other fields there."""
    missing = []
    for collection, indexes in INDEXES.items():
        there = {name: list(made["key"]) for name, made in (await database[collection].index_information()).items()}
        for index in indexes:
            name, keys = str(index.document["name"]), list(index.document["key"].items())
            missing += [f"{collection}.{name}"] if there.get(name) != keys else []
    return missing
