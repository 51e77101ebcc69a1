"""Languages: one code for each, however it is written.

A language is called by its ISO 639-1 code, or by its ISO 639-3 code where it has no other. All that speech engines
know are here. `TABLE` has a line for each: its code, what else is written for it (ISO 639-2 and 639-3, codes that
were withdrawn, and the one of a group that stands for it), and its names.
"""

import re
from difflib import get_close_matches
from typing import NewType

Language = NewType("Language", str)

LONGEST_TAG = 35
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8})*")

TABLE = """
af afr: Afrikaans
am amh: Amharic
ar ara arb acm aeb afb apc apd arq ars ary arz: Arabic
as asm: Assamese
az aze azj azb: Azerbaijani
ba bak: Bashkir
be bel: Belarusian
bg bul: Bulgarian
bn ben: Bengali, Bangla
bo bod tib: Tibetan
br bre: Breton
bs bos: Bosnian
ca cat: Catalan, Valencian
cs ces cze: Czech
cy cym wel: Welsh
da dan: Danish
de deu ger: German
el ell gre: Greek
en eng: English
es spa: Spanish, Castilian
et est ekk: Estonian
eu eus baq: Basque
fa fas per pes prs: Persian, Farsi, Dari
fi fin: Finnish
fo fao: Faroese
fr fra fre: French
gl glg: Galician
gu guj: Gujarati
ha hau: Hausa
haw: Hawaiian
he heb iw: Hebrew
hi hin: Hindi
hr hrv scr: Croatian
ht hat: Haitian Creole, Haitian
hu hun: Hungarian
hy hye arm: Armenian
id ind in: Indonesian
is isl ice: Icelandic
it ita: Italian
ja jpn: Japanese
jv jav jw: Javanese
ka kat geo: Georgian
kk kaz: Kazakh
km khm: Khmer, Cambodian
kn kan: Kannada
ko kor: Korean
la lat: Latin
lb ltz: Luxembourgish, Letzeburgesch
ln lin: Lingala
lo lao: Lao
lt lit: Lithuanian
lv lav lvs: Latvian
mg mlg plt: Malagasy
mi mri mao: Maori
mk mkd mac: Macedonian
ml mal: Malayalam
mn mon khk: Mongolian
mr mar: Marathi
ms msa may zsm: Malay
mt mlt: Maltese
my mya bur: Burmese, Myanmar
ne nep npi: Nepali
nl nld dut: Dutch, Flemish
nn nno no-nyn: Nynorsk, Norwegian Nynorsk
no nor nb nob: Norwegian, Bokmål
oc oci: Occitan
pa pan: Punjabi, Panjabi
pl pol: Polish
ps pus pbu pbt pst: Pashto, Pushto
pt por: Portuguese
ro ron rum mo mol: Romanian, Moldavian, Moldovan
ru rus: Russian
sa san: Sanskrit
sd snd: Sindhi
si sin: Sinhala, Sinhalese
sk slk slo: Slovak
sl slv: Slovenian, Slovene
sn sna: Shona
so som: Somali
sq sqi alb als: Albanian
sr srp scc sh hbs: Serbian
su sun: Sundanese
sv swe: Swedish
sw swa swh: Swahili
ta tam: Tamil
te tel: Telugu
tg tgk: Tajik
th tha: Thai
tk tuk: Turkmen
tl tgl fil: Tagalog, Filipino
tr tur: Turkish
tt tat: Tatar
uk ukr: Ukrainian
ur urd: Urdu
uz uzb uzn: Uzbek
vi vie: Vietnamese
yi yid ydd ji: Yiddish
yo yor: Yoruba
yue zh-yue: Cantonese
zh zho chi cmn: Chinese, Mandarin
"""
# Countries that are taken for their languages, where the code is no other language's.
COUNTRIES = {
    "at": "de", "cn": "zh", "cz": "cs", "dk": "da", "gb": "en", "gr": "el", "il": "he", "ir": "fa", "jp": "ja",
    "kr": "ko", "se": "sv", "tw": "zh", "ua": "uk", "us": "en", "vn": "vi",
}  # fmt: skip
UNDETERMINED = frozenset({"auto", "mis", "mul", "und", "zxx"})


def parse(tag: str) -> Language:
    """The language of a code or tag of any case (`en`, `deu`, `pt-BR`, `zh_Hant_TW`, `iw`); ValueError, which says
    what to write instead."""
    language = find(tag)
    if language is None:
        raise ValueError(_sentence(tag))
    return language


def find(tag: str | None) -> Language | None:
    """The language that a tag or an English name means, or None."""
    written = (tag or "").strip().lower().replace("_", "-")
    if not _TAG.fullmatch(written):
        return None
    first, *rest = written.split("-")
    return _CODES.get("-".join([first, *rest[:1]])) or _CODES.get(first)


def named(name: str | None) -> Language | None:
    """The language of an English name, as some engines tell it, or of a tag."""
    return _NAMES.get((name or "").strip().lower()) or find(name)


def name_of(language: Language) -> str:
    """Its name in English."""
    return _NAME_OF[language]


def _sentence(tag: str) -> str:
    """Why there is no such language, and which one may be meant."""
    codes = dict.fromkeys(_meant(tag.strip().lower()))
    hint = " or ".join(f"'{code}' ({name_of(code)})" for code in codes)
    ask = f"Did you mean {hint}?" if hint else "Write a code of ISO 639, such as 'en', 'deu' or 'pt-BR'."
    return f"the speech engines know no language '{tag[:LONGEST_TAG]}'. {ask} Left out, it is detected."


def _meant(written: str) -> list[Language]:
    if written in UNDETERMINED:
        return []
    exact = _NAMES.get(written) or find(COUNTRIES.get(written))
    if exact:
        return [exact]
    near = get_close_matches(written, _CODES if len(written) <= 3 else _NAMES, n=2)
    return [_CODES.get(one) or _NAMES[one] for one in near]


def _lines() -> list[tuple[Language, list[str], list[str]]]:
    halves = [line.split(": ") for line in TABLE.strip().splitlines()]
    return [(Language(codes.split()[0]), codes.split(), names.split(", ")) for codes, names in halves]


_CODES = {code: language for language, codes, _ in _lines() for code in codes}
_NAMES = {name.lower(): language for language, _, names in _lines() for name in names}
_NAME_OF = {language: names[0] for language, _, names in _lines()}
LANGUAGES = frozenset(_NAME_OF)
