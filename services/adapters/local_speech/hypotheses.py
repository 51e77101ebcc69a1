"""What the decoder wrote for a window, and whether to believe it."""

from dataclasses import dataclass
from statistics import fmean
from typing import Any, Self

from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio

from services.adapters.local_speech.timestamps import Sentence, sentences

MOST_REPETITION = 2.4
LEAST_ECHO = 5
QUICKEST_TOKENS, QUICKEST_PACE = 8, 12.0
LEAST_LOG_PROBABILITY = -0.7
SILENT_LOG_PROBABILITY = -0.7
MOST_NO_SPEECH, MOST_NO_SPEECH_OF_GUESSES = 0.6, 0.5
GUESSED_WORDS = 0.45


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text of a window, with the mean natural log probability of its tokens."""

    sentences: tuple[Sentence, ...]
    log_probability: float
    no_speech: float
    loops: bool

    @classmethod
    def of(cls, result: Any, tokenizer: Tokenizer, seconds: float, most_tokens: int) -> Self:
        """A decoder's result for a window of so many seconds, in which nobody says more than so many tokens."""
        tokens = result.sequences_ids[0]
        said = [token for token in tokens if token < tokenizer.eot]
        heard = tuple(sentences(tokens, tokenizer.timestamp_begin, seconds))
        too_alike = get_compression_ratio(tokenizer.decode(said)) > MOST_REPETITION
        is_loop = too_alike or len(tokens) > most_tokens or (echoes(said) and _is_hurried(heard))
        return cls(heard, result.scores[0] * len(tokens) / (len(tokens) + 1), result.no_speech_prob, is_loop)

    @property
    def is_good(self) -> bool:
        return not self.loops and self.log_probability >= LEAST_LOG_PROBABILITY

    @property
    def is_silence(self) -> bool:
        return self.no_speech > MOST_NO_SPEECH and self.log_probability < SILENT_LOG_PROBABILITY

    def is_guessed(self, words: list[float]) -> bool:
        """Whether the words, by their probabilities, are guesses at sounds in which nobody may speak."""
        return self.no_speech > MOST_NO_SPEECH_OF_GUESSES and bool(words) and fmean(words) < GUESSED_WORDS

    @property
    def covered(self) -> int:
        """The whole seconds of the window that have a text."""
        return round(sum(sentence.end - sentence.start for sentence in self.sentences))

    def is_better(self, other: "Hypothesis") -> bool:
        """A loop is worse than none; then what covers more is better, and of two alike the likelier."""
        return self._rank > other._rank

    @property
    def _rank(self) -> tuple[bool, int, float]:
        return not self.loops, self.covered, self.log_probability


def echoes(said: list[int]) -> bool:
    """Whether a phrase of some length is said twice with nothing between."""
    lengths = range(LEAST_ECHO, len(said) // 2 + 1)
    return any(_echo(said, length) for length in lengths)


def _echo(said: list[int], length: int) -> bool:
    run = 0
    for one, later in zip(said, said[length:], strict=False):
        run = run + 1 if one == later else 0
        if run == length:
            return True
    return False


def _is_hurried(heard: tuple[Sentence, ...]) -> bool:
    """Whether some sentence has no time for its words: who says a thing twice takes the time, a loop does not."""
    return any(len(one.tokens) > QUICKEST_TOKENS + QUICKEST_PACE * (one.end - one.start) for one in heard)
