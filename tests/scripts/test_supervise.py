"""What supervisord is told."""

import configparser
from pathlib import Path

from scripts.stack import processes, supervise
from scripts.stack.layout import Layout


def read(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(text)
    return parser


def test_what_is_secret_is_not_in_its_file_and_a_space_survives() -> None:
    layout = Layout(Path("/srv/a state"))
    found = read(supervise.configuration(layout, [processes.worker(("127.0.0.1:20001",))]))
    assert "environment" not in found["supervisord"]
    command = found["program:worker"]["command"]
    assert "'/srv/a state/pids/worker.pid' '/srv/a state/settings' 127.0.0.1:20001 -- " in command


def test_the_stores_outlive_the_house() -> None:
    layout = Layout(Path("/srv/state"))
    listed = [
        processes.mongod(Path("/bin/mongod"), 20001, layout),
        processes.valkey(Path("/bin/valkey"), 20002, layout),
        processes.worker(()),
        processes.upkeep(()),
        processes.beat(layout, ()),
        processes.api(8000, ()),
    ]
    found = read(supervise.configuration(layout, listed))
    assert int(found["group:stores"]["priority"]) < int(found["group:house"]["priority"])
    assert found["group:house"]["programs"] == "worker,upkeep,beat,api"
    assert [found[f"program:{name}"]["priority"] for name in ("worker", "beat", "api")] == ["1", "3", "4"]


def test_stopping_takes_less_than_ten_seconds_at_most() -> None:
    assert supervise.STORES_SECONDS + supervise.HOUSE_SECONDS <= 8
