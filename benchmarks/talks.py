"""What somebody says into a recorder, as a browser sends it."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.encoded import webm
from benchmarks.samples import RATE, Said, Sound, answers, recordings
from services.adapters.av_decoder.entering import enterable
from services.recordings.formats import Container

PAUSE_SECONDS = (0.4, 1.6)


@dataclass(frozen=True, slots=True)
class Talk:
    """What is said, as a browser records it: a piece for each second; the last sound is that long before the end."""

    pieces: list[bytes]
    text: str
    seconds: float
    after_sound: float

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


def spoken(minutes: float, seed: int, speech: Path | None) -> Talk:
    """The demo's answers and somebody's recorded speech in some order, with pauses, of about so many minutes."""
    said = [one for one in (*answers(), *(recordings(speech) if speech else ())) if one.text]
    order, sounds, texts, done = random.Random(seed), list[Sound](), list[str](), 0.0
    while done < 60 * minutes:
        one: Said = order.choice(said)
        pause = np.zeros(int(order.uniform(*PAUSE_SECONDS) * RATE), np.int16)
        sounds += [one.sound, pause]
        texts.append(one.text)
        done += one.seconds + len(pause) / RATE
    whole = np.concatenate(sounds)
    return Talk(_as_browsers_send(whole), " ".join(texts), len(whole) / RATE, len(sounds[-1]) / RATE)


def _as_browsers_send(sound: Sound) -> list[bytes]:
    """WebM with a cluster a second, and the bytes of each second as it comes."""
    data = webm(sound, RATE, {"live": "1", "cluster_time_limit": "1000"})
    place = enterable(Container.WEBM, data)
    assert place is not None
    starts = [entry.offset for entry in place.entries(place.first)][1:]
    return [data[start:end] for start, end in zip([0, *starts], [*starts, len(data)], strict=True)]
