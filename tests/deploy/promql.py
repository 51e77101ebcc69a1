"""As much of PromQL as the alert rules use, on the tree that a real parser makes; what it does not know it refuses."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import promql_parser as ql

LOOK_BACK = 300.0
Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
NAME = "__name__"

COMPARE: dict[str, Callable[[float, float], bool]] = {"==": operator.eq, ">": operator.gt, "<": operator.lt}
COUNT: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
AGGREGATE: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min}
MATCH: dict[str, Callable[[str, str], bool]] = {
    "MatchOp.Equal": operator.eq,
    "MatchOp.NotEqual": operator.ne,
    "MatchOp.Re": lambda value, pattern: re.fullmatch(pattern, value) is not None,
}


class Unknown(Exception):
    """The rules use something that is not evaluated here."""


@dataclass(frozen=True)
class Series:
    """The samples of one series, at even steps from 0 on."""

    labels: Labels
    values: list[float | None]
    step: float

    def between(self, start: float, end: float) -> list[tuple[float, float]]:
        """The samples after start and not after end."""
        found = ((number * self.step, value) for number, value in enumerate(self.values))
        return [(at, value) for at, value in found if start < at <= end and value is not None]


def evaluate(tree: Any, series: list[Series], now: float) -> Vector | float:
    """What the expression gives at this second."""
    match tree:
        case ql.NumberLiteral():
            return float(tree.val)
        case ql.ParenExpr():
            return evaluate(tree.expr, series, now)
        case ql.VectorSelector():
            found = ((one.labels, one.between(now - LOOK_BACK, now)) for one in _chosen(tree, series))
            return {labels: samples[-1][1] for labels, samples in found if samples}
        case ql.Call() if tree.func.name == "absent":
            return {} if _vector(evaluate(tree.args[0], series, now)) else {frozenset(): 1.0}
        case ql.Call() if tree.func.name in ("rate", "increase"):
            return _risen(tree, series, now)
        case ql.AggregateExpr() if str(tree.op) in AGGREGATE:
            return _aggregated(tree, _vector(evaluate(tree.expr, series, now)))
        case ql.BinaryExpr():
            return _combined(tree, evaluate(tree.lhs, series, now), evaluate(tree.rhs, series, now))
    raise Unknown(tree.prettify())


def names(tree: Any) -> set[str]:
    """The metrics that the expression asks for."""
    found: set[str] = set()

    def visit(node: Any) -> bool:
        if isinstance(node, ql.VectorSelector):
            found.add(str(node.name))
        return True

    ql.walk(tree, pre_visit=visit)
    return found


def _chosen(selector: Any, series: list[Series]) -> list[Series]:
    def fits(one: Series) -> bool:
        labels = dict(one.labels)
        tests = ((MATCH[str(m.op)], labels.get(m.name, ""), m.value) for m in selector.matchers.matchers)
        return labels[NAME] == selector.name and all(test(value, wanted) for test, value, wanted in tests)

    return [one for one in series if fits(one)]


def _risen(call: Any, series: list[Series], now: float) -> Vector:
    matrix = call.args[0]
    width = matrix.range.total_seconds()
    found: Vector = {}
    for one in _chosen(matrix.vector_selector, series):
        samples = one.between(now - width, now)
        if len(samples) > 1:
            rise = _increase(samples, now - width, now)
            found[_without(one.labels, NAME)] = rise / width if call.func.name == "rate" else rise
    return found


def _increase(samples: list[tuple[float, float]], start: float, end: float) -> float:
    """The rise with resets, carried on to the window's ends as Prometheus does."""
    (first_at, first), (last_at, last) = samples[0], samples[-1]
    steps = pairwise(samples)
    rise = last - first + sum(before for (_, before), (_, after) in steps if after < before)
    held = last_at - first_at
    usual = held / (len(samples) - 1)
    lead, trail = first_at - start, end - last_at
    if rise > 0 and first >= 0:
        lead = min(lead, held * first / rise)
    whole = held + sum(gap if gap < usual * 1.1 else usual / 2 for gap in (lead, trail))
    return rise * whole / held


def _aggregated(tree: Any, vector: Vector) -> Vector:
    by = set(tree.modifier.labels) if tree.modifier else set()
    if tree.modifier and str(tree.modifier.type) != "AggModifierType.By":
        raise Unknown(tree.prettify())
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector.items():
        groups.setdefault(frozenset(pair for pair in labels if pair[0] in by), []).append(value)
    return {labels: AGGREGATE[str(tree.op)](values) for labels, values in groups.items()}


def _combined(tree: Any, left: Vector | float, right: Vector | float) -> Vector:
    sign, ones = str(tree.op), _vector(left)
    if tree.modifier is not None and tree.modifier.matching is not None:
        raise Unknown(tree.prettify())
    found: Vector = {}
    for labels, value in ones.items():
        bare = _without(labels, NAME)
        other = right if isinstance(right, float) else {_without(k, NAME): v for k, v in right.items()}.get(bare)
        if other is None:
            continue
        if sign == "and":
            found[labels] = value
        elif sign in COMPARE:
            found |= {labels: value} if COMPARE[sign](value, other) else {}
        elif sign == "/":
            found[bare] = value / other if other else float("nan")
        elif sign in COUNT:
            found[bare] = COUNT[sign](value, other)
        else:
            raise Unknown(tree.prettify())
    return found


def _vector(value: Vector | float) -> Vector:
    if isinstance(value, float):
        raise Unknown("a number where series are needed")
    return value


def _without(labels: Labels, name: str) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != name)
