"""`python -m tests.rolling write|check URL DATABASE`: this version's documents in a database, or what it reads there.

`python -m tests.rolling keep`: a sample of this version's documents, if none of this shape is kept yet, and the forms
of its indexes.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from services.adapters.mongo.client import open_client
from services.adapters.mongo.indexes import ensure_indexes
from tests import servers
from tests.rolling import index_forms, sample, scene


async def act(what: str, url: str, name: str) -> None:
    async with open_client(url) as client:
        await ensure_indexes(client[name])
        await {"write": scene.write, "check": scene.check}[what](client[name])


async def keep() -> None:
    with tempfile.TemporaryDirectory() as folder, servers.mongod(Path(folder)) as url:
        async with open_client(url) as client:
            await scene.write(client["viva_voce"])
            print(sample.keep(await sample.taken(client["viva_voce"])))
    print(index_forms.keep())


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    asyncio.run(keep() if command == "keep" else act(command, *arguments))
