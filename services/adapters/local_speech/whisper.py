"""Whisper without the thirty-second tax.

Whisper pads every window to 30 s, so that a short answer costs as much as a
long one. Here a window is encoded with six seconds of padding, as quiet as
its own quietest moment, and the windows of a task are decoded together, for
then the decoder's weights are fetched once for all of them. Where the text
then goes round in circles or is improbable, the window is read again in full.
Nothing is sampled, so that the same sound gives the same text.
"""

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from numpy.typing import NDArray

from services.adapters.local_speech.detection import Hearing
from services.adapters.local_speech.device import Device
from services.adapters.local_speech.hypotheses import Hypothesis
from services.adapters.local_speech.matrix_products import by_who_asks
from services.adapters.local_speech.tasks import WHOLE_FRAMES, Reading, Task, padded
from services.adapters.local_speech.timestamps import Sentence
from services.adapters.local_speech.windows import Window
from services.interviews.language import Language, find, parse
from services.interviews.transcript import Segment, Span, Word
from services.transcription.ports import Recording

BEAM = 5
MOST_TOKENS = 224
LEAST_TOKENS = 16
TOKENS_PER_SECOND = 10
TOKENS_PER_SECOND_OF_OTHERS = 30
LONGEST_ROUND = 5
FIRST_STAMP_AT_MOST = 50
FRAMES_OF_VIEW = 2
LEAST_GUESSES = 2
BEFORE_WORDS = "\"'“¿([{-"
AFTER_WORDS = "\"'.。,，!！?？:：”)]}、"

CPU = Device()
WHOLE_SECONDS = 30.0
TIMED_TOKENS = 100

Mel = NDArray[np.float32]


class Whisper:
    """A speech model that as many threads may use at once as it has slots."""

    def __init__(self, folder: Path, slots: int, device: Device = CPU) -> None:
        by_who_asks()
        self._whisper = WhisperModel(
            str(folder), device.name, compute_type=device.compute_type, cpu_threads=1, num_workers=slots
        )
        self._model = self._whisper.model
        self._codes = {parse(code): code for code in self._whisper.supported_languages if self._has(code)}
        self._tokenizer = lru_cache(self._make_tokenizer)

    @property
    def languages(self) -> list[Language]:
        """What it knows; English alone, where it knows no other."""
        return list(self._codes)

    def hear(self, recording: Recording, window: Window) -> tuple[Hearing, StorageView]:
        """How probable it finds each language in a window, and the encoder's view of that."""
        view = self.encode(self._mel(recording, window), padded(window.seconds))
        (found,) = self._model.detect_language(view)
        probable = {code: probability for token, probability in found if (code := find(token[2:-2]))}
        return Hearing(probable, window.seconds), view

    def read(self, task: Task) -> Reading:
        """What the windows of a task say."""
        mels = [self._mel(task.recording, window) for window in task.windows]
        encoded = [self._view(task, window, mel) for window, mel in zip(task.windows, mels, strict=True)]
        first = self._decode(task, task.windows, _together(encoded))
        segments: list[Segment] = []
        for window, mel, view, hypothesis in zip(task.windows, mels, encoded, first, strict=True):
            segments += self._segments(task, window, mel, *self._sure(task, window, mel, view, hypothesis))
        return Reading(tuple(segments))

    def encode(self, mel: Mel, frames: int) -> StorageView:
        """The encoder's view of a window that is cut or padded to so many frames."""
        mel = mel[:, :frames]
        quiet = mel.min() if mel.size else 0.0
        whole = np.pad(mel, ((0, 0), (0, frames - mel.shape[1])), constant_values=quiet)
        return self._model.encode(StorageView.from_array(whole[None]), to_cpu=True)

    def _view(self, task: Task, window: Window, mel: Mel) -> StorageView:
        """The one that is there, if it is as long as the others of the task."""
        view = task.views.get(window)
        if view is None or FRAMES_OF_VIEW * view.shape[1] != task.frames:
            return self.encode(mel, task.frames)
        return view

    def _mel(self, recording: Recording, window: Window) -> Mel:
        return np.asarray(self._whisper.feature_extractor(window.sound(recording))[:, :-1], np.float32)

    def _sure(
        self, task: Task, window: Window, mel: Mel, view: StorageView, first: Hypothesis
    ) -> tuple[StorageView, Hypothesis]:
        """The first text, or what the window in full says where that is doubtful and the second is better."""
        if first.is_good:
            return view, first
        whole = self.encode(mel, WHOLE_FRAMES)
        (again,) = self._decode(task, (window,), whole)
        if again.loops:
            (again,) = self._decode(task, (window,), whole, no_repeat_ngram_size=LONGEST_ROUND)
        return (whole, again) if again.is_better(first) else (view, first)

    def _decode(self, task: Task, windows: Sequence[Window], encoded: StorageView, **options: Any) -> list[Hypothesis]:
        tokenizer, prompt = self._tokenizer(task.language), self._prompt(task)
        most = [_most_tokens(task, window) for window in windows]
        results = self._model.generate(
            encoded,
            [prompt] * len(windows),
            beam_size=BEAM,
            # The engine gives half of this to the text, and never more than the prompt leaves.
            max_length=min(max(2 * max(most) + 2, len(prompt) + max(most) + 1), self._whisper.max_length),
            suppress_tokens=list(get_suppressed_tokens(tokenizer, [-1])),
            max_initial_timestamp_index=FIRST_STAMP_AT_MOST,
            return_scores=True,
            return_no_speech_prob=True,
            **options,
        )
        return [
            Hypothesis.of(result, tokenizer, window.seconds, tokens)
            for result, window, tokens in zip(results, windows, most, strict=True)
        ]

    def _prompt(self, task: Task) -> list[int]:
        tokenizer = self._tokenizer(task.language)
        before = tokenizer.encode(" " + task.prompt.strip()) if task.prompt else []
        return list(self._whisper.get_prompt(tokenizer, before))

    def _segments(
        self, task: Task, window: Window, mel: Mel, view: StorageView, hypothesis: Hypothesis
    ) -> list[Segment]:
        """The sentences of a window; one without text for each span in which the model hears nobody."""
        if hypothesis.is_silence:
            return [_nobody(span, hypothesis) for span in window.spans]
        tokenizer = self._tokenizer(task.language)
        heard = [
            one for one in (_heard(tokenizer, sentence) for sentence in hypothesis.sentences) if _says(one["text"])
        ]
        if task.words and heard:
            self._whisper.add_word_timestamps([heard], tokenizer, view, mel.shape[1], BEFORE_WORDS, AFTER_WORDS, 0.0)
            _without_guesses(heard[-1])
        segments = [_segment(sentence, window, hypothesis) for sentence in heard if sentence["text"]]
        words = [word.probability or 0.0 for segment in segments for word in segment.words]
        return [_nobody(one, hypothesis) for one in window.spans] if hypothesis.is_guessed(words) else segments

    def _has(self, code: str) -> bool:
        """Whether the model was made with it; the library lists what only larger ones know."""
        token = self._whisper.hf_tokenizer.token_to_id(f"<|{code}|>")
        return token is not None or not self._model.is_multilingual

    def _make_tokenizer(self, language: Language) -> Tokenizer:
        code, known = self._codes[language], self._model.is_multilingual
        return Tokenizer(self._whisper.hf_tokenizer, known, task="transcribe", language=code)

    def time_a_window(self) -> float:
        """The seconds that a thread takes for a full window in which somebody speaks, whatever is said."""
        tokenizer, begun = self._tokenizer("en"), time.monotonic()
        view = self.encode(np.zeros((self._model.n_mels, WHOLE_FRAMES), np.float32), WHOLE_FRAMES)
        self._model.generate(
            view,
            [list(self._whisper.get_prompt(tokenizer, []))],
            beam_size=BEAM,
            max_length=2 * TIMED_TOKENS,
            suppress_tokens=[tokenizer.eot],
        )
        return time.monotonic() - begun


def _together(encoded: Sequence[StorageView]) -> StorageView:
    return encoded[0] if len(encoded) == 1 else StorageView.from_array(np.concatenate(encoded))


def _most_tokens(task: Task, window: Window) -> int:
    """More than anybody says in this time."""
    pace = TOKENS_PER_SECOND if task.language == "en" else TOKENS_PER_SECOND_OF_OTHERS
    return min(LEAST_TOKENS + int(pace * window.seconds), MOST_TOKENS - 1)


def _heard(tokenizer: Tokenizer, sentence: Sentence) -> dict[str, Any]:
    said = [token for token in sentence.tokens if token < tokenizer.eot]
    text = tokenizer.decode(said).strip()
    return {"tokens": said, "text": text, "start": sentence.start, "end": sentence.end, "seek": 0}


def _without_guesses(last: dict[str, Any]) -> None:
    """Of the last sentence of a window leave out the words at its end that took no time: how it may have gone on."""
    words = last["words"]
    said = max((number for number, word in enumerate(words, 1) if word["end"] > word["start"]), default=0)
    if len(words) - said >= LEAST_GUESSES:
        last["words"] = words[:said]
        last["text"] = "".join(word["word"] for word in words[:said]).strip()


def _segment(sentence: dict[str, Any], window: Window, hypothesis: Hypothesis) -> Segment:
    """A sentence with its times in the recording; those of its words are better, where they are known."""
    words = tuple(_word(word, window) for word in sentence.get("words", ()))
    place = window.stretch(sentence["start"], sentence["end"])
    start, end = (words[0].start, words[-1].end) if words else (place.start, place.end)
    return Segment(text=sentence["text"], start=start, end=end, words=words, **_doubts(hypothesis))


def _says(text: str) -> bool:
    """Whether there is a word in it; marks alone are none."""
    return any(char.isalnum() for char in text)


def _nobody(span: Span, hypothesis: Hypothesis) -> Segment:
    return Segment(text="", start=span.start, end=span.end, **_doubts(hypothesis))


def _doubts(hypothesis: Hypothesis) -> dict[str, Any]:
    return {
        "log_probability": round(hypothesis.log_probability, 3),
        "no_speech_probability": round(hypothesis.no_speech, 3),
    }


def _word(word: dict[str, Any], window: Window) -> Word:
    place = window.place(word["start"], word["end"])
    return Word(text=word["word"].strip(), start=place.start, end=place.end, probability=float(word["probability"]))
