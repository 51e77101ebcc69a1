"""The dashboard asks for metrics that there are, combines them as they must be, and finds its data source."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import promql_parser as ql
import pytest
import yaml

from scripts.stack.layout import ROOT
from tests.deploy.exposed import Exposed
from tests.deploy.promql import names

FOLDER = ROOT / "deploy" / "grafana"
BOARD: dict[str, Any] = json.loads((FOLDER / "dashboards" / "viva-voce.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable["query"] for variable in BOARD["templating"]["list"]}
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
# Prometheus makes this itself, and adds these labels to everything that it scrapes.
MADE_BY_PROMETHEUS = {"ALERTS": {"alertname=", "alertstate="}}
OF_THE_SCRAPE = {"job", "instance"}
OF_A_PROCESS = ("viva_http_", "viva_identity_", "process_")


def queries() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], re.sub(r"\$(\w+)", lambda found: VARIABLES[found[1]], target["expr"])


def nodes(tree: Any, kind: type) -> list[Any]:
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, kind):
            found.append(node)
        return True

    ql.walk(tree, pre_visit=visit)
    return found


def labels_of(tree: Any) -> set[str]:
    """The labels that the expression selects and groups by."""
    grouped = {label for node in nodes(tree, ql.AggregateExpr) if node.modifier for label in node.modifier.labels}
    return grouped | {m.name for node in nodes(tree, ql.VectorSelector) for m in node.matchers.matchers}


def test_every_panel_asks_for_what_there_is(there: Exposed) -> None:
    there = there | MADE_BY_PROMETHEUS
    for title, query in queries():
        tree = ql.parse(query)
        assert names(tree) <= there.keys(), title
        known = {label.partition("=")[0] for name in names(tree) for label in there[name]} | OF_THE_SCRAPE
        assert labels_of(tree) <= known, title
        for selector in nodes(tree, ql.VectorSelector):
            for matcher in selector.matchers.matchers:
                if matcher.name in {"state", "what", "kind"}:
                    assert f"{matcher.name}={matcher.value}" in there[selector.name], title


@pytest.mark.parametrize(("title", "query"), list(queries()))
def test_what_the_store_says_is_never_added_up_over_the_processes(title: str, query: str) -> None:
    tree = ql.parse(query)
    outer = {str(node.op) for node in nodes(tree, ql.AggregateExpr)}
    if all(name.startswith("viva_") and not name.startswith(OF_A_PROCESS) for name in names(tree)):
        assert "max" in outer, title
    if any(name.startswith("viva_http_") for name in names(tree)):
        assert outer == {"sum"}, title


def test_whatever_can_fire_can_be_looked_at() -> None:
    shown = {name for _, query in queries() for name in names(ql.parse(query))}
    for rule in ALERTS:
        asked = {re.sub(r"_(sum|count)$", "_bucket", name) for name in names(ql.parse(rule["expr"]))}
        assert asked - {"up"} <= shown, rule["alert"]


def test_whether_something_is_up_is_shown_as_the_alert_sees_it() -> None:
    shown = {query for _, query in queries()}
    asked = {rule["expr"].removesuffix(" == 0") for rule in ALERTS if re.search(r"viva_\w+_up\) == 0$", rule["expr"])}
    assert len(asked) == 3 and asked <= shown


def test_the_board_and_its_panels_find_their_data() -> None:
    (source,) = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    wanted = {"type": source["type"], "uid": source["uid"]}
    assert all(one["datasource"] == wanted for panel in PANELS for one in (panel, *panel["targets"]))
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((FOLDER / "provisioning/dashboards/viva-voce.yml").read_text())["providers"]
    mounts = {mount.split(":")[1]: mount.split(":")[0] for mount in services["grafana"]["volumes"]}
    assert mounts[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    assert mounts["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"


def test_every_panel_says_what_it_shows_and_lies_on_no_other() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    assert len({panel["title"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for one, other in combinations([panel["gridPos"] for panel in BOARD["panels"]], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in BOARD["panels"])
