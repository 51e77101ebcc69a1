"""How long records are kept: what the settings say, what they cannot say, and what comes of it in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.config import Settings
from services.errors import SessionHeld
from services.events.model import EventType
from services.interviews.model import SessionId
from services.operations.ports.audit_log import Action, Deed
from services.operations.ports.retained import RecordKind
from services.operations.retention import DAY, Bound, Policy, bounds_of
from services.webhooks.ports import Webhook, WebhookId
from tests.at_length import examples
from tests.in_memory import ADMIN, ALICE, OPERATOR, Q1, Interior

FITS = {"failed_audio_days": 1.0, "redelivery_days": 3.0}


def bound(days: float, rule: str = "a rule") -> tuple[Bound, ...]:
    return (Bound(days, rule),)


def test_bounds_are_read_with_their_rules() -> None:
    assert bounds_of("183 EU AI Act; 1460 CCR 11013", "X") == (Bound(183, "EU AI Act"), Bound(1460, "CCR 11013"))
    assert bounds_of("30", "RETAIN_X_DAYS") == (Bound(30, "RETAIN_X_DAYS"),)
    assert bounds_of("0", "X") == bounds_of("", "X") == ()
    both = bounds_of("183 a; 1460 b", "X")
    policy = Policy({RecordKind.AUDIT: both}, {RecordKind.AUDIT: both})
    assert (policy.duty(RecordKind.AUDIT), policy.limit(RecordKind.AUDIT)) == (Bound(1460, "b"), Bound(183, "a"))


@pytest.mark.parametrize("text", ["soon", "-1", "0.5", "40000", "3 a; b", "1e3"])
def test_what_is_no_bound_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"days|number"):
        bounds_of(text, "X")


IMPOSSIBLE = {
    "events must be kept for 90 days (GDPR), and may be kept for 30 days": {
        "RETAIN_EVENTS_DAYS": "30",
        "RETAIN_EVENTS_LEAST_DAYS": "90 GDPR",
    },
    "recordings must be kept for 400 days": {"RETAIN_SESSIONS_DAYS": "365", "RETAIN_RECORDINGS_LEAST_DAYS": "400"},
    "deliveries must be kept for 29.5 days (RETAIN_DELIVERIES_LEAST_DAYS), and go with their sessions": {
        "RETAIN_SESSIONS_DAYS": "30",
        "RETAIN_DELIVERIES_LEAST_DAYS": "29.5",
    },
    "the audit log may be kept for 30 days": {"RETAIN_SESSIONS_DAYS": "365", "RETAIN_AUDIT_DAYS": "30"},
    "sessions, which it explains, are kept for ever": {"RETAIN_AUDIT_DAYS": "3650"},
    "FAILED_AUDIO_HOURS keeps audio for 10 days": {"RETAIN_RECORDINGS_DAYS": "9", "FAILED_AUDIO_HOURS": "240"},
    "deliveries may be kept for 2 days (RETAIN_DELIVERIES_DAYS), and each is tried again for 3 days": {
        "RETAIN_DELIVERIES_DAYS": "2"
    },
}


@pytest.mark.parametrize("said", IMPOSSIBLE)
def test_a_policy_that_cannot_be_met_stops_the_start_with_a_sentence(said: str) -> None:
    with pytest.raises(ValueError, match="the policy of retention cannot be met") as refused:
        Settings.told(IMPOSSIBLE[said])
    assert said in str(refused.value)


def test_by_default_all_is_kept_for_ever_but_deliveries() -> None:
    policy = Settings.told({}).retention
    assert {kind: policy.limit(kind) for kind in RecordKind} == {
        **dict.fromkeys(RecordKind),
        RecordKind.DELIVERIES: Bound(30, "RETAIN_DELIVERIES_DAYS"),
    }
    assert policy.conflicts(**FITS) == []


async def a_busy_house(policy: Policy) -> tuple[Interior, SessionId]:
    house = Interior()
    house.policy = policy
    wanted = (EventType.COMPLETED,)
    hook = Webhook(id=WebhookId("w"), user_id=ALICE.user_id, url="https://x.example/", events=wanted, secrets=("s",))
    await house.endpoints.create(hook)
    id = await house.session()
    await house.upload(id, Q1)
    await house.work_off()
    return house, id


async def test_each_removal_is_counted_by_its_rule() -> None:
    most = {kind: bound(10 * (number + 1), f"rule of {kind.value}") for number, kind in enumerate(reversed(RecordKind))}
    most[RecordKind.SESSIONS], most[RecordKind.AUDIT] = bound(50, "GDPR"), bound(60, "AI Act")
    house, id = await a_busy_house(Policy({}, most))
    await house.audit_log.begin(
        Deed(who=ADMIN.user_id, action=Action.READ, on={"session_id": id}, before={}, request_id="r")
    )
    for _ in range(70):
        house.memory.clock.advance(DAY)
        await house.sweep.run(24.0)
    assert house.memory.counters["retention"] == {
        "sessions/GDPR": 1,
        "recordings/rule of recordings": 1,
        "events/rule of events": 4,
        "deliveries/rule of deliveries": 1,
        "audit/AI Act": 1,
    }
    assert not (house.memory.sessions or house.memory.rows or house.memory.deliveries or house.audit_log.entries)
    erasure = await house.journal.of_session(id)
    assert erasure is not None and (erasure.cause, erasure.rule) == ("retention", "GDPR")


async def test_a_hold_stops_every_clock_and_what_was_due_goes_once_it_is_lifted() -> None:
    house, id = await a_busy_house(Policy({}, {kind: bound(10) for kind in RecordKind}))
    await house.legal_hold.place(id, "A court asks for it.", OPERATOR)
    house.memory.clock.advance(100 * DAY)
    await house.sweep.run(24.0)
    memory = house.memory
    assert id in memory.sessions and memory.rows and memory.events[id] and memory.deliveries
    with pytest.raises(SessionHeld):
        await house.erasing.session(id, ALICE)
    await house.legal_hold.lift(id, "It is over.", OPERATOR)
    deeds = [(entry.deed.action, entry.deed.reason) for entry in await house.audit_log.page(None, 10)]
    assert ("hold", "A court asks for it.") in deeds and ("lift", "It is over.") in deeds
    await house.sweep.run(24.0)
    assert not (memory.sessions or memory.rows or memory.events.get(id) or memory.deliveries)


@dataclass
class History:
    """What was there when, so that it can be told whether it went too early or stays too long."""

    house: Interior
    since: dict[tuple[RecordKind, str], datetime] = field(default_factory=dict)
    of: dict[tuple[RecordKind, str], object] = field(default_factory=dict)

    def now(self) -> dict[tuple[RecordKind, str], tuple[datetime, object]]:
        memory = self.house.memory
        found: dict[tuple[RecordKind, str], tuple[datetime, object]] = {}
        for id, session in memory.sessions.items():
            assert session.created_at is not None
            found[RecordKind.SESSIONS, id] = (memory.told.get(id, session.created_at), id)
        for row in memory.rows.values():
            if row.part.completed_at and row.settled and not row.to_score and not row.part.keep_audio:
                found[RecordKind.RECORDINGS, row.part.id] = (row.part.completed_at, row.part.session_id)
        for id, events in memory.events.items():
            found |= {(RecordKind.EVENTS, f"{id}/{event.number}"): (event.at, id) for event in events}
        for each, delivery in memory.deliveries.items():
            found[RecordKind.DELIVERIES, each] = (delivery.created_at, delivery.data.get("session_id"))
        for entry in self.house.audit_log.entries:
            found[RecordKind.AUDIT, entry.id] = (entry.at, entry.deed.on.get("session_id"))
        return found

    def check(self, before: dict[tuple[RecordKind, str], tuple[datetime, object]]) -> None:
        """After a sweep: nothing has gone too early, nothing has stayed too long, nothing of what is held has gone."""
        house, after = self.house, self.now()
        now, held = house.memory.clock.now, house.memory.held
        for (kind, name), (since, session) in before.items():
            duty = house.policy.duty(kind)
            if (kind, name) not in after:
                assert session not in held
                assert duty is None or now - since >= timedelta(days=duty.days), (kind, name)
        for (kind, name), (since, session) in after.items():
            limit = house.policy.limit(kind)
            assert limit is None or session in held or now - since < timedelta(days=limit.days), (kind, name)


bounds = st.lists(st.tuples(st.integers(1, 60), st.sampled_from(["a", "b"])), max_size=2).map(
    lambda found: tuple(Bound(days, rule) for days, rule in found)
)
policies = st.builds(Policy, *(st.fixed_dictionaries(dict.fromkeys(RecordKind, bounds)) for _ in range(2)))


def what_can_be_met(policy: Policy, order: list[tuple[str, RecordKind]]) -> Policy:
    """As much of it as has no conflict, taken in this order."""
    met = Policy({}, {})
    for side, kind in order:
        more = replace(met, **{side: {**getattr(met, side), kind: getattr(policy, side)[kind]}})
        met = met if more.conflicts(**FITS) else more
    return met


possible = st.builds(
    what_can_be_met, policies, st.permutations([(side, kind) for side in ("least", "most") for kind in RecordKind])
)
steps = st.lists(st.sampled_from(["session", "answer", "hold", "lift", "read"]) | st.integers(1, 40), max_size=25)


@settings(max_examples=examples(50), deadline=None)
@given(possible, steps)
def test_nothing_goes_before_its_longest_duty_and_nothing_stays_past_its_shortest_limit(
    policy: Policy, steps: list[Any]
) -> None:
    asyncio.run(play(policy, steps))


async def play(policy: Policy, steps: list[Any]) -> None:
    house, id = await a_busy_house(policy)
    history, ids = History(house), [id]

    async def answer() -> None:
        if ids[-1] in house.memory.sessions:
            await house.upload(ids[-1], Q1, data=bytes(house.memory.elections))
            house.memory.elections += 1
            await house.work_off()

    async def session() -> None:
        ids.append(await house.session())

    async def hold() -> None:
        await house.holds.place(ids[0])

    async def lift() -> None:
        await house.holds.lift(ids[0])

    async def read() -> None:
        on = {"session_id": ids[-1]}
        await house.audit_log.begin(Deed(who=ADMIN.user_id, action=Action.READ, on=on, before={}, request_id="r"))

    acts: dict[Any, Callable[[], Coroutine[Any, Any, None]]] = {
        act.__name__: act for act in (answer, session, hold, lift, read)
    }
    for step in steps:
        if isinstance(step, int):
            house.memory.clock.advance(step * DAY)
        else:
            await acts[step]()
        before = history.now()
        for _ in range(2):
            await house.sweep.run(24.0)
        history.check(before)
