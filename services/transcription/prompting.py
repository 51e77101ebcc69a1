"""The words before a stretch, as an engine's prompt: names and sentences go on as they began.

A model that hears too little to go by says its prompt again, and one that is told nonsense goes on with nonsense. So
it is told only what is to be believed, and what it says is compared with what it was told.
"""

from services.interviews.language import Language
from services.interviews.text import inside_word, is_unspaced, of_word
from services.interviews.transcript import Span, Utterance, Verdict
from services.transcription.verdicts import judged

# Of a prompt no model takes more than some 200 tokens, and the last words tell it most.
MOST_CHARACTERS = 200
LONGEST_PAUSE = 10.0
LEAST_ECHO, LEAST_ECHO_IN_LETTERS = 5, 10


def words_before(before: Utterance | None, speaks_at: float, language: Language | None) -> str | None:
    """The last words of the stretch before one in which somebody speaks from this second on.

    None where the language is not known, or the last words are in another or not to be believed; and behind a long
    pause, after which it may be about something else.
    """
    if before is None or language is None or before.transcript.language not in (None, language):
        return None
    heard = list(before.heard)
    if not heard or speaks_at - heard[-1].end > LONGEST_PAUSE:
        return None
    return _last_words(_believed(before, heard)) or None


def is_echo(prompt: str, text: str) -> bool:
    """Whether a text may be its prompt said again: all of it stands there, or a run of several words.

    In scripts that write no spaces it is a run of letters.
    """
    told, said = _words(prompt), _words(text)
    length = min(len(said), LEAST_ECHO_IN_LETTERS if any(map(is_unspaced, text)) else LEAST_ECHO)
    runs = {tuple(told[at : at + length]) for at in range(len(told) - length + 1)}
    return length > 0 and any(tuple(said[at : at + length]) in runs for at in range(len(said) - length + 1))


def _believed(before: Utterance, heard: list[Span]) -> str:
    """Its text behind the last of it that is doubted or was not read."""
    transcript = judged(before.transcript, heard)
    if not transcript.segments:
        return transcript.text if transcript.verdict is Verdict.OK else ""
    texts: list[str] = []
    for segment in reversed(transcript.segments):
        if segment.verdict is not Verdict.OK:
            break
        texts.insert(0, segment.text)
    return " ".join(texts)


def _last_words(text: str) -> str:
    text = text.strip()
    at = max(0, len(text) - MOST_CHARACTERS)
    while inside_word(text, at):
        at += 1
    return text[at:].strip()


def _words(text: str) -> list[str]:
    """Without what stands between them, and without their capitals."""
    text = text.casefold()
    apart = (char if inside_word(text, at) else f" {char}" for at, char in enumerate(text))
    return "".join(char if of_word(char[-1]) else " " for char in apart).split()
