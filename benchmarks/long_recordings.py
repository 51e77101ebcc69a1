"""`python -m benchmarks.long_recordings memory|words`: what stretches cost and save, on recordings that are long.

`memory` listens to hours of Opus as a worker does, with the product's decoder and voice activity; in the place of the
engine stands one that says a few words for each span at once, so that its own memory is in no figure. `words` has
tiny.en read twenty minutes in one go and in stretches, and counts what is wrong with both.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, cast

import numpy as np
import psutil
import typer

from app.worker import share_heaps
from benchmarks import hearing
from benchmarks.accuracy import word_errors
from benchmarks.hours import a_minute, hours_of_opus
from benchmarks.samples import Said, Sound, answers, halves, recordings, write
from services.adapters.av_decoder import AvDecoder
from services.adapters.silero_activity import SileroActivity
from services.interviews.model import Part, PartId
from services.interviews.transcript import Segment, Transcript
from services.recordings.ports.audio import Audio
from services.transcription.listening import Heard, Listening
from services.transcription.ports import RATE, Speech
from services.transcription.stretches import LONG, Length

ONE_GO = Length(1e6, 1e6)
MEGABYTE = 1024 * 1024
PAUSE_SECONDS = (0.4, 1.6)
LONGEST_SECONDS = 5 * 3600.0
WORDS_MINUTES = 20.0

program = typer.Typer(add_completion=False)


@dataclass
class Stored:
    """The port Audio, as far as listening reads it."""

    data: bytes

    async def mark(self, id: PartId, status: str) -> None:
        pass

    async def read(self, id: PartId, start: int = 0) -> AsyncIterator[bytes]:
        for at in range(start, len(self.data), 255 * 1024):
            yield self.data[at : at + 255 * 1024]


class Quick:
    """The port SpeechEngine: a few words for each span, and no model."""

    async def transcribe(self, speech: Speech) -> Transcript:
        segments = tuple(Segment(text="a few words", start=span.start, end=span.end) for span in speech.spans)
        text = " ".join(segment.text for segment in segments)
        return Transcript(text=text, language=None, duration=speech.recording.duration, segments=segments)


@program.command()
def memory(
    hours: Annotated[float, typer.Option(min=0.1, max=5.0)] = 4.0,
    kill_at: Annotated[float, typer.Option(min=0.0, max=0.99, help="Go on once more from this share of it.")] = 0.9,
) -> None:
    """What a worker holds while it listens for hours, and what it costs to go on after a kill."""
    with TemporaryDirectory() as folder:
        asyncio.run(_memory(hours_of_opus(hours, Path(folder)), kill_at))


async def _memory(data: bytes, kill_at: float) -> None:
    decoder = AvDecoder(LONGEST_SECONDS, 1024 * MEGABYTE)
    typer.echo(f"{len(data) / MEGABYTE:.1f} MB of Opus")
    hearing.hush()
    share_heaps()
    try:
        await _listened(decoder, a_minute(), None)
        idle = _held()
        heard, seconds, held = await _listened(decoder, data, None)
        half = len(held) // 2
        typer.echo(f"{heard[-1].checkpoint.seconds / 3600:.2f} h in {len(heard)} stretches, {seconds:.0f} s")
        typer.echo(f"held when idle {idle:.0f} MB, at most {max(held):.0f} MB: {max(held) - idle:.0f} MB more")
        typer.echo(f"mean of the first half {np.mean(held[:half]):.1f} MB, of the second {np.mean(held[half:]):.1f} MB")
        place = heard[int(kill_at * len(heard))]
        rest, again, _ = await _listened(decoder, data, place)
        share = 1 - place.checkpoint.seconds / heard[-1].checkpoint.seconds
        typer.echo(f"gone on at {1 - share:.0%}: {len(rest)} stretches, {again:.1f} s, of which for what was settled "
                   f"{again - share * seconds:.1f} s")  # fmt: skip
    finally:
        await decoder.close()


async def _listened(decoder: AvDecoder, data: bytes, after: Heard | None) -> tuple[list[Heard], float, list[float]]:
    """What was heard, without its words; how long that took, and what was held after each stretch."""
    audio = cast(Audio, Stored(data))
    listening = Listening(audio=audio, decoder=decoder, activity=SileroActivity(), engine=Quick())
    part = replace(hearing.part("recording"), bytes=len(data), checkpoint=after.checkpoint if after else None)
    begun, heard, held = time.perf_counter(), list[Heard](), list[float]()
    async for one in listening.listen(part):
        heard.append(_without_words(one))
        held.append(_held() - len(data) / MEGABYTE)
    return heard, time.perf_counter() - begun, held


def _without_words(heard: Heard) -> Heard:
    said = replace(heard.utterance, transcript=replace(heard.utterance.transcript, text="", segments=()), heard=())
    return replace(heard, utterance=said)


def _held() -> float:
    """Of this process and those that decode; what they share is counted once."""
    me = psutil.Process()
    found = 0.0
    for process in (me, *me.children(recursive=True)):
        try:
            found += process.memory_full_info().pss / MEGABYTE
        except psutil.NoSuchProcess:
            continue
    return found


@program.command()
def words(
    speech: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
    model: str = "tiny.en",
    minutes: float = WORDS_MINUTES,
    least: Annotated[float, typer.Option(help="Seconds of the shortest stretch.")] = LONG.least,
    most: Annotated[float, typer.Option(help="Seconds of the longest stretch.")] = LONG.most,
) -> None:
    """Word errors of the same recording in one go and in stretches; of recorded speech for two halves of speakers."""
    with TemporaryDirectory() as folder:
        asyncio.run(_words(speech, model, minutes, Length(least, most), Path(folder)))


async def _words(speech: Path | None, model: str, minutes: float, length: Length, folder: Path) -> None:
    hearing.hush()
    listening = await hearing.opened(model)
    several = halves([one for one in recordings(speech) if one.text]) if speech else (answers(),)
    for half, said in zip("AB", several, strict=False):
        (here := folder / half).mkdir()
        clip = write(*_talk(said, 60 * minutes), here)
        part: Part = hearing.part(str(clip.file))
        for name, cut in (("one go", ONE_GO), (f"stretches of {length.least:g} to {length.most:g} s", length)):
            begun = time.process_time()
            transcript = await replace(listening, length=cut).listen_through(part)
            took = time.process_time() - begun
            errors = f"{word_errors([clip], [transcript.text]):.2f} % of {len(clip.text.split())} words"
            typer.echo(f"{half}, {name}: {errors}, {took:.0f} s of processor time, {transcript.verdict}")


def _talk(said: list[Said], seconds: float) -> tuple[Sound, str]:
    """All that is said, in another order each time, with pauses between."""
    order, sounds, texts, done = random.Random(7), list[Sound](), list[str](), 0.0
    while done < seconds:
        for one in order.sample(said, len(said)):
            pause = np.zeros(int(order.uniform(*PAUSE_SECONDS) * RATE), np.int16)
            sounds += [one.sound, pause]
            texts.append(one.text)
            done += one.seconds + len(pause) / RATE
    return np.concatenate(sounds), " ".join(texts)


if __name__ == "__main__":
    program()
