"""The language of a question: written in any way, kept in one, and refused where it is none."""

import httpx2
import pytest

from tests.routes.api import Api, problem


async def created(question: dict[str, object], **session: object) -> httpx2.Response:
    async with Api().client() as client:
        return await client.post(
            "/api/sessions", json={"questions": [{"id": "q1", "text": "?", **question}], **session}
        )


@pytest.mark.parametrize(
    ("written", "kept"), [("eng", "en"), ("DE-at", "de"), ("iw", "he"), ("fil", "tl"), (None, None)]
)
async def test_a_language_is_kept_as_its_one_code(written: str | None, kept: str | None) -> None:
    made = await created({"language": written})
    assert (made.status_code, made.json()["questions"][0]["language"]) == (201, kept)


@pytest.mark.parametrize(
    ("written", "hint"), [("jp", "'ja' (Japanese)"), ("zzz", "ISO 639"), ("german", "'de' (German)"), ("", "detected")]
)
async def test_what_is_no_language_is_refused_when_the_session_is_made(written: str, hint: str) -> None:
    refused = await created({"language": written})
    assert problem(refused) == (422, "invalid_request")
    (error,) = refused.json()["errors"]
    assert error["where"] == ["body", "questions", 0, "language"]
    assert hint in error["what"]
