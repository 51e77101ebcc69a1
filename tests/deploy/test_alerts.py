"""The alert rules: each asks for what there is, says what to do, and fires when it should and only then."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import promql_parser
import pytest
import yaml

from scripts.stack.layout import ROOT
from tests.deploy.exposed import Exposed
from tests.deploy.promql import NAME, Labels, Series, evaluate, names

FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
TESTS: dict[str, Any] = yaml.safe_load((FOLDER / "alerts.test.yml").read_text())
MADE_BY_PROMETHEUS = {"up"}
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'
STEP = 15.0


def seconds(text: str) -> float:
    return promql_parser.parse_duration(text).total_seconds()


@dataclass
class Alert:
    """One rule, evaluated from second 0 on."""

    rule: dict[str, Any]

    def firing(self, series: list[Series], at: float) -> int:
        """How many of its alerts have held for as long as the rule says."""
        tree, since = promql_parser.parse(self.rule["expr"]), dict[Labels, float]()
        for number in range(int(at / STEP) + 1):
            now = number * STEP
            held = evaluate(tree, series, now)
            assert isinstance(held, dict)
            since = {labels: since.get(labels, now) for labels in held}
        return sum(1 for start in since.values() if at - start >= seconds(self.rule["for"]))


def series_of(entry: dict[str, Any], step: float) -> Series:
    selector: Any = promql_parser.parse(entry["series"])
    labels = {NAME: selector.name} | {m.name: m.value for m in selector.matchers.matchers}
    return Series(frozenset(labels.items()), [v for word in entry["values"].split() for v in values(word)], step)


def values(word: str) -> list[float | None]:
    """promtool's notation: `7x3` is 7 7 7 7, `0+2x3` is 0 2 4 6, `_x2` is nothing twice."""
    found = re.fullmatch(r"(_|[\d.]+)(?:([+-][\d.]+))?(?:x(\d+))?", word)
    assert found, word
    start, rise, times = found.groups()
    if start == "_":
        return [None] * int(times or 1)
    return [float(start) + float(rise or 0) * number for number in range(int(times or 0) + 1)]


@pytest.mark.parametrize("test", TESTS["tests"], ids=lambda test: test["name"])
def test_what_should_fire_does_and_nothing_else(test: dict[str, Any]) -> None:
    series = [series_of(entry, seconds(test["interval"])) for entry in test["input_series"]]
    for expected in test["promql_expr_test"]:
        assert expected["expr"] == FIRING
        wanted = {re.findall(r'"(\w+)"', s["labels"])[0]: s["value"] for s in expected["exp_samples"]}
        found = {rule["alert"]: Alert(rule).firing(series, seconds(expected["eval_time"])) for rule in RULES}
        assert {name: number for name, number in found.items() if number} == wanted, expected["eval_time"]


def test_every_alert_is_seen_to_fire_and_to_be_silent() -> None:
    fired = {
        re.findall(r'"(\w+)"', sample["labels"])[0]
        for test in TESTS["tests"]
        for expected in test["promql_expr_test"]
        for sample in expected["exp_samples"]
    }
    assert fired == {rule["alert"] for rule in RULES}
    quiet = TESTS["tests"][0]
    asked = set.union(*(names(promql_parser.parse(rule["expr"])) for rule in RULES))
    assert {re.split(r"[{]", entry["series"])[0] for entry in quiet["input_series"]} == asked


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_there_is_and_says_what_to_do(rule: dict[str, Any], there: Exposed) -> None:
    tree = promql_parser.parse(rule["expr"])
    assert names(tree) <= there.keys() | MADE_BY_PROMETHEUS
    for label, value in re.findall(r'(state|what|kind)="(\w+)"', rule["expr"]):
        assert any(f"{label}={value}" in there[name] for name in names(tree)), value
    assert timedelta(seconds=seconds(rule["for"])) >= timedelta(minutes=1)
    assert rule["labels"]["severity"] in ("page", "warn")
    assert rule["annotations"]["summary"].endswith(".")
    assert len(rule["annotations"]["runbook"]) > 40


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_its_paragraph(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor == rule["alert"].lower()
    (paragraph,) = re.findall(
        rf"^### {rule['alert']}\n\n(.+?)(?=\n#|\Z)", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    )
    assert len(paragraph) > 150, "a paragraph says what it means, where to look and what to do"


def test_every_paragraph_has_its_alert() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert set(re.findall(r"^### (Viva\w+)$", page, re.MULTILINE)) == {rule["alert"] for rule in RULES}


def test_the_scrape_asks_as_the_api_wants_to_be_asked() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert config["rule_files"] == ["alerts.yml"]
    assert (job["job_name"], job["metrics_path"]) == ("viva-voce", "/metrics")
    assert job["authorization"]["type"] == "Bearer"
    assert "credentials_file" in job["authorization"], "a token stands in no file of the repository"


def test_every_metric_and_every_alert_is_documented() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    asked = set.union(*(names(promql_parser.parse(rule["expr"])) for rule in RULES))
    for name in {rule["alert"] for rule in RULES} | (asked - MADE_BY_PROMETHEUS):
        assert re.sub(r"_(sum|count|bucket)$", "", name) in page, name
