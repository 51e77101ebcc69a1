"""Whisper without the thirty-second tax.

Whisper pads every window to 30 s, so that a short answer costs as much as a
long one. Here a window is encoded with three seconds of padding, and windows
of about the same length are decoded together, for then the decoder's weights
are fetched once for all of them. Where the text then repeats itself, does not
end or is improbable, the window is read again in full.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from numpy.typing import NDArray

from services.adapters.local_speech.device import Device
from services.adapters.local_speech.drafts import Draft
from services.adapters.local_speech.stamps import sentences, unread
from services.adapters.local_speech.tasks import WHOLE_FRAMES, Reading, Task
from services.adapters.local_speech.windows import Window
from services.transcript import Segment, Word

MOST_TOKENS = 224
LEAST_TOKENS = 16
TOKENS_PER_SECOND = 10
TOKENS_PER_SECOND_OF_OTHERS = 30
HOTTER = (0.2, 0.4, 0.6, 0.8, 1.0)
FIRST_STAMP_AT_MOST = 50
BEFORE_WORDS = "\"'“¿([{-"
AFTER_WORDS = "\"'.。,，!！?？:：”)]}、"

CPU = Device()

Mel = NDArray[np.float32]


class Whisper:
    """A speech model that as many threads may use at once as it has slots."""

    def __init__(self, folder: Path, slots: int, device: Device = CPU) -> None:
        self._whisper = WhisperModel(
            str(folder), device.name, compute_type=device.compute_type, cpu_threads=1, num_workers=slots
        )
        self._model = self._whisper.model
        self._tokenizer = lru_cache(self._make_tokenizer)

    @property
    def languages(self) -> list[str]:
        """The codes of the languages that it knows."""
        return list(self._whisper.supported_languages)

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        """What the windows say, decoded together; tasks that go with each other waste least."""
        frames = max(task.frames for task in tasks)
        mels = [self._mel(task) for task in tasks]
        encoded = [self.encode(mel, frames) for mel in mels]
        tasks = [self._with_language(task, one) for task, one in zip(tasks, encoded, strict=True)]
        drafts = self._decode(tasks, _together(encoded))
        return [
            self._reading(task, mel, *self._sure(task, mel, one, draft))
            for task, mel, one, draft in zip(tasks, mels, encoded, drafts, strict=True)
        ]

    def encode(self, mel: Mel, frames: int) -> StorageView:
        """The encoder's view of a window that is cut or padded to so many frames."""
        mel = mel[:, :frames]
        padded = np.pad(mel, ((0, 0), (0, frames - mel.shape[1])))
        return self._model.encode(StorageView.from_array(padded[None]), to_cpu=True)

    def _mel(self, task: Task) -> Mel:
        return np.asarray(self._whisper.feature_extractor(task.sound())[:, :-1], np.float32)

    def _with_language(self, task: Task, encoded: StorageView) -> Task:
        if task.language is not None:
            return task
        if not self._model.is_multilingual:
            return replace(task, language="en")
        (token, _), *_ = self._model.detect_language(encoded)[0]
        return replace(task, language=token[2:-2])

    def _sure(self, task: Task, mel: Mel, encoded: StorageView, draft: Draft) -> tuple[StorageView, Draft]:
        """The draft, or what the window in full says where the draft does not read well."""
        if draft.is_good:
            return encoded, draft
        whole = self.encode(mel, WHOLE_FRAMES)
        (again,) = self._decode([task], whole)
        for temperature in HOTTER:
            if not again.repeats:
                break
            (again,) = self._decode([task], whole, temperature)
        return (whole, again) if again.is_better(draft) else (encoded, draft)

    def _decode(self, tasks: Sequence[Task], encoded: StorageView, temperature: float = 0.0) -> list[Draft]:
        most_tokens = 1 + max(map(_most_tokens, tasks))
        prompts = [self._prompt(task) for task in tasks]
        tokenizer = self._tokenizer(tasks[0].language)
        results = self._model.generate(
            encoded,
            prompts,
            beam_size=1,
            # The engine gives half of this to the text, and never more than the prompt leaves.
            max_length=min(max(2 * most_tokens, len(prompts[0]) + most_tokens), self._whisper.max_length),
            sampling_topk=0 if temperature else 1,
            sampling_temperature=temperature or 1.0,
            suppress_tokens=list(get_suppressed_tokens(tokenizer, [-1])),
            max_initial_timestamp_index=FIRST_STAMP_AT_MOST,
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [Draft.of(one, tokenizer, _most_tokens(task)) for task, one in zip(tasks, results, strict=True)]

    def _prompt(self, task: Task) -> list[int]:
        tokenizer = self._tokenizer(task.language)
        before = tokenizer.encode(" " + task.prompt.strip()) if task.prompt else []
        return list(self._whisper.get_prompt(tokenizer, before))

    def _reading(self, task: Task, mel: Mel, encoded: StorageView, draft: Draft) -> Reading:
        assert task.language  # noqa: S101  found by now
        if draft.is_silence:
            return Reading(task.language)
        tokenizer, seconds = self._tokenizer(task.language), task.window.seconds
        zero = tokenizer.timestamp_begin
        heard = [_heard(tokenizer, *sentence) for sentence in sentences(draft.tokens, zero, seconds)]
        heard = [sentence for sentence in heard if sentence["text"]]
        if task.words and heard:
            self._whisper.add_word_timestamps([heard], tokenizer, encoded, mel.shape[1], BEFORE_WORDS, AFTER_WORDS, 0.0)
        segments = tuple(_segment(sentence, task.window) for sentence in heard)
        return Reading(task.language, segments, unread(draft.tokens, zero, seconds))

    def _make_tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(self._whisper.hf_tokenizer, self._model.is_multilingual, task="transcribe", language=language)


def _together(encoded: Sequence[StorageView]) -> StorageView:
    return encoded[0] if len(encoded) == 1 else StorageView.from_array(np.concatenate(encoded))


def _most_tokens(task: Task) -> int:
    """More than anybody says in this time."""
    pace = TOKENS_PER_SECOND if task.language == "en" else TOKENS_PER_SECOND_OF_OTHERS
    return min(LEAST_TOKENS + int(pace * task.window.seconds), MOST_TOKENS - 1)


def _heard(tokenizer: Tokenizer, tokens: list[int], start: float, end: float) -> dict[str, Any]:
    said = [token for token in tokens if token < tokenizer.eot]
    return {"tokens": said, "text": tokenizer.decode(said).strip(), "start": start, "end": end, "seek": 0}


def _segment(sentence: dict[str, Any], window: Window) -> Segment:
    """A sentence with its times in the recording; those of its words are better, where they are known."""
    words = tuple(_word(word, window) for word in sentence.get("words", ()))
    place = window.place(sentence["start"], sentence["end"])
    start, end = (words[0].start, words[-1].end) if words else (place.start, place.end)
    return Segment(text=sentence["text"], start=start, end=end, words=words)


def _word(word: dict[str, Any], window: Window) -> Word:
    place = window.place(word["start"], word["end"])
    return Word(text=word["word"].strip(), start=place.start, end=place.end, probability=word["probability"])
