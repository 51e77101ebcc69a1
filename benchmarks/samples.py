"""Spoken answers of known text, short and long ones, and sounds in which nobody speaks."""

import json
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.stack.layout import ROOT
from services.adapters.av_decoder.decode import decode
from services.adapters.silero_activity import SileroActivity
from services.transcription.ports import Recording

RATE = 16_000
MOST_FILE_SECONDS = 3600.0
SHORT_SECONDS = (2.0, 15.0)
LONG_SECONDS = (30.0, 120.0)
PIECE_SECONDS = 11.0
BETWEEN_SECONDS = 0.4
INTERVIEW = ROOT / "scripts" / "demo" / "interview.json"
DEMO = "demo"
MANIFEST = "manifest.jsonl"

Sound = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording; those of one `text` follow each other and say it together."""

    file: Path
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class Samples:
    short: list[Clip]
    long: list[Clip]
    without_speech: list[Clip]


@dataclass(frozen=True, slots=True)
class Said:
    """What one speaker says; nobody is known where the speaker is empty."""

    sound: Sound
    text: str
    speaker: str = ""
    language: str = "en"

    @property
    def seconds(self) -> float:
        return len(self.sound) / RATE


async def made(folder: Path, speech: Path | None) -> Samples:
    """WAV files of the demo's answers and of somebody's recorded speech, if there is a folder of it."""
    demo = [replace(one, speaker=DEMO) for one in answers()]
    recorded = list(recordings(speech)) if speech else []
    return Samples(
        short=[
            *[clip for one in demo for clip in await _cut(one, folder)],
            *_written((one for one in recorded if one.text and _is(SHORT_SECONDS, one)), folder),
        ],
        long=_written(
            (one for one in [*_joined(demo), *recorded, *_joined(recorded)] if _is(LONG_SECONDS, one)), folder
        ),
        without_speech=_written([*noises(), *(one for one in recorded if not one.text)], folder),
    )


def answers() -> list[Said]:
    """The demo's, by two voices."""
    return [Said(_sound(INTERVIEW.parent / one["audio"]), one["said"], one["voice"]) for one in _questions()]


def noises() -> list[Said]:
    """Silence, noise, hum, a tone and clicks."""
    at = np.arange(10 * RATE) / RATE
    noise = np.random.default_rng(7).normal(0, 1, len(at))
    clicks = np.where(np.arange(len(at)) % (RATE // 2) < 40, noise, 0)
    sounds = (0 * at, 0.02 * noise, 0.2 * noise, 0.3 * np.sin(100 * np.pi * at), np.sin(880 * np.pi * at), clicks)
    return [Said((np.clip(sound, -1, 1) * 32_000).astype(np.int16), "") for sound in sounds]


def _questions() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(INTERVIEW.read_text("utf-8"))["questions"]
    return found


def _is(bounds: tuple[float, float], said: Said) -> bool:
    return bool(said.text) and bounds[0] <= said.seconds <= bounds[1]


def recordings(folder: Path) -> Iterator[Said]:
    """English clips of one speaker each, and what holds no speech, as the folder's manifest says."""
    for line in (folder / MANIFEST).read_text("utf-8").splitlines():
        entry: dict[str, Any] = json.loads(line)
        if entry["kind"] in ("clip", "nonspeech"):
            yield Said(_sound(folder / entry["file"]), entry["text"], entry.get("speaker_id") or "")


def in_languages(folder: Path) -> Iterator[Said]:
    """Clips in any language of one speaker each, as the folder's manifest says."""
    for line in (folder / MANIFEST).read_text("utf-8").splitlines():
        entry: dict[str, Any] = json.loads(line)
        if entry["kind"] in ("clip", "nonenglish"):
            said = entry["text"], entry.get("speaker_id") or "", entry["language"]
            yield Said(_sound(folder / entry["file"]), *said)


def halves(several: list[Said]) -> tuple[list[Said], list[Said]]:
    """Two halves with about as many words, and no speaker in both; who is not known is a speaker for each clip."""
    speakers: dict[str, list[Said]] = {}
    for number, one in enumerate(several):
        speakers.setdefault(one.speaker or f"unknown {number}", []).append(one)
    made: tuple[list[Said], list[Said]] = ([], [])
    for own in sorted(speakers.values(), key=_words, reverse=True):
        min(made, key=_words).extend(own)
    return made


def _words(several: list[Said]) -> int:
    return sum(len(one.text.split()) for one in several)


async def _cut(said: Said, folder: Path) -> list[Clip]:
    """The pieces of an answer between its pauses; together they say its text."""
    found = await SileroActivity(most_seconds=PIECE_SECONDS, least_silence_seconds=100.0).find(_recording(said.sound))
    pieces = [said.sound[int(span.start * RATE) : int(span.end * RATE)] for span in found.spans]
    while len(pieces) > 1 and len(pieces[-1]) < SHORT_SECONDS[0] * RATE:
        pieces[-2:] = [np.concatenate(pieces[-2:])]
    return [write(piece, said.text, folder) for piece in pieces]


def _joined(several: list[Said]) -> Iterator[Said]:
    """What one speaker says, one after the other: as a whole, or in halves where that is too long."""
    for speaker, some in groupby(several, key=lambda one: one.speaker):
        own = list(some)
        half = (len(own) + 1) // 2
        is_long = sum(one.seconds for one in own) > LONG_SECONDS[1] - 2 * len(own) * BETWEEN_SECONDS
        parts = [own[:half], own[half:]] if is_long else [own]
        yield from (Said(_with_pauses(part), " ".join(one.text for one in part), speaker) for part in parts if speaker)


def _with_pauses(part: list[Said]) -> Sound:
    pause = np.zeros(int(BETWEEN_SECONDS * RATE), np.int16)
    return np.concatenate([piece for one in part for piece in (one.sound, pause)])


def _sound(file: Path) -> Sound:
    blocks: list[bytes] = []
    decode(file.read_bytes(), MOST_FILE_SECONDS, blocks.append, blocks.clear)
    return np.frombuffer(b"".join(blocks), np.int16)


def _recording(sound: Sound) -> Recording:
    return Recording(sound.tobytes(), len(sound) / RATE)


def _written(several: Iterable[Said], folder: Path) -> list[Clip]:
    return [write(one.sound, one.text, folder) for one in several]


def write(sound: Sound, text: str, folder: Path) -> Clip:
    file = folder / f"{sum(1 for _ in folder.iterdir()):03}.wav"
    with wave.open(str(file), "wb") as output:
        output.setparams((1, 2, RATE, 0, "NONE", ""))
        output.writeframes(sound.tobytes())
    return Clip(file, len(sound) / RATE, text)
