"""A backup brings back what was erased since; the journal, which was kept elsewhere, has it erased again."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from scripts.stack.layout import ROOT
from tests.app.test_erasing import USER, WORD, Live, done, live, planted, words_in  # noqa: F401
from tests.at_length import long_but

Document = dict[str, Any]


async def erasures(database: AsyncDatabase[Document], urls: tuple[str, str], *command: str) -> tuple[int, str]:
    """What `python -m scripts.erasures` answers, on these stores."""
    mongodb_url, redis_url = urls
    stores = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": database.name, "REDIS_URL": redis_url}
    settings = [f"{name}={value}" for name, value in (stores | {"ENCRYPT_RECORDINGS": "0", "COLUMNS": "300"}).items()]
    process = await asyncio.create_subprocess_exec(
        *("env", *settings, sys.executable, "-m", "scripts.erasures", *command),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, said.decode()


async def dumped(database: AsyncDatabase[Document]) -> dict[str, list[Document]]:
    return {name: await database[name].find().to_list() for name in await database.list_collection_names()}


async def restored(database: AsyncDatabase[Document], backup: dict[str, list[Document]]) -> None:
    for name in await database.list_collection_names():
        await database[name].delete_many({})
    for name, documents in backup.items():
        if documents:
            await database[name].insert_many(documents)


async def test_what_was_erased_since_the_backup_is_erased_again_by_the_exported_journal(
    live: Live,  # noqa: F811
    database: AsyncDatabase[Document],
    mongodb_url: str,
    redis_url: str,
    tmp_path: Path,
) -> None:
    urls, file = (mongodb_url, redis_url), tmp_path / "journal"
    first = await planted(live)
    async with live.client() as client, live.client("bob") as bob:
        body = {"questions": [{"id": "q", "text": "Of another?"}]}
        others = (await bob.post("/api/sessions", json=body)).json()["session_id"]
        mine = (await client.post("/api/sessions", json=body)).json()["session_id"]
        backup = await dumped(database)
        await done(client, (await client.delete(f"/api/sessions/{first}")).json()["erasure_id"])
        await done(client, (await client.delete("/api/users/me/data")).json()["erasure_id"])
    code, said = await erasures(database, urls, "export", str(file))
    assert (code, said.split()[0]) == (0, "3"), said
    assert WORD not in file.read_text()
    await restored(database, backup)
    assert {"interview_sessions", "parts", "webhooks"} <= set(await words_in(database, WORD))
    code, said = await erasures(database, urls, "apply", str(file))
    assert code == 0 and "3 entries, 3 of them with something to erase." in said, said
    assert await words_in(database, WORD) == {}
    left = [row["_id"] async for row in database["interview_sessions"].find()]
    assert left == [others] and mine not in left
    async with live.client() as client:
        assert (await client.get(f"/api/sessions/{first}")).status_code == 410
    code, said = await erasures(database, urls, "reapply")
    assert code == 0 and "3 entries, 0 of them" in said, said


@pytest.mark.parametrize("text", long_but('{"id": "s-1"}', of=["no journal", '{"id": "s-1"}', '["s"]']))
async def test_what_is_no_journal_is_refused_with_a_sentence(
    text: str, database: AsyncDatabase[Document], mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "journal").write_text(text)
    code, said = await erasures(database, (mongodb_url, redis_url), "apply", str(tmp_path / "journal"))
    assert code == 2 and "is no exported journal" in said, said


def test_the_user_of_the_test_is_a_planted_word() -> None:
    assert WORD in USER
