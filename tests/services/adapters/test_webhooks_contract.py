"""What Endpoints and Ledger promise, in memory and on MongoDB."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from services.errors import DeliveryNotFound, WebhookNotFound
from services.events.model import EventType
from services.interviews.model import PartState, UserId
from services.webhooks.notices import Notice, of_answer
from services.webhooks.ports import Delivery, DeliveryId, DeliveryState, Webhook, WebhookId, WebhookState
from services.webhooks.redelivery import Arrived, Dead, Later, Reply
from tests.services.adapters.stores import ANN, BOB, ROOT, Store, a_part

DAY = 86400.0
LEASE = 60.0
W1, W2 = WebhookId("w1"), WebhookId("w2")
REPLY = Reply(status=500, excerpt="$oops", milliseconds=7)


def a_webhook(id: WebhookId = W1, *events: EventType, user: UserId = ANN.user_id) -> Webhook:
    wanted = events or (EventType.COMPLETED, EventType.FAILED)
    return Webhook(id=id, user_id=user, url="https://h.example/$x", events=wanted, secrets=(f"$secret of {id}",))


def a_notice(take: int = 1) -> Notice:
    return replace(of_answer(replace(a_part(take), state=PartState.COMPLETED)), id=f"take_{take}")


async def claimed(store: Store, take: int = 1, webhook: WebhookId = W1) -> Delivery:
    await store.ledger.record(webhook, a_notice(take))
    found = await store.ledger.claim([], LEASE)
    assert found is not None
    return found


async def now(store: Store, delivery: Delivery) -> Delivery:
    found = await store.ledger.page(delivery.webhook_id, None, None, 100)
    return next(row for row in found if row.id == delivery.id)


async def test_a_webhook_is_kept_and_is_its_owners(store: Store) -> None:
    made = await store.endpoints.create(a_webhook())
    assert made == replace(a_webhook(), created_at=made.created_at)
    assert made.created_at is not None
    assert await store.endpoints.get(W1, ANN) == await store.endpoints.get(W1, ROOT) == made
    assert await store.endpoints.find(W1) == made
    for refused in (store.endpoints.get(W1, BOB), store.endpoints.delete(W1, BOB), store.endpoints.get(W2, ANN)):
        with pytest.raises(WebhookNotFound):
            await refused
    with pytest.raises(WebhookNotFound):
        await store.endpoints.rotate(W1, BOB, "x", 1.0)


async def test_making_it_again_gives_the_first(store: Store) -> None:
    made = await store.endpoints.create(a_webhook())
    assert await store.endpoints.create(replace(a_webhook(), url="https://other.example/", secrets=("other",))) == made
    with pytest.raises(WebhookNotFound):
        await store.endpoints.create(a_webhook(user=BOB.user_id))


async def test_a_users_webhooks_are_listed_the_oldest_first(store: Store) -> None:
    await store.endpoints.create(a_webhook(W2))
    await store.passes(1)
    await store.endpoints.create(a_webhook(W1))
    await store.endpoints.create(a_webhook(WebhookId("w3"), user=BOB.user_id))
    assert [row.id for row in await store.endpoints.of_user(ANN.user_id)] == [W2, W1]
    await store.endpoints.delete(W2, ANN)
    assert [row.id for row in await store.endpoints.of_user(ANN.user_id)] == [W1]


async def test_after_a_rotation_both_secrets_sign_for_a_while(store: Store) -> None:
    await store.endpoints.create(a_webhook())
    first = "$secret of w1"
    assert (await store.endpoints.rotate(W1, ANN, "second", DAY)).secrets == ("second", first)
    await store.passes(DAY / 2)
    assert (await store.endpoints.rotate(W1, ANN, "third", DAY)).secrets == ("third", "second", first)
    await store.passes(DAY / 2 + 1)
    assert (await store.endpoints.get(W1, ANN)).secrets == ("third", "second")
    await store.passes(DAY / 2)
    assert (await store.endpoints.get(W1, ANN)).secrets == ("third",)
    assert [row.secrets for row in await store.endpoints.of_user(ANN.user_id)] == [("third",)]


async def test_only_so_many_secrets_sign_at_once(store: Store) -> None:
    await store.endpoints.create(a_webhook())
    for number in range(9):
        webhook = await store.endpoints.rotate(W1, ANN, f"s{number}", DAY)
    assert webhook.secrets == ("s8", "s7", "s6", "s5", "s4")


async def test_who_listens_is_who_was_there_and_wants_it(store: Store) -> None:
    made = await store.endpoints.create(a_webhook())
    await store.endpoints.create(a_webhook(W2, EventType.ANALYZED))
    await store.endpoints.create(a_webhook(WebhookId("w3"), user=BOB.user_id))
    assert made.created_at is not None
    listening = store.endpoints.listening
    assert await listening(ANN.user_id, "answer.failed", None) == [W1]
    assert await listening(ANN.user_id, "session.analyzed", None) == [W2]
    assert await listening(ANN.user_id, "answer.queued", None) == []
    assert await listening(ANN.user_id, "answer.failed", made.created_at) == [W1]
    assert await listening(ANN.user_id, "answer.failed", made.created_at - timedelta(seconds=1)) == []


async def test_a_webhook_that_fails_for_long_is_paused_until_something_arrives(store: Store) -> None:
    await store.endpoints.create(a_webhook())
    await store.endpoints.failed(W1, is_gone=False, patience=3 * DAY)
    first = await store.endpoints.get(W1, ANN)
    assert (first.state, first.failing_since is None) == (WebhookState.ACTIVE, False)
    await store.passes(2 * DAY)
    await store.endpoints.failed(W1, is_gone=False, patience=3 * DAY)
    assert (await store.endpoints.get(W1, ANN)).state is WebhookState.ACTIVE
    await store.passes(DAY + 1)
    await store.endpoints.failed(W1, is_gone=False, patience=3 * DAY)
    assert (await store.endpoints.get(W1, ANN)).state is WebhookState.PAUSED
    assert await store.endpoints.listening(ANN.user_id, "answer.failed", None) == [W1]
    await store.endpoints.worked(W1)
    again = await store.endpoints.get(W1, ANN)
    assert (again.state, again.failing_since) == (WebhookState.ACTIVE, None)


async def test_a_webhook_that_is_gone_is_told_nothing_more(store: Store) -> None:
    await store.endpoints.create(a_webhook())
    await store.endpoints.failed(W1, is_gone=True, patience=DAY)
    await store.endpoints.failed(W1, is_gone=False, patience=0.0)
    assert (await store.endpoints.get(W1, ANN)).state is WebhookState.DISABLED
    assert await store.endpoints.listening(ANN.user_id, "answer.failed", None) == []


async def test_a_notice_is_recorded_once_for_each_webhook(store: Store) -> None:
    first = await store.ledger.record(W1, a_notice())
    assert (first.state, first.tries, first.attempts, first.at) == (DeliveryState.PENDING, 0, (), first.created_at)
    again = await asyncio.gather(*[store.ledger.record(W1, a_notice()) for _ in range(8)])
    assert {row.id for row in again} == {first.id}
    other = await store.ledger.record(W2, a_notice())
    assert other.id != first.id
    assert other.event_id == first.event_id == "take_1"


async def test_a_claim_is_one_workers_until_its_lease_ends(store: Store) -> None:
    first = await store.ledger.record(W1, a_notice())
    tries = await asyncio.gather(*[store.ledger.claim([], LEASE) for _ in range(8)])
    (delivery,) = [row for row in tries if row is not None]
    assert (delivery.id, delivery.state, delivery.fence) == (first.id, DeliveryState.SENDING, 1)
    await store.passes(LEASE + 1)
    second = await store.ledger.claim([], LEASE)
    assert second is not None and (second.id, second.fence) == (first.id, 2)
    assert not await store.ledger.note(delivery.id, delivery.fence, Arrived(), REPLY), "the claim is lost"
    assert await store.ledger.note(second.id, second.fence, Arrived(), REPLY)
    await store.passes(DAY)
    assert await store.ledger.claim([], LEASE) is None


async def test_what_is_due_for_longest_comes_first_and_the_busy_are_left_alone(store: Store) -> None:
    for take in (1, 2):
        await store.ledger.record(W1, a_notice(take))
        await store.passes(1)
    await store.ledger.record(W2, a_notice(3))
    found = await store.ledger.claim([W2], LEASE)
    assert found is not None and found.event_id == "take_1"
    found = await store.ledger.claim([W1], LEASE)
    assert found is not None and found.event_id == "take_3"
    assert await store.ledger.claim([W1, W2], LEASE) is None


async def test_a_try_is_noted_and_the_next_one_waits(store: Store) -> None:
    delivery = await claimed(store)
    assert await store.ledger.note(delivery.id, delivery.fence, Later(30.0), REPLY)
    row = await now(store, delivery)
    assert (row.state, row.tries) == (DeliveryState.PENDING, 1)
    (attempt,) = row.attempts
    assert (attempt.status, attempt.error, attempt.excerpt, attempt.milliseconds) == (500, None, "$oops", 7)
    assert attempt.at == delivery.claimed_at
    await store.passes(29)
    assert await store.ledger.claim([], LEASE) is None
    await store.passes(2)
    assert await store.ledger.claim([], LEASE) is not None


async def test_giving_back_is_no_try(store: Store) -> None:
    delivery = await claimed(store)
    assert await store.ledger.note(delivery.id, delivery.fence, Later(0.0))
    again = await store.ledger.claim([], LEASE)
    assert again is not None and (again.tries, again.attempts, again.fence) == (0, (), 2)


@pytest.mark.parametrize(("step", "state"), [(Arrived(), DeliveryState.DELIVERED), (Dead(), DeliveryState.DEAD)])
async def test_what_has_ended_is_sent_again_only_by_a_replay(store: Store, step: Arrived | Dead, state: str) -> None:
    delivery = await claimed(store)
    await store.ledger.note(delivery.id, delivery.fence, step, REPLY)
    assert (await now(store, delivery)).state == state
    await store.passes(DAY)
    assert (await store.ledger.record(W1, a_notice())).state == state, "recording it again changes nothing"
    assert await store.ledger.claim([], LEASE) is None
    replayed = await store.ledger.replay(W1, delivery.id)
    assert (replayed.state, replayed.tries, len(replayed.attempts), replayed.forced) == ("pending", 0, 1, True)
    again = await store.ledger.claim([], LEASE)
    assert again is not None and (again.event_id, again.body) == (delivery.event_id, delivery.body)
    assert (await store.ledger.replay(W1, delivery.id)).state is DeliveryState.SENDING, "it is on its way"
    await store.ledger.note(again.id, again.fence, Arrived(), REPLY)
    assert not (await now(store, delivery)).forced


async def test_attempts_are_bounded(store: Store) -> None:
    delivery = await claimed(store)
    for number in range(22):
        reply = Reply(status=200 + number)
        assert await store.ledger.note(delivery.id, delivery.fence + number, Later(0.0), reply)
        assert await store.ledger.claim([], LEASE)
    row = await now(store, delivery)
    assert (row.tries, [attempt.status for attempt in row.attempts]) == (22, list(range(202, 222)))


async def test_what_waits_can_be_hurried(store: Store) -> None:
    delivery = await claimed(store)
    await store.ledger.note(delivery.id, delivery.fence, Later(DAY))
    await store.ledger.hurry(W2)
    assert await store.ledger.claim([], LEASE) is None
    await store.ledger.hurry(W1)
    assert await store.ledger.claim([], LEASE) is not None


async def test_the_ledger_is_read_in_pages_the_newest_first(store: Store) -> None:
    for take in range(1, 6):
        await store.ledger.record(W1, a_notice(take))
        await store.passes(take % 2)  # some within one moment
    await store.ledger.record(W2, a_notice())
    seen: list[Delivery] = []
    while page := await store.ledger.page(W1, None, seen[-1].id if seen else None, 2):
        seen += page
    assert len({row.id for row in seen}) == len(seen) == 5
    assert [row.created_at for row in seen] == sorted((row.created_at for row in seen), reverse=True)
    first = await store.ledger.claim([], LEASE)
    assert first is not None
    await store.ledger.note(first.id, first.fence, Dead())
    assert [row.id for row in await store.ledger.page(W1, DeliveryState.DEAD, None, 9)] == [first.id]


async def test_a_delivery_is_its_webhooks(store: Store) -> None:
    delivery = await store.ledger.record(W1, a_notice())
    for id, webhook in ((delivery.id, W2), (DeliveryId("none"), W1)):
        with pytest.raises(DeliveryNotFound):
            await store.ledger.replay(webhook, id)
        with pytest.raises(DeliveryNotFound):
            await store.ledger.page(webhook, None, id, 9)
    await store.ledger.record(W2, a_notice())
    await store.ledger.forget(W1)
    assert await store.ledger.page(W1, None, None, 9) == []
    assert len(await store.ledger.page(W2, None, None, 9)) == 1
