"""When turns begin and how long answers are waited for, beside the times at which they were put into calls."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from app.config import Settings
from app.engines import Engines, open_engines
from benchmarks.results import Result, summary
from benchmarks.run import Run
from scripts.calls.sample import RATE, SampleCall, sample_call
from scripts.hear import NOBODYS, File
from services.calls.talk import talk
from services.calls.turns import Turn, turns
from services.interviews.transcript import Transcript
from services.recordings.ports.audio import Audio
from services.transcription.listening import Listening
from tests import audio

CALLS = 12
SHORTEST, LONGEST = -0.6, 2.5
WORST_GOAL, MEDIAN_GOAL = "<= 100", "<= 40"


def run(watch: Run) -> Iterator[Result]:
    """Calls of four turns, gone through as a worker does it, with tiny.en."""
    calls = max(2, round(CALLS * watch.options.scale))
    with watch.waiting(f"{calls} calls of two sides"):
        found = asyncio.run(_missed(calls))
    note = f"{calls} calls of four sentences, answered after {SHORTEST:g} to {LONGEST:g} s; {found.kept} turns in order"
    for name, values in (("turns, starts", found.starts), ("turns, latencies", found.latencies)):
        milliseconds = [1000 * value for value in values]
        yield summary(f"{name} at their worst", WORST_GOAL, "ms", [max(milliseconds)], note)
        yield summary(name, MEDIAN_GOAL, "ms", milliseconds, note)


@dataclass(frozen=True, slots=True)
class Missed:
    """Seconds between what is told and what is true: of each turn's start, and of each latency."""

    starts: list[float]
    latencies: list[float]
    kept: str


async def _missed(calls: int) -> Missed:
    """Of calls whose gaps differ, each with both sides in one recording."""
    engines = open_engines(Settings.told({"SPEECH_MODEL": "tiny.en"}))
    starts: list[float] = []
    latencies: list[float] = []
    kept = true = 0
    try:
        for call in _calls(calls):
            found = await _turns(engines, call)
            true += len(call.lines)
            if [turn.speaker.value for turn in found] != [line.speaker for line in call.lines]:
                continue
            kept += len(found)
            starts += [abs(turn.start - line.start) for turn, line in zip(found, call.lines, strict=True)]
            asked = zip(talk(found).responses, _latencies(call), strict=True)
            latencies += [abs(response.latency - latency) for response, latency in asked]
    finally:
        await engines.close()
    return Missed(starts, latencies, f"{kept} of {true}")


def _calls(count: int) -> Iterator[SampleCall]:
    chance = random.Random(19)
    for _ in range(count):
        gaps = [round(chance.uniform(SHORTEST, LONGEST), 3) for _ in range(3)]
        yield sample_call((gaps[0], gaps[1], gaps[2]), lead=round(chance.uniform(0.3, 2.0), 3))


def _latencies(call: SampleCall) -> list[float]:
    pairs = zip(call.lines[::2], call.lines[1::2], strict=True)
    return [answer.start - question.end for question, answer in pairs]


async def _turns(engines: Engines, call: SampleCall) -> list[Turn]:
    data = audio.spoken("ogg", np.stack([call.left, call.right]), RATE)
    heard = await _heard(engines, data)
    return turns(heard, heard.right)


async def _heard(engines: Engines, data: bytes) -> Transcript:
    held = cast(Audio, File(data))
    listening = Listening(audio=held, decoder=engines.decoder, activity=engines.activity, engine=engines.speech)
    return await listening.listen_through(replace(NOBODYS, bytes=len(data), channels=2))
