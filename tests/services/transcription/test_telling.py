"""What was said is told while the rest is still listened to: each stretch once, whoever settles it."""

from dataclasses import replace

import pytest

from services.errors import AudioUnreadable, EngineBusy, StoreUnavailable
from services.events.model import Event, EventType
from services.interviews.model import Answer, Part, PartState, Stage
from services.interviews.spoken import MOST_SPOKEN_BYTES, Spoken, spoken_of
from services.interviews.transcript import Span, Transcript, Utterance
from services.transcription.ports import Speech
from services.webhooks.ports import Webhook, WebhookId
from tests.in_memory import ALICE, Q1, Interior
from tests.services.transcription.test_stretches import Killed, Talk, begun, talk, words


def events(house: Interior, part: Part) -> list[Event]:
    return house.memory.events[part.session_id]


def spoken(house: Interior, part: Part) -> list[Spoken]:
    return [event.spoken for event in events(house, part) if event.spoken]


def texts(house: Interior, part: Part) -> list[tuple[int, str]]:
    return [(one.index, one.text) for one in spoken(house, part)]


async def answer(house: Interior, part: Part) -> Answer:
    return (await house.sessions.get(part.session_id, ALICE)).answers[Q1]


def stops_at(ears: Talk, stretch: int, trouble: BaseException) -> None:
    """The first time that the engine is given this stretch it says so."""
    transcribe, given = ears.transcribe, []

    async def may_fail(speech: Speech) -> Transcript:
        given.append(speech)
        if len(given) == stretch + 1:
            raise trouble
        return await transcribe(speech)

    ears.transcribe = may_fail  # type: ignore[method-assign]


ALL = [(0, words(0, 10)), (1, words(10, 20)), (2, words(20, 30)), (3, words(30, 40))]


async def test_each_stretch_is_told_but_the_last_which_comes_with_the_transcript() -> None:
    house, _, part = await begun()
    await house.work_off()
    assert texts(house, part) == ALL
    types = [event.type for event in events(house, part)]
    assert types == [
        EventType.QUEUED, EventType.PROCESSING, *[EventType.UTTERANCE] * 4, EventType.COMPLETED, EventType.SCORED,
    ]  # fmt: skip
    assert [(one.start, one.end, one.speech_ratio) for one in spoken(house, part)][:2] == [
        (0.0, 10.0, 1.0), (10.0, 20.0, 1.0),
    ]  # fmt: skip
    done = await answer(house, part)
    assert (done.stage, done.received_seconds, done.transcribed_seconds) == (None, None, None)


async def test_what_is_short_tells_nothing_before_its_end() -> None:
    house = Interior()
    part = await house.upload(await house.session())
    await house.work_off()
    assert spoken(house, part) == []


async def test_while_it_waits_again_it_shows_how_far_it_is() -> None:
    house, ears, part = await begun()
    stops_at(ears, 2, EngineBusy(retry_after=5.0))
    await house.work_off()
    waiting = await answer(house, part)
    assert (waiting.stage, waiting.transcribed_seconds) == (Stage.WAITING, 20.0)
    house.memory.clock.advance(600)
    await house.worker().run(part.id)
    assert texts(house, part) == ALL


@pytest.mark.parametrize("lost", [0, 2])
async def test_what_a_worker_did_not_tell_the_next_one_does(lost: int) -> None:
    """Between checkpoint and telling."""
    house, _, part = await begun()
    told = house.telling.tell

    async def dies(part: Part, utterance: Utterance) -> None:
        if utterance.number == lost:
            raise Killed
        await told(part, utterance)

    with pytest.raises(Killed):
        await replace(house.worker(), tell=dies).run(part.id)
    assert texts(house, part) == ALL[:lost]
    house.memory.clock.advance(61)
    await house.worker("another").run(part.id)
    assert texts(house, part) == ALL


async def test_who_lost_the_claim_tells_nothing() -> None:
    house, _, part = await begun()
    settle = house.claims.settle

    async def too_late(part: Part, utterance: Utterance, checkpoint: object) -> Part | None:
        if utterance.number == 1 and house.part(part.id).fence == 1:
            house.memory.clock.advance(61)
            await house.worker("another").run(part.id)
        return await settle(part, utterance, checkpoint)  # type: ignore[arg-type]

    house.claims.settle = too_late  # type: ignore[method-assign]
    await house.worker().run(part.id)
    assert texts(house, part) == ALL
    assert events(house, part)[-1].type is EventType.SCORED


async def test_a_store_that_is_away_for_a_moment_costs_nothing() -> None:
    house, _, part = await begun()
    tell, away = house.sessions.tell, [True]

    async def fails_once(part: Part, spoken: object) -> int | None:
        if away:
            away.pop()
            raise StoreUnavailable
        return await tell(part, spoken)  # type: ignore[arg-type]

    house.sessions.tell = fails_once  # type: ignore[method-assign]
    await house.work_off()
    assert texts(house, part) == ALL


async def test_of_what_fails_in_its_middle_no_words_stay() -> None:
    house, ears, part = await begun()
    stops_at(ears, 2, AudioUnreadable())
    await house.work_off()
    assert texts(house, part) == [(0, ""), (1, "")]
    assert [event.type for event in events(house, part)][-1] is EventType.FAILED


async def test_of_what_a_newer_take_replaced_no_words_stay() -> None:
    house, ears, part = await begun()
    stops_at(ears, 2, EngineBusy(retry_after=5.0))
    await house.work_off()
    newer = await house.upload(part.session_id, data=talk(5))
    assert house.part(part.id).state is PartState.SUPERSEDED
    assert texts(house, part) == [(0, ""), (1, "")]
    assert [(event.type, event.take) for event in events(house, part)][-2:] == [
        (EventType.QUEUED, newer.take), (EventType.DROPPED, part.take),
    ]  # fmt: skip


async def test_webhooks_that_ask_for_it_are_told_once_and_no_words() -> None:
    house, ears, part = await begun()
    for id, wanted in (("a", EventType.UTTERANCE), ("b", EventType.COMPLETED)):
        webhook = Webhook(
            id=WebhookId(id), user_id=ALICE.user_id, url="https://h.example/", events=(wanted,), secrets=()
        )
        await house.endpoints.create(webhook)
    tell = house.sessions.tell
    house.sessions.tell = lambda part, spoken: tell(part, [*spoken, *spoken][: len(spoken)])  # type: ignore[method-assign]
    stops_at(ears, 3, EngineBusy(retry_after=5.0))
    await house.work_off()
    house.memory.clock.advance(600)
    await house.worker().run(part.id)
    rows = list(house.ledger.rows.values())
    mine = [row for row in rows if row.webhook_id == "a"]
    assert [row.event_id for row in mine] == [f"utterance_{part.id}_{number}" for number in range(4)]
    assert mine[1].data == {
        "session_id": part.session_id, "question_id": Q1, "take": 1, "status": "processing",
        "index": 1, "start": 10.0, "end": 20.0,
    }  # fmt: skip
    assert [row.type for row in rows if row.webhook_id == "b"] == ["answer.completed"]


def test_of_a_long_text_the_beginning_is_told() -> None:
    said = Transcript(text="é" * 5_000, language=None, duration=300.0)
    told = spoken_of(Utterance(number=1, start=300.0, transcript=said, heard=(Span(310.0, 340.0),)))
    assert (len(told.text.encode()), told.is_cut, told.speech_ratio) == (MOST_SPOKEN_BYTES, True, 0.1)
    assert (told.start, told.end) == (300.0, 600.0)


def test_of_nothing_no_share_is_speech() -> None:
    said = Transcript(text="", language=None, duration=0.0)
    assert spoken_of(Utterance(number=0, start=0.0, transcript=said)).speech_ratio == 0.0
