"""What the decoder wrote for a window, and whether to believe it."""

from dataclasses import dataclass
from typing import Any, Self

from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio

MOST_REPETITION = 2.4
LEAST_ECHO = 5
LEAST_LOG_PROBABILITY = -1.0
MOST_NO_SPEECH = 0.6


@dataclass(frozen=True, slots=True)
class Draft:
    tokens: list[int]
    log_probability: float
    no_speech: float
    repeats: bool

    @classmethod
    def of(cls, result: Any, tokenizer: Tokenizer, most_tokens: int) -> Self:
        """A decoder's result; more tokens than can be said in the window are a repetition."""
        tokens = result.sequences_ids[0]
        said = [token for token in tokens if token < tokenizer.eot]
        repeats = (
            len(tokens) > most_tokens or echoes(said) or get_compression_ratio(tokenizer.decode(said)) > MOST_REPETITION
        )
        return cls(tokens, result.scores[0] * len(tokens) / (len(tokens) + 1), result.no_speech_prob, repeats)

    @property
    def is_good(self) -> bool:
        return not self.repeats and self.log_probability >= LEAST_LOG_PROBABILITY

    @property
    def is_silence(self) -> bool:
        return self.no_speech > MOST_NO_SPEECH and self.log_probability < LEAST_LOG_PROBABILITY

    def is_better(self, other: "Draft") -> bool:
        return (not self.repeats, self.log_probability) > (not other.repeats, other.log_probability)


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
