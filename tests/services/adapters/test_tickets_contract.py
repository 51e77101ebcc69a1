"""What TicketStore promises, in memory and on MongoDB."""

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.errors import Unauthenticated
from services.interviews.model import SessionId
from tests.services.adapters.stores import ANN, BOB, ROOT, S1, Store, store_on_mongo

OTHER = SessionId("other")


async def test_a_ticket_names_its_viewer_as_often_as_it_is_shown(store: Store) -> None:
    for viewer in (ANN, BOB, ROOT):
        ticket = await store.tickets.issue(S1, viewer)
        assert await store.tickets.redeem(ticket.secret, S1) == viewer
        assert await store.tickets.redeem(ticket.secret, S1) == viewer


async def test_a_ticket_is_for_one_session(store: Store) -> None:
    ticket = await store.tickets.issue(S1, ANN)
    with pytest.raises(Unauthenticated):
        await store.tickets.redeem(ticket.secret, OTHER)


async def test_a_ticket_expires(store: Store) -> None:
    ticket = await store.tickets.issue(S1, ANN)
    await store.passes(ticket.seconds - 5)
    assert await store.tickets.redeem(ticket.secret, S1) == ANN
    await store.passes(5)
    with pytest.raises(Unauthenticated):
        await store.tickets.redeem(ticket.secret, S1)


@pytest.mark.parametrize("secret", ["", "x", "$ne", "é\ud800", "0" * 10_000])
async def test_what_is_no_ticket_opens_nothing(store: Store, secret: str) -> None:
    await store.tickets.issue(S1, ANN)
    with pytest.raises(Unauthenticated):
        await store.tickets.redeem(secret, S1)


async def test_no_two_tickets_are_the_same(store: Store) -> None:
    assert len({(await store.tickets.issue(S1, ANN)).secret for _ in range(20)}) == 20


async def test_the_secret_itself_is_not_kept(database: AsyncDatabase[dict[str, Any]]) -> None:
    ticket = await store_on_mongo(database).tickets.issue(S1, ANN)
    (row,) = await database["tickets"].find().to_list()
    assert len(ticket.secret) >= 32 and ticket.secret not in str(row)
