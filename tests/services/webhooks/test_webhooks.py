"""Webhooks: what is recorded when, and how it is sent."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from services.errors import (
    EngineRefused,
    EngineUnavailable,
    Problem,
    RateLimited,
    TooManyWebhooks,
    WebhookNotFound,
    WebhookUrlRefused,
)
from services.events.model import EventType
from services.interviews.language import Language
from services.interviews.model import PartState, SessionId, UserId, Viewer
from services.interviews.transcript import Transcript
from services.webhooks import dispatch
from services.webhooks.dispatch import Dispatch
from services.webhooks.endpoints import MOST_LOOKED_UP
from services.webhooks.notices import TEST
from services.webhooks.ports import Delivery, DeliveryState, Webhook, WebhookId, WebhookState
from services.webhooks.redelivery import DELAYS, Reply
from tests.faults import Fault, Faulty
from tests.in_memory import ALICE, BOB, Q1, Interior
from tests.processes import Died, seen_by

ALL = (EventType.COMPLETED, EventType.FAILED, EventType.ANALYZED)
W1, W2 = WebhookId("w1"), WebhookId("w2")
DAY = 86400.0
SEVERAL = 12


async def listen(house: Interior, id: WebhookId = W1, *events: EventType, user: str = ALICE.user_id) -> Webhook:
    return await house.webhooks.create(id, user, "https://h.example/", events or ALL)  # type: ignore[arg-type]


def recorded(house: Interior, id: WebhookId = W1) -> list[tuple[str, str]]:
    return [(row.type, row.event_id) for row in house.ledger.rows.values() if row.webhook_id == id]


def sender(house: Interior) -> Dispatch:
    return Dispatch(
        endpoints=house.endpoints, ledger=house.ledger, courier=house.courier, counters=house.counters, roll=lambda: 0.5
    )


async def send(house: Interior) -> None:
    one = sender(house)
    one.wake()
    await one.rest()


def only(house: Interior) -> Delivery:
    (delivery,) = house.ledger.rows.values()
    return delivery


async def ended(house: Interior) -> SessionId:
    id = await house.session()
    await house.upload(id)
    await house.work_off()
    return id


async def test_the_ends_of_answers_and_an_analysis_are_recorded_once_each() -> None:
    house = Interior()
    await listen(house)
    id = await ended(house)
    (part,) = [row.part for row in house.memory.rows.values()]
    completed = ("answer.completed", f"answer_{part.id}_{part.fence}")
    assert recorded(house) == [completed]
    assert house.doorbell.to_deliver == 1
    delivery = only(house)
    assert delivery.at == part.completed_at
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert answer.receipt is not None
    assert delivery.data == {
        "session_id": id,
        "question_id": Q1,
        "take": 1,
        "status": "completed",
        "speech_verdict": "ok",
        "receipt": answer.receipt,
    }
    await house.closing.close(part)
    session = await house.sessions.get(id, ALICE)
    for _ in range(2):
        await house.analysis.run(id, ALICE)
    assert recorded(house) == [completed, ("session.analyzed", f"analysis_{id}_{session.revision}")]


async def test_an_answer_that_fails_is_told_and_so_is_its_end_after_a_retry() -> None:
    house = Interior()
    await listen(house)
    house.ears.trouble = [EngineRefused(), EngineUnavailable()]
    await ended(house)
    (row,) = house.memory.rows.values()
    assert [type for type, _ in recorded(house)] == ["answer.failed"]
    await house.closing.close(row.part)
    assert len(recorded(house)) == 1

    house.memory.rows.clear()
    house.memory.terms = replace(house.memory.terms, max_deliveries=1)
    await ended(house)
    (row,) = house.memory.rows.values()
    assert [type for type, _ in recorded(house)] == ["answer.failed"] * 2
    retried = await house.interventions.retry(row.part.id)
    assert retried is not None
    await house.worker().run(row.part.id)
    assert [type for type, _ in recorded(house)] == ["answer.failed", "answer.failed", "answer.completed"]
    assert len({event for _, event in recorded(house)}) == 3


async def test_that_kept_audio_goes_later_is_no_news() -> None:
    house = Interior()
    await listen(house)
    house.memory.terms = replace(house.memory.terms, max_deliveries=1)
    house.ears.trouble = [EngineUnavailable()]
    await ended(house)
    (row,) = house.memory.rows.values()
    assert house.part(row.part.id).keep_audio
    house.memory.clock.advance(DAY)
    await house.sweep.run(1.0)
    assert house.part(row.part.id).keep_audio is False
    assert len(recorded(house)) == 1


async def test_a_take_that_a_newer_one_replaced_is_not_told() -> None:
    house = Interior()
    await listen(house)
    id = await house.session()
    await house.upload(id)
    await house.upload(id, data=b"y" * 32000)
    await house.work_off()
    (delivery,) = house.ledger.rows.values()
    assert (delivery.type, delivery.data["take"]) == ("answer.completed", 2)
    superseded = next(row.part for row in house.memory.rows.values() if row.part.state is PartState.SUPERSEDED)
    await house.closing.close(superseded)
    assert len(house.ledger.rows) == 1


async def test_an_end_that_comes_after_a_newer_take_is_shown_is_not_told() -> None:
    house = Interior()
    await listen(house)
    id = await house.session()
    first = await house.upload(id)
    claimed = await house.claims.claim(first.id, "w1")
    assert claimed is not None
    heard = Transcript(text="late", language=Language("en"), duration=1.0)
    late = await house.claims.complete(first.id, claimed.fence, heard)
    assert late is not None
    await house.upload(id, data=b"y" * 32000)
    await house.closing.close(late, heard)
    assert house.ledger.rows == {}


async def test_only_who_owns_the_session_and_was_there_is_told() -> None:
    house = Interior()
    await listen(house, W1, EventType.ANALYZED)
    await listen(house, W2, user=BOB.user_id)
    await ended(house)
    assert house.ledger.rows == {}
    assert house.doorbell.to_deliver == 0
    house.memory.clock.advance(1)
    await listen(house, WebhookId("late"))
    (row,) = house.memory.rows.values()
    await house.closing.close(row.part)
    assert house.ledger.rows == {}, "what ended before it was made is not for it"


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
async def test_whatever_dies_while_an_answer_ends_it_is_told_once(fault: Fault) -> None:
    """A fault at the first call of a port, at the second, and so on; then the sweep drives it on."""
    for at in range(1, 60):
        house, process = Interior(), Faulty(fault, at)
        await listen(house)
        id = await house.session()
        part = await house.upload(id)
        seen = seen_by(process, house, "endpoints", "ledger")
        try:
            await seen.worker().run(part.id)
        except (Problem, Died, asyncio.CancelledError):
            assert process.struck
        for _ in range(4):
            house.memory.clock.advance(130)
            await house.sweep.run(24.0)
            await house.work_off()
        assert [type for type, _ in recorded(house)] == ["answer.completed"], process.struck
        if process.struck is None:
            return
    raise AssertionError("it never ended")


async def test_urls_are_checked_and_a_user_has_a_bounded_number() -> None:
    house = Interior()
    with pytest.raises(WebhookUrlRefused):
        await house.webhooks.create(W1, ALICE.user_id, "http://h.example/", ALL)
    made = await asyncio.gather(*[listen(house, WebhookId(f"w{n}")) for n in range(3)])
    assert len({webhook.secrets for webhook in made}) == 3
    assert await listen(house, WebhookId("w0")) == made[0], "the same one again is no other"
    with pytest.raises(TooManyWebhooks):
        await listen(house, WebhookId("w9"))
    await listen(house, WebhookId("bobs"), user=BOB.user_id)
    await house.webhooks.delete(WebhookId("w0"), ALICE)
    await listen(house, WebhookId("w9"))
    assert len(await house.endpoints.of_user(ALICE.user_id)) == 3


async def test_a_limit_that_was_lowered_ends_none_that_is_there() -> None:
    house = Interior()
    for name in ("w0", "w1", "w2"):
        await listen(house, WebhookId(name))
    lowered = replace(house.webhooks, most=1)
    again = await lowered.create(WebhookId("w0"), ALICE.user_id, "https://h.example/", ALL)
    assert again.id == "w0"
    with pytest.raises(TooManyWebhooks):
        await lowered.create(WebhookId("w9"), ALICE.user_id, "https://h.example/", ALL)
    assert [webhook.id for webhook in await house.endpoints.of_user(ALICE.user_id)] == ["w0", "w1", "w2"]


async def test_few_names_of_one_user_are_looked_up_at_once() -> None:
    house, goes_on = Interior(), asyncio.Event()

    async def hangs(_: str) -> None:
        await goes_on.wait()

    webhooks = replace(house.webhooks, check=hangs, most=99)

    async def made(number: int, user: UserId) -> Webhook:
        return await webhooks.create(WebhookId(f"{user}{number}"), user, f"https://h{number}.example/", ALL)

    trying = [asyncio.create_task(made(number, ALICE.user_id)) for number in range(MOST_LOOKED_UP)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        await made(99, ALICE.user_id)
    others = asyncio.create_task(made(0, BOB.user_id))
    goes_on.set()
    assert len(await asyncio.gather(*trying, others)) == MOST_LOOKED_UP + 1
    assert not webhooks.in_question


async def test_what_is_due_is_sent_and_noted() -> None:
    house = Interior()
    await listen(house)
    await listen(house, W2)
    await ended(house)
    await send(house)
    assert len(house.courier.sent) == 2
    assert {row.state for row in house.ledger.rows.values()} == {DeliveryState.DELIVERED}
    await send(house)
    assert len(house.courier.sent) == 2


async def test_failures_are_tried_again_later_for_about_a_day_under_one_id() -> None:
    house = Interior()
    await listen(house)
    await ended(house)
    house.courier.replies[W1] = [Reply(error="down")] * 20
    for tries, delay in enumerate(DELAYS, 1):
        await send(house)
        assert (only(house).state, only(house).tries) == (DeliveryState.PENDING, tries)
        house.memory.clock.advance(delay - 1)
        await send(house)
        assert only(house).tries == tries, "not before it is due"
        house.memory.clock.advance(1)
    await send(house)
    assert (only(house).state, only(house).tries) == (DeliveryState.DEAD, 11)
    assert len(set(house.courier.sent)) == 1
    house.courier.replies[W1] = []
    await house.webhooks.replay(W1, only(house).id, ALICE)
    await send(house)
    assert only(house).state is DeliveryState.DELIVERED
    assert len(house.courier.sent) == 12
    assert len(set(house.courier.sent)) == 1
    assert (await house.endpoints.get(W1, ALICE)).failing_since is None


async def test_410_disables_the_webhook_until_a_test_arrives() -> None:
    house = Interior()
    await listen(house)
    id = await ended(house)
    house.courier.replies[W1] = [Reply(status=410)]
    await send(house)
    assert only(house).state is DeliveryState.DEAD
    assert (await house.endpoints.get(W1, ALICE)).state is WebhookState.DISABLED
    await house.analysis.run(id, ALICE)
    assert len(house.ledger.rows) == 1
    tested = await house.webhooks.test(W1, ALICE, "t1")
    assert await house.webhooks.test(W1, ALICE, "t1") == tested
    assert (tested.type, tested.event_id) == (TEST, "test_t1")
    await send(house)
    assert (await house.endpoints.get(W1, ALICE)).state is WebhookState.ACTIVE


async def test_a_paused_webhook_gets_what_waited_once_a_test_arrives() -> None:
    house = Interior()
    await listen(house)
    await house.endpoints.failed(W1, is_gone=False, patience=DAY)
    house.memory.clock.advance(DAY)
    await house.endpoints.failed(W1, is_gone=False, patience=DAY)
    await ended(house)
    await send(house)
    assert (house.courier.sent, only(house).state, only(house).tries) == ([], DeliveryState.PENDING, 0)
    house.courier.replies[W1] = [Reply(status=500)]
    await house.webhooks.test(W1, ALICE, "t1")
    await send(house)
    assert [event for _, event in house.courier.sent] == ["test_t1"]
    house.memory.clock.advance(60)
    await send(house)
    assert len(house.courier.sent) == 1, "a test is sent once"
    await house.webhooks.test(W1, ALICE, "t2")
    await send(house)
    assert {row.state for row in house.ledger.rows.values()} == {DeliveryState.DELIVERED, DeliveryState.DEAD}
    assert len(house.courier.sent) == 3


async def test_what_waited_for_days_for_a_paused_webhook_is_given_up() -> None:
    house = Interior()
    await listen(house)
    await ended(house)
    house.endpoints.rows[W1] = await paused(house)
    for _ in range(75):
        await send(house)
        house.memory.clock.advance(3600)
    assert (only(house).state, only(house).tries, house.courier.sent) == (DeliveryState.DEAD, 0, [])


async def paused(house: Interior) -> Webhook:
    await house.endpoints.failed(W1, is_gone=False, patience=DAY)
    house.memory.clock.advance(DAY)
    await house.endpoints.failed(W1, is_gone=False, patience=DAY)
    return house.endpoints.rows[W1]


async def test_nothing_is_sent_to_a_webhook_that_was_deleted() -> None:
    house = Interior()
    await listen(house)
    await ended(house)
    await house.endpoints.delete(W1, ALICE)
    await send(house)
    assert (house.courier.sent, house.ledger.rows) == ([], {})
    with pytest.raises(WebhookNotFound):
        await house.webhooks.deliveries(W1, ALICE)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():
            await asyncio.sleep(0)


async def several(house: Interior, *webhooks: WebhookId, of: Viewer = ALICE) -> None:
    """Test events for each of these."""
    for id in webhooks:
        await listen(house, id, user=of.user_id)
        for number in range(SEVERAL):
            await house.webhooks.test(id, of, f"{id}_{number}")


async def test_one_that_hangs_does_not_hold_up_others_and_once_it_failed_takes_one_place() -> None:
    house = Interior()
    await several(house, W1)
    house.memory.clock.advance(1)
    await several(house, W2)
    house.courier.held = W1.__eq__
    one = sender(house)
    one.wake()
    await until(lambda: len(house.courier.sent) == SEVERAL)
    assert {id for id, _ in house.courier.sent} == {W2}
    assert house.courier.on_its_way == [W1] * dispatch.MOST_EACH
    house.courier.replies[W1] = [Reply(error="hung")] * (SEVERAL - 1)
    first = len(house.courier.sent)
    house.courier.free.set()
    await until(lambda: len(house.courier.sent) >= first + dispatch.MOST_EACH)
    house.courier.free.clear()
    await until(lambda: len(house.courier.on_its_way) == 1)
    for _ in range(50):
        await asyncio.sleep(0)
        assert len(house.courier.on_its_way) <= 1
    house.courier.free.set()
    await one.rest()
    assert len(house.courier.sent) == 2 * SEVERAL


async def test_the_number_on_the_way_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "MOST", 3)
    house = Interior()
    await several(house, W1, W2)
    house.courier.held = lambda _: True
    one = sender(house)
    one.wake()
    await until(lambda: len(house.courier.on_its_way) == 3)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(house.courier.on_its_way) == 3
    house.courier.free.set()
    await one.rest()
    assert len(house.courier.sent) == 2 * SEVERAL


async def test_who_has_many_webhooks_that_are_slow_leaves_places_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    house, own = Interior(), [WebhookId(f"own{number}") for number in range(3)]
    monkeypatch.setattr(dispatch, "MOST", len(own) * dispatch.MOST_EACH)
    monkeypatch.setattr(dispatch, "MANY", dispatch.MOST // 2)
    await several(house, *own, of=BOB)
    house.memory.clock.advance(1)
    await several(house, W2)
    house.courier.held = own.__contains__
    one = sender(house)
    one.wake()
    await until(lambda: len(house.courier.sent) == SEVERAL)
    assert {id for id, _ in house.courier.sent} == {W2}
    assert set(house.courier.on_its_way) == set(own)
    house.courier.free.set()
    await one.rest()
    assert len(house.courier.sent) == (len(own) + 1) * SEVERAL


async def test_a_ring_while_sending_is_heard() -> None:
    house = Interior()
    await listen(house)
    await ended(house)
    house.courier.held = lambda _: True
    one = sender(house)
    one.wake()
    await until(lambda: len(house.courier.on_its_way) == 1)
    await house.webhooks.test(W1, ALICE, "t1")
    one.wake()
    await until(lambda: len(house.courier.on_its_way) == 2)
    house.courier.free.set()
    await one.rest()
    assert len(house.courier.sent) == 2


async def test_who_stops_gives_back_what_is_on_its_way() -> None:
    house = Interior()
    await listen(house)
    await ended(house)
    house.courier.held = lambda _: True
    one = sender(house)
    one.wake()
    await until(lambda: len(house.courier.on_its_way) == 1)
    await one.close()
    assert (only(house).state, only(house).tries) == (DeliveryState.PENDING, 0)
    house.courier.held = lambda _: False
    await send(house)
    assert only(house).state is DeliveryState.DELIVERED


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.UNCONFIRMED, Fault.DIED], ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("reply", [Reply(status=204), Reply(status=500)], ids=["arrives", "fails"])
async def test_whatever_dies_while_it_is_sent_it_arrives_at_least_once(fault: Fault, reply: Reply) -> None:
    for at in range(1, 40):
        house, process = Interior(), Faulty(fault, at)
        await listen(house)
        await ended(house)
        house.courier.replies[W1] = [reply]
        seen = seen_by(process, house, "endpoints", "ledger", "courier")
        await _quietly(send(seen))
        for _ in range(4):
            house.memory.clock.advance(61)
            await send(house)
        assert only(house).state is DeliveryState.DELIVERED, process.struck
        assert 1 <= len(house.courier.sent) <= 3
        assert len(set(house.courier.sent)) == 1, "the receiver can tell that it is the same"
        if process.struck is None:
            return
    raise AssertionError("it never ended")


async def _quietly(work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(60):
            await work
    except (Problem, Died, TimeoutError):
        pass


async def test_an_unexpected_error_stops_nothing() -> None:
    house = Interior()
    await listen(house)
    await listen(house, W2)
    await ended(house)
    house.courier.replies[W1] = [ValueError("?")]
    await send(house)
    states = {row.webhook_id: row.state for row in house.ledger.rows.values()}
    assert states == {W1: DeliveryState.SENDING, W2: DeliveryState.DELIVERED}
    house.memory.clock.advance(dispatch.LEASE_SECONDS)
    await send(house)
    assert {row.state for row in house.ledger.rows.values()} == {DeliveryState.DELIVERED}
