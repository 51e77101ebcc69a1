"""Receipts over HTTP: for whom they are, page by page, and what anybody may ask for."""

import httpx2

from services.adapters.receipt_keys import ReceiptVerifier
from services.recordings.receipt_chain import Head, Line, check
from tests.routes.api import WEBM, Api, client_of, make_session, problem, upload


async def transcribed(api: Api, client: httpx2.AsyncClient, takes: int) -> str:
    """A session of which so many takes were transcribed."""
    session = await make_session(client)
    for take in range(takes):
        await upload(client, session, WEBM + bytes([take]))
        await api.house.work_off()
    return session


async def test_a_session_shows_the_receipts_of_all_its_takes() -> None:
    api = Api()
    async with api.client() as client:
        session = await transcribed(api, client, 2)
        body = (await client.get(f"/api/sessions/{session}/receipts")).json()
        assert [receipt["seq"] for receipt in body["receipts"]] == [1, 2]
        assert body["next"] is None
        status = (await client.get(f"/api/transcription-status/{session}/q1")).json()
        assert status["deletion_receipt"] == body["receipts"][1]["receipt"]
        assert status["file_id"] is None


async def test_of_a_recording_that_waits_there_is_none() -> None:
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        await upload(client, session)
        assert (await client.get(f"/api/sessions/{session}/receipts")).json() == {"receipts": [], "next": None}
        assert (await client.get(f"/api/transcription-status/{session}/q1")).json()["deletion_receipt"] is None


async def test_a_foreign_session_is_not_there_and_the_chain_is_ones_own() -> None:
    api = Api()
    async with api.client() as client, client_of(client._transport.app, "bob") as bob:  # type: ignore[attr-defined]
        session = await transcribed(api, client, 1)
        assert problem(await bob.get(f"/api/sessions/{session}/receipts")) == (404, "session_not_found")
        assert (await bob.get("/api/receipts")).json()["receipts"] == []
        assert len((await client.get("/api/receipts")).json()["receipts"]) == 1


async def test_pages_lead_through_a_whole_chain_that_anybody_can_check() -> None:
    api = Api()
    async with api.client() as client, client_of(client._transport.app, None) as anybody:  # type: ignore[attr-defined]
        await transcribed(api, client, 5)
        after: int | None = 0
        found: list[dict[str, str]] = []
        while after is not None:
            page = (await client.get("/api/receipts", params={"after": after, "limit": 2})).json()
            found, after = found + page["receipts"], page["next"]
        keys = await anybody.get("/.well-known/jwks.json")
        head = (await anybody.get(f"/.well-known/deletion-receipts/{found[0]['chain']}")).json()
        assert keys.headers["cache-control"] == "public, max-age=300"
        published = Head(head["chain"], head["seq"], head["hash"])
        lines = [Line(receipt["id"], receipt["receipt"]) for receipt in found]
        looked = check(lines, ReceiptVerifier(keys.json()).verify, heads=[published])
        assert (looked.sound, looked.faults) == (5, [])


async def test_what_is_asked_wrongly_is_said() -> None:
    api = Api()
    async with api.client() as client:
        assert problem(await client.get("/.well-known/deletion-receipts/nobodys")) == (404, "not_found")
        assert problem(await client.get("/api/receipts?limit=0"))[0] == 422
        assert problem(await client.get("/api/receipts?after=x"))[0] == 422
        assert problem(await client.get(f"/api/receipts?after={2**63}"))[0] == 422
        assert (await client.get(f"/api/receipts?after={2**63 - 1}")).json()["receipts"] == []
        assert problem(await client.get("/api/sessions/none/receipts"))[0] == 404
    async with api.client(user=None) as nobody:
        assert problem(await nobody.get("/api/receipts"))[0] == 401
