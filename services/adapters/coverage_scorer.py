"""The scorer that needs no network: which key points does the answer mention, and in which words?

It measures coverage, not meaning: a key point is covered where most of its content words, stemmed, stand in one or
two neighbouring sentences and both are negated or neither is. It does not know synonyms, and it believes what it reads.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import snowballstemmer  # type: ignore[import-untyped]

from services.evidence import LEAST_WORDS, count_words, is_unspaced
from services.interview import Evaluation, Feedback, KeyPoint, Question

NAME = "coverage/1"
LEAST_SHARE = 0.6
LONGEST_SENTENCE = 40
NOT_MENTIONED = "No sentence of the answer mentions this."
NEGATED = "The answer mentions this, but either the key point or the quote is negated and the other is not."


class CoverageScorer:
    """A Scorer: 100 times the weight of the covered key points by the weight of all; no evidence, no score."""

    async def score(self, question: Question, transcript: str) -> Evaluation:
        """Every quote is cut out of the transcript; the same question and transcript always score the same."""
        return await asyncio.to_thread(evaluate, question, transcript)


def evaluate(question: Question, transcript: str) -> Evaluation:
    """What the scorer says, worked out at once; a long answer takes the better part of a second."""
    if not transcript.strip():
        return Evaluation(score=None, reason="no_speech", scorer=NAME)
    total = sum(point.weight for point in question.key_points)
    if total <= 0:
        return Evaluation(score=None, reason="no_key_points", scorer=NAME)
    reader = Reader(question.language)
    windows = list(_windows(transcript, reader))
    feedback = tuple(_feedback(point, windows, reader) for point in question.key_points)
    covered = sum(each.weight for each in feedback if each.covered)
    if covered <= 0:
        return Evaluation(score=None, feedback=feedback, reason="insufficient_evidence", scorer=NAME)
    return Evaluation(score=round(100 * covered / total, 1), feedback=feedback, scorer=NAME)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the transcript that may cover a key point."""

    quote: str
    stems: frozenset[str]
    negated: bool


class Reader:
    """Reads one language: its stems, its words without content, its negations."""

    def __init__(self, language: str | None) -> None:
        code = (language or "en").lower()[:2]
        algorithm = STEMMERS.get(code)
        self._stem = snowballstemmer.stemmer(algorithm).stemWord if algorithm else str
        self._negations = NEGATIONS.get(code, NEGATIONS["en"])
        self._empty = STOP_WORDS.get(code, frozenset()) | self._negations

    def stems(self, text: str) -> frozenset[str]:
        """The stems of the words with content; of all words, where none has content."""
        words = [piece for word in _words(text) if not word.endswith("n't") for piece in word.split("'")]
        content = [word for word in words if word not in self._empty]
        return frozenset(self._stem(word) for word in content or words)

    def is_negated(self, text: str) -> bool:
        plain = NO_NEGATION.sub(" ", text.lower().replace("’", "'"))
        return any(word in self._negations or word.endswith("n't") for word in _words(plain))


def _feedback(point: KeyPoint, windows: list[Window], reader: Reader) -> Feedback:
    wanted, negated = reader.stems(point.text), reader.is_negated(point.text)
    near = [window for window in windows if len(wanted & window.stems) >= max(1, LEAST_SHARE * len(wanted))]
    best = max(near, key=lambda w: (w.negated is negated, len(wanted & w.stems), -len(w.quote)), default=None)
    if best is None:
        return Feedback(point=point.text, covered=False, weight=point.weight, comment=NOT_MENTIONED)
    covered = best.negated is negated
    comment = None if covered else NEGATED
    return Feedback(point=point.text, covered=covered, quote=best.quote, weight=point.weight, comment=comment)


def _windows(transcript: str, reader: Reader) -> Iterator[Window]:
    """Every clause, every sentence, and every two sentences side by side, so far as they can be quoted."""
    sentences = list(_sentences(transcript))
    pairs = [(first[0], second[1]) for first, second in pairwise(sentences)]
    clauses = [clause for sentence in sentences for clause in _clauses(transcript, *sentence)]
    least = min(LEAST_WORDS, count_words(transcript))
    for start, end in dict.fromkeys([*clauses, *sentences, *pairs]):
        quote = transcript[start:end].strip(EDGES)
        if count_words(quote) >= least:
            yield Window(quote, reader.stems(quote), reader.is_negated(quote))


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences stand; speech without full stops is cut after so many words."""
    for sentence in SENTENCE.finditer(text):
        words = list(WORD.finditer(text, *sentence.span()))
        starts = [word.start() for word in words[::LONGEST_SENTENCE]]
        yield from pairwise([*starts, sentence.end()])


def _clauses(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a sentence that are set against each other, so that the `not` of one is not the other's."""
    cuts = [start, *(cut.start() for cut in CONTRAST.finditer(text, start, end)), end]
    return pairwise(cuts)


def _words(text: str) -> Iterator[str]:
    """The words in small letters; where a script writes no spaces, its letters two by two."""
    for match in WORD.finditer(text.lower().replace("’", "'")):
        word = match.group()
        if is_unspaced(word[0]) and len(word) > 1:
            yield from (word[at : at + 2] for at in range(len(word) - 1))
        else:
            yield word


SENTENCE = re.compile(r"\S.*?(?:[.!?…]+(?=\s|$)|[。！？]|$)", re.MULTILINE)
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*[+#]*")
CONTRAST = re.compile(
    r"[;:]\s|\s[-–—]\s|,?\s+(?=(?:but|although|though|however|whereas|sondern|pero|sino)\b)"
    r"|,\s*(?=(?:while|yet|aber|doch|mais|ma|mas|maar|но|а)\b)",
    re.IGNORECASE,
)
EDGES = " \t\r\n,;:-–—"
NO_NEGATION = re.compile(r"\b(?:not (?:only|just|merely)|no doubt|nicht nur|non seulement|no solo|no sólo)\b")

STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip


def _sets(**words: str) -> dict[str, frozenset[str]]:
    return {code: frozenset(text.split()) for code, text in words.items()}


NEGATIONS = _sets(
    en="no not never none nobody nothing neither nor without cannot",
    de="nicht kein keine keinen keinem keiner nie niemals ohne nichts niemand weder",
    fr="ne pas jamais sans aucun aucune rien personne ni",
    es="no nunca jamás sin ningún ninguna ninguno nada nadie ni",
    it="non mai senza nessun nessuno nessuna niente nulla né",
    pt="não nunca jamais sem nenhum nenhuma nada ninguém nem",
    nl="niet geen nooit zonder niets niemand noch",
    ru="не нет без никогда ничего никто ни нельзя",
    zh="不是 没有 不会 不能 无法 不要 从不 不需",
)
STOP_WORDS = _sets(
    en="a about after all also an and any are as at be because been being both but by can could d did do does "
    "doing done each for from had has have having he her his how i if in into is it its just let like ll m "
    "may me might more most much must my of on one only or other our out over own re s same shall she should "
    "so some such t than that the their them then there these they this those through to too under up us ve "
    "very was we were what when where which while who whom why will with would you your",
    de="aber alle als also am an auch auf aus bei bin bis da damit dann das dass dem den der des die dies diese "
    "dieser du durch ein eine einem einen einer eines er es für haben hat ich ihr im in ist ja kann man mehr "
    "mit nach noch nur oder sehr sein sich sie sind so um und uns unter vom von vor war was weil wenn werden "
    "wie wir wird zu zum zur über",
    fr="au aux avec avoir c ce ces cette d dans de des du elle en est et il ils j je l la le les leur lui ma "
    "mais me mes moi mon même n nos nous on ou où par plus pour qu que qui s sa se ses son sont sur te tu un "
    "une vous y à être",
    es="a al como con de del el ella ellos en entre era es esta este esto está están fue ha hay la las le les lo "
    "los me mi muy más o para pero por porque que se ser si son su sus también te tiene un una uno y ya yo",
    it="a ai al alla anche che chi ci come con da dal del della di e ed essere gli ha hanno i il in io la le lo "
    "ma mi nel nella o per più quando questa questo se si sono su sua suo ti tra un una uno è",
    pt="a ao aos as com como da das de do dos e ela ele em entre era essa esse esta este eu foi há isso já mais "
    "mas na nas no nos o os ou para pela pelo por que se ser seu sua são também tem um uma é",
    nl="aan als bij dan dat de deze die dit door een en er haar het hij hun ik in is je kan maar me meer men met "
    "mijn na naar nog of om onder ook op over te tot uit van voor want was wat we wel wij worden wordt zal ze "
    "zich zij zijn zo",
    ru="а бы был была были было быть в вам вас весь во вот все вы где да для до его ее если есть еще же за и из "
    "или им их к как ко когда кто ли мне мы на над наш но о об он она они от по под при с со так то только ты "
    "у уже что это я",
)
