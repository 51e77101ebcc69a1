"""Whisper without the thirty-second tax.

Whisper pads every window to 30 s, so that a short answer costs as much as a
long one. Here a window is encoded with three seconds of padding. Where the
text then repeats itself or is improbable, the window is read again in full.
"""

import threading
from dataclasses import replace
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

PADDING_FRAMES = 300
MOST_REPETITION = 2.4
LEAST_LOG_PROBABILITY = -1.0

Mel = NDArray[np.float32]


class ShortWindows(WhisperModel):  # type: ignore[misc]
    """WhisperModel, whose windows are as long as what they hold; safe to use in many threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = _Now()

    def detect_language(self, audio: Any = None, features: Any = None, **_: Any) -> tuple[str, float, Any]:
        """The language of the first window, which then need not be encoded again."""
        first = features[..., : min(self.feature_extractor.nb_max_frames, features.shape[-1] - 1)]
        self.now.ahead = output = self.encode(first)
        languages = [(token[2:-2], probability) for token, probability in self.model.detect_language(output)[0]]
        return *languages[0], languages

    def encode(self, features: Mel) -> Any:
        """The encoder's output for a window, without most of its padding."""
        if self.now.ahead is not None:
            output, self.now.ahead = self.now.ahead, None
            return output
        self.now.whole, short = features, _cut(features)
        return super().encode(short)

    def _split_segments_by_timestamps(self, *args: Any, **kwargs: Any) -> tuple[Any, int, bool]:
        """The next window begins where the text says, also when the times of words are looked for."""
        segments, seek, _ = super()._split_segments_by_timestamps(*args, **kwargs)
        return segments, seek, True

    def generate_with_fallback(self, encoder_output: Any, prompt: Any, tokenizer: Any, options: Any) -> Any:
        """The text of a short window, or of the full window where that does not read well."""
        outcome = super().generate_with_fallback(
            encoder_output, prompt, tokenizer, replace(options, temperatures=[0.0])
        )
        _, log_probability, _, repetition = outcome
        if repetition <= MOST_REPETITION and log_probability >= LEAST_LOG_PROBABILITY:
            return outcome
        whole = super().encode(_fill(self.now.whole, self.feature_extractor.nb_max_frames))
        return super().generate_with_fallback(whole, prompt, tokenizer, options)


class _Now(threading.local):
    """What this thread is reading."""

    whole: Any = None
    ahead: Any = None


def _cut(mel: Mel) -> Mel:
    held = np.flatnonzero(mel.any(axis=0))
    end = (int(held[-1]) + 1 if len(held) else 0) + PADDING_FRAMES
    return _fill(mel, min(end + end % 2, 3_000))


def _fill(mel: Mel, frames: int) -> Mel:
    mel = mel[:, :frames]
    return np.pad(mel, ((0, 0), (0, frames - mel.shape[1])))
