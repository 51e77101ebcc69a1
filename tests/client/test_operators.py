"""An operator's calls, over all pages and within the rate."""

import json
from datetime import UTC, datetime

from client import Operators
from tests.client.test_api import Told, told

__all__ = ["told"]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def operators(told: Told) -> Operators:
    return Operators(told.url, "token", pause=told.pauses.append)


def test_failures_are_narrowed_and_listed_over_all_pages(told: Told) -> None:
    told.replies = [
        (200, {}, {"failed": [{"file_id": "a"}], "next": "1-b"}),
        (200, {}, {"failed": [{"file_id": "b"}], "next": None}),
    ]
    with operators(told) as client:
        failed = client.failed_answers(code="worker_lost", user="ann", since=NOON, can_retry=True)
        assert [one["file_id"] for one in failed] == ["a", "b"]
    first, second = [path for _, path, *_ in told.asked]
    narrowed = "code=worker_lost&user=ann&since=2026-01-01T12%3A00%3A00%2B00%3A00&can_retry=true"
    assert first == f"/api/admin/failed?{narrowed}&limit=200"
    assert second == f"/api/admin/failed?{narrowed}&before=1-b&limit=200"


def test_sessions_are_found_over_all_pages(told: Told) -> None:
    told.replies = [
        (200, {}, {"sessions": [], "next": "1-b", "total": None}),
        (200, {}, {"sessions": [{"session_id": "b"}], "next": None, "total": None}),
    ]
    with operators(told) as client:
        assert [one["session_id"] for one in client.found_sessions(state="failed")] == ["b"]
    assert told.asked[0][1] == "/api/admin/sessions?state=failed&limit=200"


def test_several_are_retried_some_with_each_call_and_within_the_rate(told: Told) -> None:
    ids = [f"{number:024x}" for number in range(25)]
    told.replies = [
        (200, {}, {"answers": [{"file_id": id, "problem": None} for id in ids[:5]], "retry_after": 7}),
        (200, {}, {"answers": [{"file_id": id, "problem": None} for id in ids[5:]], "retry_after": None}),
    ]
    with operators(told) as client:
        assert [one["file_id"] for one in client.retry_failed([*ids, ids[0]])] == ids
    sent = [json.loads(body)["file_ids"] for *_, body in told.asked]
    assert sent == [ids[:20], ids[5:]]
    assert told.pauses == [7.0]


def test_who_reaches_nothing_more_stops(told: Told) -> None:
    told.replies = [(200, {}, {"answers": [], "retry_after": None})]
    with operators(told) as client:
        assert list(client.retry_failed(["a"])) == []


def test_trends_are_asked_for_by_span(told: Told) -> None:
    told.replies = [(200, {}, {"span": "day", "bin_seconds": 900, "bins": []})]
    with operators(told) as client:
        assert client.trends("day")["bins"] == []
    assert [path for _, path, *_ in told.asked] == ["/api/admin/trends?span=day"]
