"""What mongod's log says of itself stays, and what it says of what is stored does not."""

import json
import subprocess
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from scripts.stack import ports, replica_set
from scripts.stack.layout import Layout
from scripts.stack.processes import mongod
from scripts.stack.programs import find_mongod
from scripts.stack.reticent import harmless
from tests.scripts.running import until

PLANTED = "planted"
SAID = {"error": {"code": 11000, "codeName": "DuplicateKey", "errmsg": f'dup key: {{ u: "{PLANTED}" }}'}, "ns": "x.t"}


def entry(component: str, **attributes: object) -> str:
    return json.dumps({"t": {"$date": "now"}, "s": "W", "c": component, "id": 1, "msg": "m", "attr": attributes}) + "\n"


def test_what_a_command_says_is_left_out_and_its_error_is_named() -> None:
    for component in ("COMMAND", "QUERY", "WRITE", "INDEX", "STORAGE"):
        line = harmless(entry(component, **SAID, cmd={"find": PLANTED}, stats={"filter": PLANTED}))
        assert PLANTED not in line
        assert json.loads(line)["attr"] == {"error": {"code": 11000, "codeName": "DuplicateKey"}, "ns": "x.t"}


def test_whatever_else_it_says_stays() -> None:
    for line in (entry("REPL", newState="PRIMARY"), entry("STORAGE", message={"error": "No space left"})):
        assert json.loads(harmless(line)) == json.loads(line)
    for line in ("no entry\n", "17\n", "\n"):
        assert harmless(line) == line


def provoke(client: MongoClient[dict[str, object]]) -> None:
    """Have it do what it logs whole: what is slow, what hits an index, what cannot be computed or built."""
    client.admin.command("profile", 0, slowms=-1)
    rows = client["x"]["t"]
    rows.create_index("u", unique=True)
    rows.insert_one({"_id": 1, "u": PLANTED})
    tries = (
        lambda: rows.insert_one({"_id": 2, "u": PLANTED}),
        lambda: rows.find_one_and_update({"_id": 3}, [{"$set": {"u": PLANTED}}], upsert=True),
        lambda: list(rows.aggregate([{"$set": {"z": {"$divide": [PLANTED, "$u"]}}}])),
        lambda: list(rows.find({"$expr": {"$eq": [{"$divide": ["$u", 1]}, PLANTED]}})),
        lambda: rows.create_index("v", unique=True),
    )
    rows.insert_many([{"_id": id, "u": id, "v": PLANTED} for id in (4, 5)])
    refused = 0
    for act in tries:
        try:
            act()
        except PyMongoError:
            refused += 1
    assert refused == len(tries)


def test_a_mongod_of_a_stack_says_nothing_of_what_is_stored(tmp_path: Path) -> None:
    layout, port, log = Layout.at(tmp_path / "state"), ports.choose(), tmp_path / "log"
    layout.make()
    with (
        log.open("w") as output,
        subprocess.Popen(mongod(find_mongod(), port, layout).command, stdout=output, stderr=output) as process,
    ):
        try:
            until(lambda: replica_set.is_primary(port), 60)
            with MongoClient[dict[str, object]]("127.0.0.1", port, directConnection=True) as client:
                provoke(client)
        finally:
            process.terminate()
    said = log.read_text()
    assert PLANTED not in said
    assert "Plan executor error during findAndModify" in said and "Waiting for connections" in said
    assert process.returncode == 0
