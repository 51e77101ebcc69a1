"""A recording of two channels: each is listened to apart, in stretches, and nothing of one is in the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest

from services.adapters.av_decoder import AvDecoder
from services.interviews.model import Checkpoint, Status
from services.interviews.transcript import Flaw, Transcript
from services.transcription.ports import START, Place, Sound, Source, Speech
from tests import audio
from tests.in_memory import ALICE, Q1, Ears, Interior, incoming
from tests.services.adapters.stores import a_part
from tests.services.adapters.test_silero_activity import spoken
from tests.services.transcription.test_going_on import decoder, listened

__all__ = ["decoder"]

EARLY = audio.silence(1.5)


def left() -> audio.Samples:
    return np.concatenate([piece for number in (0, 1, 0) for piece in (EARLY, spoken(number))])


def right() -> audio.Samples:
    return np.resize(np.concatenate([EARLY, spoken(2)]), len(left()))


async def test_both_are_heard_apart_and_behind_each_checkpoint_the_same(decoder: AvDecoder) -> None:
    data = audio.spoken("wav", np.stack([left(), right()]), audio.RATE, "pcm_s16le")
    part = replace(a_part(), bytes=len(data), channels=2)
    whole, first = await listened(decoder, data, part)
    for channel, sound in enumerate((left(), right())):
        numbers = [n for n, heard in enumerate(whole) if heard.utterance.channel == channel]
        assert len(numbers) > 1
        given = b"".join(first.given[n][0].pcm for n in numbers)
        assert given == sound.tobytes()
    assert [heard.is_last for heard in whole] == [False] * (len(whole) - 1) + [True]
    assert [heard.utterance.number for heard in whole] == list(range(len(whole)))
    for number in range(1, len(whole)):
        rest, again = await listened(decoder, data, replace(part, checkpoint=whole[number - 1].checkpoint))
        assert rest == whole[number:]
        assert again.given == first.given[number:]


class TwoMouths(Ears):
    """Says on each channel what is said there."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[Place] = []

    @asynccontextmanager
    async def listen(self, source: Source, place: Place = START) -> AsyncIterator[Sound]:
        self.places.append(place)
        async with super().listen(source, place) as sound:
            yield sound

    async def transcribe(self, speech: Speech) -> Transcript:
        self.said = "the candidate" if self.places[-1].channel == 0 else "the interviewer"
        return await super().transcribe(speech)


async def test_the_answer_is_the_left_side_and_the_right_one_is_kept_beside_it() -> None:
    ears = TwoMouths()
    house = Interior(ears=ears)
    id = await house.session()
    part = await house.intake.receive(id, Q1, ALICE, incoming(b"x" * 32_000), channels=2)
    await house.work_off()
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (answer.status, answer.transcript) == (Status.COMPLETED, "the candidate")
    kept = await house.records.transcript(part.id)
    assert kept is not None
    assert kept.right is not None
    assert kept.right.text == "the interviewer"
    assert [place.channel for place in ears.places] == [0, 1]
    assert not house.memory.files
    assert not house.memory.utterances


async def test_an_ordinary_recording_has_one_side_and_is_asked_for_no_channel() -> None:
    ears = TwoMouths()
    house = Interior(ears=ears)
    part = await house.upload(await house.session())
    await house.work_off()
    kept = await house.records.transcript(part.id)
    assert kept is not None
    assert kept.right is None
    assert [place.channel for place in ears.places] == [None]


async def test_who_goes_on_after_the_left_side_reads_the_right_one_alone() -> None:
    ears = TwoMouths()
    house = Interior(ears=ears)
    id = await house.session()
    part = await house.intake.receive(id, Q1, ALICE, incoming(b"x" * 32_000), channels=2)
    row = house.memory.rows[part.id]
    stretches = house.worker().listen(row.part)
    first = await anext(stretches)
    await stretches.aclose()
    assert first.checkpoint == Checkpoint(stretches=1, channel=1)
    claimed = await house.claims.claim(part.id, "who dies")
    assert claimed is not None
    settled = await house.claims.settle(claimed, first.utterance, first.checkpoint)
    assert settled is not None
    await house.claims.release(part.id, settled.fence)
    ears.places.clear()
    await house.work_off()
    kept = await house.records.transcript(part.id)
    assert kept is not None
    assert (kept.text, kept.right and kept.right.text) == ("the candidate", "the interviewer")
    assert [place.channel for place in ears.places] == [1]


@pytest.mark.parametrize("speaks", [True, False])
async def test_a_warning_is_told_of_both(speaks: bool) -> None:
    house = Interior(ears=TwoMouths())
    house.ears.speaks = speaks
    house.ears.flaws = (Flaw(code="one_channel", at=0.0),)
    id = await house.session()
    await house.intake.receive(id, Q1, ALICE, incoming(b"x" * 32_000), channels=2)
    await house.work_off()
    answer = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert answer.warnings == ("one_channel",)
    assert answer.no_speech is not speaks
