"""One document of each kind, written and read through the ports of the version that this file lies beside.

What another version wrote is read by this one's `check`, so what is said here stays as it is: fields may be added.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.access.ports import Hold, Kept, Keyed
from services.calls.model import Call, Line, Place, Tally
from services.events.model import EventType
from services.interviews.language import Language
from services.interviews.model import (
    CallId,
    CallSide,
    Evaluation,
    Failure,
    Feedback,
    KeyPoint,
    Part,
    PartId,
    Question,
    QuestionId,
    Session,
    SessionId,
    UserId,
    Viewer,
    answer_of,
    aside_of,
)
from services.interviews.spoken import Spoken
from services.interviews.transcript import Segment, Transcript, Word
from services.operations.ports.audit_log import Action, Deed, Outcome
from services.operations.ports.erasures import Cause, Waits
from services.operations.ports.retained import RecordKind
from services.operations.ports.views import FailureFilter, SessionFilter
from services.recordings.ports.arrivals import Head, Plan, Slice
from services.recordings.ports.audio import Deletion
from services.recordings.ports.keyring import EpochId
from services.recordings.ports.workers import WorkerSign
from services.webhooks.notices import Notice
from services.webhooks.ports import Webhook, WebhookId
from services.webhooks.redelivery import Later, Reply
from tests.services.adapters.stores import Store, a_part, store_on_mongo
from tests.services.adapters.test_audio_contract import pieces

ANN = Viewer(UserId("ann"))
GONE = UserId("gone")
S1, W1 = SessionId("s1"), WebhookId("w1")
SPOKEN, LOST, WAITING = QuestionId("spoken"), QuestionId("lost"), QuestionId("waiting")
PARTS = {SPOKEN: PartId("65f000000000000000000001"), LOST: PartId("65f000000000000000000002")}
REQUEST = Keyed(user_id=ANN.user_id, key="key", path="POST /api/sessions", fingerprint="5ha", makes_session=True)
TROUBLE = Failure("engine_unavailable", "It was away.")
SEALED = PartId("65f000000000000000000003")
ARRIVING = PartId("65f000000000000000000004")
TALKING = PartId("65f000000000000000000005")
CLAIMED = PartId("65f000000000000000000006")
CALL = CallId("65f0000000000000000000c1")
TALKED = Tally(packets=50, lost=2, odd={"version": 1}, seconds=1.0, last_sequence=7)
PLAN = Plan("tus", length=None, media_type="audio/webm", raw_metadata="filename Zg==", sha256="5ha", key="tus:s1")
EPOCHS = (EpochId("00000001-0000000a"), EpochId("00000002-0000000b"))
WORDS = (Word(text="Because", start=0.0, end=0.5, probability=0.9), Word(text="so", start=0.5, end=0.6))
HEARD = Transcript(
    text="Because so",
    language=Language("en"),
    duration=1.5,
    segments=(Segment(text="Because so", start=0.0, end=0.6, words=WORDS),),
    engine="engine",
    model="base",
    warnings=("cut",),
)
SAID = Spoken(index=0, start=0.0, end=1.5, text="Because", speech_ratio=0.4)
POINT = Feedback(point="so", covered=True, quote="Because so", weight=2.0)
SCORE = Evaluation(score=80.0, feedback=(POINT,), scorer="coverage/1")


async def write(database: AsyncDatabase[dict[str, Any]]) -> None:
    """A session with a scored and a failed answer, and everything that stands around it."""
    store = store_on_mongo(database)
    questions = (
        Question(
            id=SPOKEN, text="Why?", reference_answer="So.", key_points=(KeyPoint("so", 2.0),), language=Language("en")
        ),
        Question(id=LOST, text="How?"),
        Question(id=WAITING, text="When?"),
    )
    await store.sessions.create(Session(id=S1, user_id=ANN.user_id, questions=questions, title="A title"))
    await _write_spoken(store)
    await _write_lost(store)
    await store.sessions.record_analysis(S1, 4, {"final_score": 80.0})
    await _write_webhook(store)
    await _write_signs(store)
    await _write_epochs(store_on_mongo(database, is_sealed=True))
    await _write_arrival(store)
    await _write_call(store)


async def _write_epochs(store: Store) -> None:
    """A sealed recording, and a key that is gone and came back."""
    await store.audio.keep(SEALED, b"x" * 1000, {"session_id": S1, "status": "queued"})
    for id in EPOCHS:
        await store.epochs.open(id)
        await store.epochs.close(id)
        await store.epochs.unused(id)
    await store.epochs.doom(EPOCHS[0], "over")
    await store.epochs.destroyed(EPOCHS[0])
    await store.epochs.returned(EPOCHS[0])


async def _write_arrival(store: Store) -> None:
    """A recording that arrives, with a piece, a slice that is in it and one that waits."""
    part = replace(a_part(session_id=S1, question_id=WAITING), id=ARRIVING)
    arriving = await store.arriving.begin(part, PLAN)
    await store.pieces.append(arriving, 0, b"x" * 100)
    await store.arriving.declare(ARRIVING, 200)
    for index in (0, 2):
        await store.slices.announce(ARRIVING, Slice(index, start=1.0, end=2.0, duration=1.0), 3, "5ha")
    await store.slices.keep(arriving, 2, b"two")
    await store.slices.received(ARRIVING, 0, 3)
    part = replace(a_part(session_id=S1, question_id=WAITING, take=2), id=CLAIMED)
    await store.arriving.begin(part, Plan("tus"))
    claimed = await store.arriving.claim(CLAIMED)
    assert claimed is not None
    await store.pieces.append(claimed, 0, b"y", claimed.writer)


async def _write_call(store: Store) -> None:
    """A call with a side that is taken in, and its recording."""
    line = Line(part_id=TALKING, payload_type=111)
    place = Place(receiver="r1", host="127.0.0.1", left=40_000, right=40_002)
    call = Call(id=CALL, session_id=S1, question_id=LOST, user_id=ANN.user_id, take=2, lines={CallSide.RIGHT: line})
    await store.calls.begin(replace(call, place=place))
    await store.calls.start(CALL)
    await store.calls.latch(CALL, CallSide.RIGHT, "10.0.0.1:4000")
    await store.calls.note(CALL, {CallSide.RIGHT: TALKED}, is_heard=True)
    part = a_part(take=2, session_id=S1, question_id=aside_of(LOST))
    part = replace(part, id=TALKING, call_id=CALL, side=CallSide.RIGHT)
    await store.arriving.begin(part, Plan("call", media_type="audio/ogg"))


async def _write_spoken(store: Store) -> None:
    claimed = await _claimed(store, SPOKEN)
    await store.sessions.tell(claimed, [SAID])
    done = await store.claims.complete(claimed.id, claimed.fence, HEARD)
    assert done is not None
    await store.sessions.show(S1, answer_of(done, HEARD))
    await store.sessions.score(S1, SPOKEN, 1, SCORE)
    await store.closings.settle(done.id, done.rev, Deletion(1, 1, 0))


async def _write_lost(store: Store) -> None:
    claimed = await _claimed(store, LOST)
    await store.audio.store(claimed.id, pieces(b"x" * 300_000), {"session_id": S1, "status": "queued"})
    failed = await store.claims.fail(claimed.id, claimed.fence, TROUBLE, keep_audio=True)
    assert failed is not None
    await store.sessions.show(S1, answer_of(failed))


async def _claimed(store: Store, question: QuestionId) -> Part:
    take = await store.sessions.next_take(S1, question, ANN)
    part = replace(a_part(take=take.number, session_id=S1, question_id=question), id=PARTS[question])
    await store.uploads.begin(part)
    await store.uploads.accept(part.id, f"5ha of {question}", 300_000, 1.5)
    claimed = await store.claims.claim(part.id, "worker")
    assert claimed is not None
    return claimed


async def _write_webhook(store: Store) -> None:
    wanted = (EventType.COMPLETED, EventType.FAILED)
    webhook = Webhook(id=W1, user_id=ANN.user_id, url="https://h.example/", events=wanted, secrets=("one",))
    await store.endpoints.create(webhook)
    await store.endpoints.rotate(W1, ANN, "two", 1e9)
    data: Mapping[str, str | int] = {"session_id": S1, "question_id": SPOKEN, "take": 1, "status": "completed"}
    await store.ledger.record(W1, Notice(id="answer_1", type="answer.completed", user_id=ANN.user_id, data=data))
    sent = await store.ledger.claim([], 60)
    assert sent is not None
    await store.ledger.note(sent.id, sent.fence, Later(60), Reply(status=500, excerpt="oops", milliseconds=7))


async def _write_signs(store: Store) -> None:
    hold = await store.idempotency_keys.hold(REQUEST, "made")
    assert isinstance(hold, Hold)
    answer = Kept(status=201, body=b"{}", headers={"location": "/api/sessions/s1"}, fingerprint="5ha")
    await store.idempotency_keys.keep(hold, answer)
    deed = Deed(who=ANN.user_id, action=Action.RETRY, on={"session_id": S1}, before={"state": "failed"}, request_id="r")
    await store.audit_log.end(await store.audit_log.begin(deed), Outcome.DONE, {"state": "queued"})
    await store.counters.swept("sweep", {"rung": 1})
    await store.counters.removed("sessions", "a rule", 1)
    await store.holds.place(S1)
    await store.retained.remove(RecordKind.EVENTS, 1e9, 10)
    await store.tickets.issue(S1, ANN)
    asked = await store.journal.begin_user(GONE, Cause.OWNER)
    await store.journal.found(asked.id, {"parts": 1})
    await store.journal.wait(asked.id, Waits.HOLD, 0.0)
    await store.workers.seen(WorkerSign("w1", "engine", 2))


async def check(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Read all of it, whichever version wrote it."""
    store = store_on_mongo(database)
    await _check_session(store)
    await _check_parts(store)
    await _check_webhook(store)
    await _check_signs(store)
    await _check_epochs(store)
    await _check_arrival(store)
    await _check_call(store)


async def _check_call(store: Store) -> None:
    call = await store.calls.get(CALL)
    if call is None:
        return
    line = call.lines[CallSide.RIGHT]
    assert (call.state, call.question_id, call.take, call.place and call.place.right) == ("open", LOST, 2, 40_002)
    assert (line.part_id, line.payload_type, line.source, line.tally) == (TALKING, 111, "10.0.0.1:4000", TALKED)
    part = await store.records.get(TALKING)
    assert part is not None and (part.call_id, part.side, part.question_id) == (CALL, "right", aside_of(LOST))


async def _check_arrival(store: Store) -> None:
    arriving = await store.arriving.find(ARRIVING)
    if arriving is None:
        return
    assert (replace(arriving.plan, length=None), arriving.length) == (PLAN, 200)
    assert await store.pieces.offset(ARRIVING) == 100
    assert [len(piece) async for piece in store.pieces.read(arriving)] == [100]
    slices = [(kept.index, kept.state.value, kept.end, kept.sha256) for kept in await store.slices.of(ARRIVING)]
    assert slices == [(0, "received", 2.0, "5ha"), (2, "waiting", 2.0, "5ha")]
    assert await store.slices.data(arriving, 2) == b"two"
    assert await store.slices.head(ARRIVING) == Head(1, 3)
    ahead = await store.arriving.find(CLAIMED)
    if ahead is not None:
        assert (ahead.writer, ahead.is_claimed) == (1, True)
        assert [piece async for piece in store.pieces.read(ahead)] == [b"y"]


async def _check_epochs(store: Store) -> None:
    epochs = [(epoch.id, epoch.state.value, epoch.returns) for epoch in await store.epochs.epochs()]
    assert epochs in ([], [(EPOCHS[0], "destroyed", 1), (EPOCHS[1], "closed", 0)])
    assert (await store.epochs.identity() is None) is (not epochs)
    assert (await store.gauges.read()).epochs.recordings == bool(epochs)


async def _check_session(store: Store) -> None:
    news = await store.events.after(S1, 0, ANN)
    session = await store.sessions.get(S1, ANN)
    assert (session.title, [q.text for q in session.questions]) == ("A title", ["Why?", "How?", "When?"])
    assert session.questions[0].key_points[0].weight == 2.0
    spoken, lost = session.answers[SPOKEN], session.answers[LOST]
    assert (spoken.status, spoken.transcript, spoken.language) == ("completed", "Because so", "en")
    assert spoken.evaluation is not None
    assert (spoken.evaluation.score, spoken.evaluation.feedback[0].quote) == (80.0, "Because so")
    assert (lost.status, lost.failure and lost.failure.code) == ("failed", "engine_unavailable")
    assert news.session.revision == session.revision
    assert news.events is None or {event.type.value for event in news.events} >= {"answer.scored", "session.analyzed"}
    [seen] = (await store.views.sessions(SessionFilter(sought=S1), None, 10)).sessions
    assert {answer.question_id for answer in seen.answers} == {SPOKEN, LOST}
    assert (await store.sessions.next_take(S1, WAITING, ANN)).question.text == "When?"


async def _check_parts(store: Store) -> None:
    part = await store.records.get(PARTS[SPOKEN])
    transcript = await store.records.transcript(PARTS[SPOKEN])
    assert part is not None and transcript is not None
    assert (part.state, part.take, part.bytes) == ("completed", 1, 300_000)
    assert [word.text for word in transcript.segments[0].words] == ["Because", "so"]
    [ended] = (await store.views.failed(FailureFilter(), None, 10)).failed
    assert (ended.part.id, ended.part.failure and ended.part.failure.code) == (PARTS[LOST], "engine_unavailable")
    assert sum([len(piece) async for piece in store.audio.read(PARTS[LOST])]) == 300_000
    assert (await store.gauges.read()).kept == 1
    assert (await store.interventions.newest(S1, SPOKEN)) == part


async def _check_webhook(store: Store) -> None:
    webhook = await store.endpoints.get(W1, ANN)
    assert (webhook.url, webhook.secrets) == ("https://h.example/", ("two", "one"))
    assert EventType.COMPLETED in webhook.events
    [delivery] = await store.ledger.page(W1, None, None, 10)
    assert (delivery.type, delivery.tries, delivery.attempts[0].status) == ("answer.completed", 1, 500)


async def _check_signs(store: Store) -> None:
    kept = await store.idempotency_keys.hold(REQUEST, "other")
    assert isinstance(kept, Kept) and (kept.status, kept.headers["location"]) == (201, "/api/sessions/s1")
    deed = next(entry.deed for entry in await store.audit_log.page(None, 10) if entry.deed.request_id == "r")
    assert (deed.action, deed.on["session_id"]) == ("retry", "s1")
    await store.workers.alive()
    waiting = [one for one in await store.journal.due(10) if one.owner.is_of(GONE)]
    assert [(one.found, one.waits, one.user_id) for one in waiting] in ([], [({"parts": 1}, "hold", GONE)])
