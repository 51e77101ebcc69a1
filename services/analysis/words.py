"""Which words of a text have content, as their stems, so that two texts can be compared in one language."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

import snowballstemmer  # type: ignore[import-untyped]

from services.interviews.language import Language
from services.interviews.text import is_unspaced

LONGEST_WORD = 64


class Reader:
    """Reads one language: its stems, its words without content, its negations. Takes time in proportion to the text."""

    def __init__(self, language: Language) -> None:
        algorithm = STEMMERS.get(language)
        self._stem = snowballstemmer.stemmer(algorithm).stemWord if algorithm else str
        self._negations = NEGATIONS.get(language, frozenset())
        self._empty = STOP_WORDS.get(language, frozenset()) | self._negations
        self._stems: dict[str, str] = {}

    def stems(self, text: str) -> frozenset[str]:
        """The stems of the words with content; of all words, where none has content."""
        words = [piece for word in _words(text) for piece in _pieces(word)]
        content = [word for word in words if word not in self._empty]
        return frozenset(self._stem_of(word) for word in content or words)

    def places(self, text: str, stems: frozenset[str]) -> list[tuple[int, int]]:
        """Where the words stand that have one of these stems."""
        return [found.span() for found in WORD.finditer(text) if not stems.isdisjoint(self._all_stems(found.group()))]

    def is_negated(self, text: str) -> bool:
        plain = NO_NEGATION.sub(" ", text.lower().replace("’", "'"))
        return any(word in self._negations or word.endswith("n't") for word in _words(plain))

    def _all_stems(self, text: str) -> Iterator[str]:
        return (self._stem_of(piece) for word in _words(text) for piece in _pieces(word))

    def _stem_of(self, word: str) -> str:
        found = self._stems.get(word)
        if found is None:
            found = self._stems[word] = self._stem(word[:LONGEST_WORD])
        return found


def looks_like(text: str) -> Language:
    """The language whose words without content stand in the text most often; English where none do."""
    words = Counter(_words(text))
    return max(map(Language, STOP_WORDS), key=lambda language: sum(words[word] for word in STOP_WORDS[language]))


def _words(text: str) -> Iterator[str]:
    """The words in small letters; where a script writes no spaces, its letters two by two."""
    for match in WORD.finditer(text.lower().replace("’", "'")):
        word = match.group()
        if is_unspaced(word[0]) and len(word) > 1:
            yield from (word[at : at + 2] for at in range(len(word) - 1))
        else:
            yield word


def _pieces(word: str) -> list[str]:
    return [] if word.endswith("n't") else word.split("'")


# Vowel signs and accents that stand by themselves belong to their word, though `re` does not count them as letters.
_MARKS = "".join(char for char in map(chr, range(0x300, 0x10000)) if unicodedata.category(char).startswith("M"))
_LETTERS = rf"[^\W_](?:[^\W_]|[{_MARKS}])*"
WORD = re.compile(rf"{_LETTERS}(?:['’]{_LETTERS})*[+#]*")
NO_NEGATION = re.compile(r"\b(?:not (?:only|just|merely)|no doubt|nicht nur|non seulement|no solo|no sólo)\b")

STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french",
    "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch", "nn": "norwegian", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
    "yi": "yiddish",
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
    ca="no mai sense cap res ningú tampoc",
    cs="ne není nejsou nemá nikdy bez nic nikdo žádný žádná žádné",
    da="ikke aldrig ingen intet uden hverken",
    el="δεν δε μην μη όχι ποτέ χωρίς τίποτα κανένας καμία κανένα",
    et="ei mitte ära ilma kunagi",
    fi="ei en et emme ette eivät älä ilman koskaan",
    hu="nem sem ne soha nélkül semmi senki nincs nincsenek",
    id="tidak tak bukan tanpa belum jangan",
    nn="ikkje aldri ingen inkje utan verken",
    no="ikke ikkje aldri ingen intet uten verken",
    pl="nie nigdy bez nikt nic żaden żadna żadne ani",
    ro="nu niciodată fără nimic nimeni niciun nicio nici",
    sr="ne nije nisu nema nikad nikada bez ništa niko не није нису нема никад никада без ништа нико",
    sv="inte ej aldrig ingen inget inga utan varken",
    tr="değil yok hiç asla",
    uk="не ні без ніколи нічого ніхто немає",
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
