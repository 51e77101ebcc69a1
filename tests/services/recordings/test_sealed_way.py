"""The way of a recording while its keys are there, away, lost and back."""

from typing import Any

import pytest

from services.errors import KeyringUnavailable
from services.interviews.model import PartState
from services.operations.epochs import Epochs
from services.recordings.keys import KEPT_SECONDS, Keys
from tests.fakes.audio import FakeAudio
from tests.fakes.keyring import FakeEpochs, FakeKeyring
from tests.in_memory import ALICE, LARGE, Q1, SMALL, Interior, incoming
from tests.routes.api import WEBM, Api, make_session, problem, upload
from tests.services.recordings.test_receipts import claims_of

WAIT_SECONDS = 200.0


async def sealed(**changed: Any) -> tuple[Interior, Epochs]:
    house = Interior(**changed)
    keyring, journal, start = FakeKeyring(house.memory.keyring), FakeEpochs(house.memory), house.memory.clock.now
    clock = house.memory.clock
    keys = Keys(keyring=keyring, journal=journal, clock=lambda: (clock.now - start).total_seconds())
    house.audio = FakeAudio(house.memory, keys)
    epochs = Epochs(keyring=keyring, journal=journal, is_sealing=True, most_seconds=86_400, grace_seconds=3600)
    await epochs.ensure()
    return house, epochs


async def test_a_sealed_recording_is_transcribed_and_gone() -> None:
    house, _ = await sealed()
    part = await house.upload(await house.session())
    assert b"x" * 64 not in b"".join(house.memory.chunks[part.id])
    await house.work_off()
    assert house.part(part.id).state is PartState.COMPLETED
    assert house.memory.files == {}


async def test_while_the_keyring_is_away_uploads_are_refused_and_leave_nothing() -> None:
    house, _ = await sealed()
    house.memory.keyring.trouble = "It is not mounted."
    async with Api(house=house).client() as client:
        session = await make_session(client)
        answer = await upload(client, session)
        assert problem(answer) == (503, "keyring_unavailable")
        assert answer.headers["retry-after"]
        assert "mounted" not in answer.text, "where keys are is no client's business"
        assert (house.memory.files, house.memory.chunks) == ({}, {})
        house.memory.keyring.trouble = None
        assert (await upload(client, session, WEBM)).status_code == 202


async def test_what_was_accepted_waits_for_its_keyring_and_loses_no_delivery() -> None:
    house, _ = await sealed()
    part = await house.upload(await house.session())
    house.memory.keyring.trouble = "It is not mounted."
    for _ in range(4):
        house.memory.clock.advance(KEPT_SECONDS + WAIT_SECONDS)
        await house.worker().run(part.id)
        now = house.part(part.id)
        assert (now.state, now.deliveries) == (PartState.QUEUED, 0)
        assert now.failure is not None and now.failure.code == KeyringUnavailable.code
    house.memory.keyring.trouble = None
    house.memory.clock.advance(WAIT_SECONDS)
    await house.worker().run(part.id)
    assert house.part(part.id).state is PartState.COMPLETED


async def test_a_recording_whose_key_is_lost_is_told_kept_and_can_be_retried_once_the_key_is_back() -> None:
    house, epochs = await sealed()
    session = await house.session()
    part = await house.upload(session)
    lost = dict(house.memory.keyring.keys)
    house.memory.keyring.keys.clear()
    await epochs.tend()
    house.memory.clock.advance(KEPT_SECONDS)
    await house.worker().run(part.id)
    ended = house.part(part.id)
    assert (ended.state, ended.failure and ended.failure.code) == (PartState.FAILED, "audio_key_gone")
    assert ended.keep_audio
    house.memory.keyring.keys |= lost
    await epochs.tend()
    await house.interventions.retry(part.id)
    await house.worker().run(part.id)
    assert house.part(part.id).state is PartState.COMPLETED


@pytest.mark.parametrize("hours", [0.0, 5.0])
async def test_a_failed_answers_recording_keeps_its_epoch_until_it_expires(hours: float) -> None:
    house, epochs = await sealed()
    part = await house.upload(await house.session())
    house.ears.trouble = [RuntimeError()] * 9
    for _ in range(house.memory.terms.max_deliveries):
        house.memory.clock.advance(WAIT_SECONDS)
        await house.worker().run(part.id)
    assert house.part(part.id).keep_audio
    (first,) = house.memory.keyring.keys
    for _ in range(30):
        house.memory.clock.advance(3600)
        await epochs.tend()
    assert first in house.memory.keyring.keys
    house.memory.clock.advance(hours * 3600)
    await house.sweep.run(1.0)
    for _ in range(4):
        house.memory.clock.advance(1800)
        await epochs.tend()
    assert house.memory.files == {}
    assert first not in house.memory.keyring.keys


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_receipt_names_the_epoch_also_where_the_file_went_before_somebody_died(size: int) -> None:
    house, _ = await sealed()
    id = await house.session()
    first = await house.intake.receive(id, Q1, ALICE, incoming(b"one", announced=size))
    await house.audio.delete(first.id)
    await house.intake.receive(id, Q1, ALICE, incoming(b"two", announced=size))
    (receipt,) = await house.receipts.of_user(ALICE.user_id, 0, 10)
    assert (receipt.id, receipt.epoch) == (first.id, next(iter(house.memory.epochs)))
    assert claims_of(receipt.token)["epoch"] == receipt.epoch
