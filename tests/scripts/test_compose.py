"""What compose.yaml promises."""

import re
from typing import Any

import pytest
import yaml

from scripts.stack.layout import ROOT

TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
HOUSE = ["api", "worker", "upkeep", "beat"]


def test_the_services_are_these() -> None:
    assert set(SERVICES) == {"mongodb", "valkey", *HOUSE}
    assert "version" not in COMPOSE


def test_only_the_api_is_published() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", HOUSE)
def test_the_house_waits_for_its_stores_and_cannot_write_to_its_image(name: str) -> None:
    waits = {store: wait["condition"] for store, wait in SERVICES[name]["depends_on"].items()}
    assert waits == {"mongodb": "service_healthy", "valkey": "service_healthy"}
    assert SERVICES[name]["read_only"] is True
    assert any(mount.startswith("/tmp") for mount in SERVICES[name]["tmpfs"])


@pytest.mark.parametrize("name", HOUSE)
def test_every_part_of_the_house_has_the_same_addresses(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert {"MONGODB_URL", "REDIS_URL", "JWT_SECRET"} <= set(environment)
    assert environment["MONGODB_URL"].endswith("replicaSet=rs0")


def test_no_secret_is_in_the_file() -> None:
    assert re.findall(r"JWT_SECRET: (.*)", TEXT) == ["${JWT_SECRET:?set JWT_SECRET in .env, 32 bytes or more}"]


def test_the_broker_keeps_what_it_was_given() -> None:
    command = SERVICES["valkey"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
