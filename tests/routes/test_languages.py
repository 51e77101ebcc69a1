"""The language of a question: written in any way, kept in one, and refused where it is none."""

from dataclasses import replace

import httpx2
import pytest

from services.interviews.language import Language
from services.interviews.transcript import Transcript
from services.transcription.ports import Speech
from tests.in_memory import Ears, Interior
from tests.routes.api import Api, problem, upload


class Unsure(Ears):
    """Finds out that German is spoken, and is not sure of it."""

    def __init__(self) -> None:
        super().__init__()
        self.said = "Ein Index beschleunigt die Suche nicht."
        self.given: list[Speech] = []

    async def transcribe(self, speech: Speech) -> Transcript:
        self.given.append(speech)
        heard = await super().transcribe(speech)
        return replace(heard, language=Language("de"), language_probability=0.61)


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


@pytest.mark.parametrize(
    ("session", "question", "language", "languages"),
    [
        (["eng", "de-AT"], {}, None, ["en", "de"]),
        (["en", "de"], {"language": "deu"}, "de", ["en", "de"]),
        (["en", "de"], {"languages": ["fra"]}, "fr", []),
        (["en", "de"], {"languages": ["fr", "it"], "language": "it"}, "it", ["fr", "it"]),
        (["en", "eng"], {}, "en", []),
        ([], {"languages": ["en", "de", "EN"]}, None, ["en", "de"]),
        ([], {"language": "de"}, "de", []),
    ],
)
async def test_what_may_be_spoken_is_said_for_a_question_or_for_all(
    session: list[str], question: dict[str, object], language: str | None, languages: list[str]
) -> None:
    made = await created(question, languages=session)
    assert made.status_code == 201, made.text
    (shown,) = made.json()["questions"]
    assert (shown["language"], shown["languages"]) == (language, languages)


async def test_a_language_that_cannot_be_chosen_is_refused() -> None:
    refused = await created({"language": "fr"}, languages=["en", "de"])
    assert problem(refused) == (422, "invalid_request")
    assert "'q1' has the language 'fr'" in refused.json()["errors"][0]["what"]


async def test_a_list_with_what_is_no_language_is_refused() -> None:
    refused = await created({"languages": ["en", "jp"]})
    assert refused.json()["errors"][0]["where"] == ["body", "questions", 0, "languages", 1]


async def test_what_may_be_spoken_reaches_the_engine_and_what_is_spoken_the_scorer() -> None:
    ears = Unsure()
    api = Api(house=Interior(ears=ears))
    question = {"id": "q1", "text": "?", "key_points": ["Ein Index beschleunigt die Suche"]}
    async with api.client() as client:
        made = await client.post("/api/sessions", json={"questions": [question], "languages": ["eng", "deu"]})
        session = made.json()["session_id"]
        await upload(client, session)
        await api.house.work_off()
        answer = (await client.get(f"/api/transcription-status/{session}/q1")).json()
        await api.house.work_off()
        scored = (await client.post(f"/api/analyze/{session}")).json()["answers"][0]
    assert [(speech.language, speech.languages) for speech in ears.given] == [(None, ("en", "de"))]
    assert (answer["language"], answer["language_probability"]) == ("de", 0.61)
    assert "negated" in scored["feedback"][0]["comment"]
