"""Finding one's own sessions again."""

import pytest

from tests.routes.api import Api, client_of, make_session, problem, upload


async def test_own_sessions_are_listed_newest_first_and_page_by_page() -> None:
    api = Api()
    async with api.client() as client:
        made = []
        for _ in range(5):
            made.append(await make_session(client))
            api.house.memory.clock.advance(60)
        await upload(client, made[0])
        seen, cursor = [], None
        while True:
            asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/api/sessions", params=asked)).json()
            seen += page["sessions"]
            cursor = page["next"]
            if cursor is None:
                break
        assert [one["session_id"] for one in seen] == made[::-1]
        assert seen[-1]["state"] == "pending"
        assert seen[-1]["answers"] == {"queued": 1, "processing": 0, "completed": 0, "failed": 0}
        assert seen[0]["state"] == "empty"


async def test_the_list_is_ones_own_an_admins_too() -> None:
    api = Api()
    async with api.client() as client:
        await make_session(client)
        app = client._transport.app  # type: ignore[attr-defined]
        for other in ("bob", "admin"):
            async with client_of(app, other) as stranger:
                assert (await stranger.get("/api/sessions")).json() == {"sessions": [], "next": None}
        async with client_of(app, None) as nobody:
            assert problem(await nobody.get("/api/sessions")) == (401, "unauthenticated")


async def test_it_is_looked_for_by_time_and_state_and_not_sent_twice() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        both = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:01+00:00"}
        found = await client.get("/api/sessions", params=both)
        assert [one["session_id"] for one in found.json()["sessions"]] == [session]
        late = await client.get("/api/sessions", params={"since": "2026-01-01T00:00:01Z"})
        assert late.json()["sessions"] == []
        assert (await client.get("/api/sessions", params={"state": "complete"})).json()["sessions"] == []
        same = await client.get("/api/sessions", params=both, headers={"If-None-Match": found.headers["ETag"]})
        assert (same.status_code, same.headers["Cache-Control"]) == (304, "private, no-cache")
        await upload(client, session)
        changed = await client.get("/api/sessions", params=both, headers={"If-None-Match": found.headers["ETag"]})
        assert changed.status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"cursor": "?"},
        {"cursor": "bm9uZQ"},
        {"cursor": "9" * 40},
        {"limit": "0"},
        {"limit": "101"},
        {"state": "odd"},
        {"since": "yesterday"},
        {"since": "2026-01-01T00:00:00"},
    ],
)
async def test_what_cannot_be_meant_is_refused(asked: dict[str, str]) -> None:
    async with Api().client() as client:
        assert problem(await client.get("/api/sessions", params=asked)) == (422, "invalid_request")
