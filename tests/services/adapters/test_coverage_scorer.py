"""Coverage without a network: what counts as mentioned, and what the quotes are worth."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.coverage_scorer import NEGATED, NOT_MENTIONED, SAME_WORDS, CoverageScorer, evaluate
from services.analysis.evidence import find_quote
from services.analysis.words import NEGATIONS, STEMMERS, STOP_WORDS
from services.interviews.language import LANGUAGES, Language
from services.interviews.model import Evaluation, Feedback, KeyPoint, Question, QuestionId
from services.interviews.transcript import Transcript

ANSWER = (
    "Well, indexes speed up reads but they do not come for free. Every write has to maintain them. "
    "Threads, of course, don't share a stack. And I would measure first, with the query planner."
)


def asked(*points: str | KeyPoint, language: Language | None = None) -> Question:
    key_points = tuple(p if isinstance(p, KeyPoint) else KeyPoint(p) for p in points)
    return Question(id=QuestionId("q"), text="What about indexes?", key_points=key_points, language=language)


def only(evaluation: Evaluation) -> Feedback:
    (feedback,) = evaluation.feedback
    return feedback


async def test_the_score_is_the_weight_of_what_is_covered() -> None:
    question = asked(KeyPoint("An index speeds up reading", 2), KeyPoint("Writes get slower with an index", 1))
    heard = Transcript(text=ANSWER, language=Language("en"), duration=9.0)
    evaluation = await CoverageScorer().score(question, heard)
    assert (evaluation.score, evaluation.reason, evaluation.scorer) == (66.7, None, "coverage/2")
    assert [(f.covered, f.weight) for f in evaluation.feedback] == [(True, 2), (False, 1)]
    assert [(f.quote, f.comment) for f in evaluation.feedback] == [
        ("Well, indexes speed up reads", None),
        (None, NOT_MENTIONED),
    ]


def test_a_point_may_stand_in_two_neighbouring_sentences_but_not_in_distant_ones() -> None:
    near = "It keeps a sorted tree. So lookups take logarithmic time."
    far = "It keeps a sorted tree. That was easy. I had fun. So lookups take logarithmic time."
    point = "sorted tree gives logarithmic lookups"
    assert only(evaluate(asked(point), near)).quote == near
    assert not only(evaluate(asked(point), far)).covered


@pytest.mark.parametrize(
    ("point", "transcript"),
    [
        ("Threads share a stack", "Threads, of course, don't share a stack."),
        ("Threads share a stack", "Threads never share the stack."),
        ("Threads share a stack", "No thread shares its stack."),
        ("Threads do not share a stack", "Threads share a stack."),
        ("Works without a lock", "It works with a lock."),
        ("A lock is needed", "It cannot work, a lock is not needed."),
    ],
)
def test_what_is_negated_on_one_side_only_is_not_covered(point: str, transcript: str) -> None:
    evaluation = evaluate(asked(point), transcript)
    assert (evaluation.score, evaluation.reason) == (None, "insufficient_evidence")
    assert (only(evaluation).covered, only(evaluation).comment) == (False, NEGATED)
    assert only(evaluation).quote in transcript  # type: ignore[operator]


@pytest.mark.parametrize(
    ("point", "transcript", "quote"),
    [
        ("Threads don't share a stack", "Threads never share the stack.", "Threads never share the stack."),
        ("Indexes speed up reads", "Indexes speed up reads but not writes.", "Indexes speed up reads"),
        ("It is a queue", "It is not a lock but a queue.", "but a queue."),
        ("Caches save time", "Caches not only save time.", "Caches not only save time."),
        ("recursion", "Recursion. It is when a function calls itself.", None),
        ("recursion", "recursion", "recursion"),
        ("Knows C++", "I know C++ and Java.", "I know C++ and Java."),
    ],
)
def test_what_is_said_is_covered(point: str, transcript: str, quote: str | None) -> None:
    feedback = only(evaluate(asked(point), transcript))
    assert feedback.covered
    assert quote is None or feedback.quote == quote


@pytest.mark.parametrize("point", ["Knows C++", "?!", ""])
def test_what_is_not_said_is_not_covered(point: str) -> None:
    feedback = only(evaluate(asked(point), "I know C# and Java."))
    assert (feedback.covered, feedback.quote) == (False, None)


@pytest.mark.parametrize(
    ("language", "point", "transcript", "covered"),
    [
        ("fr", "Les index accélèrent la lecture", "L\u2019index accélère les lectures.", True),
        ("fr", "Les index accélèrent la lecture", "L'index n'accélère pas les lectures.", False),
        ("de", "Indexe beschleunigen das Lesen", "Ein Index beschleunigt das Lesen, aber nicht umsonst.", True),
        ("de", "Threads teilen den Speicher", "Threads teilen keinen Speicher.", False),
        ("es", "los índices aceleran las lecturas", "El índice acelera la lectura.", True),
        ("ru", "функция вызывает себя", "Рекурсия это когда функция вызывает саму себя.", True),
        ("zh", "递归函数调用自己", "我认为递归函数会调用自己。它需要终止条件。", True),
        ("sv", "trådar delar minnet", "Trådarna delar inte minnet.", False),
        ("pl", "wątki dzielą pamięć", "Wątki nie dzielą pamięci.", False),
        ("fi", "säikeet jakavat muistin", "Säikeet eivät jaa muistia, ne jakavat levyn.", False),
        ("et", "indeks kiirendab otsingut", "Indeks ei kiirenda otsingut.", False),
        ("et", "indeks kiirendab otsingut", "Indeks kiirendab otsingut tabelis.", True),
        ("tl", "alpha beta gamma", "Alpha, beta, gamma!", True),
        ("hi", "इंडेक्स खोज को तेज़ बनाता है", "इंडेक्स से खोज तेज़ होती है।", True),
        ("hi", "डेटाबेस का इंडेक्स", "बाज़ार में दोस्तों से टीवी, डिब्बा, इंटरनेट और तेल की बात हुई।", False),
        ("ta", "தமிழ் மொழி", "அம்மா தோழி மரம் தம்பி இழை மழை", False),
    ],
)
def test_other_languages_are_read_passably(language: str, point: str, transcript: str, covered: bool) -> None:
    assert only(evaluate(asked(point, language=Language(language)), transcript)).covered is covered


GERMAN = "Ein Index beschleunigt die Suche nicht."


@pytest.mark.parametrize(
    ("own", "heard"), [(None, "de"), ("en", "de"), ("de", None), (None, None)], ids=["heard", "other", "own", "neither"]
)
def test_an_answer_is_read_in_the_language_that_was_heard(own: Language | None, heard: Language | None) -> None:
    question = asked("Ein Index beschleunigt die Suche", language=own)
    assert only(evaluate(question, GERMAN, heard)).comment == NEGATED


async def test_the_scorer_is_told_what_the_engine_heard() -> None:
    heard = Transcript(text="Indeks ei kiirenda otsingut.", language=Language("et"), duration=3.0)
    evaluation = await CoverageScorer().score(asked("indeks kiirendab otsingut"), heard)
    assert only(evaluation).comment == NEGATED


def test_the_words_of_a_language_are_listed_under_its_code() -> None:
    assert set(STEMMERS) | set(NEGATIONS) | set(STOP_WORDS) <= LANGUAGES


@pytest.mark.parametrize(
    ("question", "transcript", "reason"),
    [
        (asked("anything"), " \n", "no_speech"),
        (asked(), ANSWER, "no_key_points"),
        (asked(KeyPoint("indexes", 0.0)), ANSWER, "no_key_points"),
        (asked("Hash tables collide", "Bloom filters"), ANSWER, "insufficient_evidence"),
        (asked(KeyPoint("Bloom filters", 1.0), KeyPoint("query planner", 0.0)), ANSWER, "insufficient_evidence"),
    ],
)
def test_without_evidence_there_is_a_reason_and_never_a_number(
    question: Question, transcript: str, reason: str
) -> None:
    evaluation = evaluate(question, transcript)
    assert (evaluation.score, evaluation.reason) == (None, reason)


def test_speech_without_full_stops_is_quoted_in_pieces() -> None:
    transcript = " ".join(f"word{number}" for number in range(500))
    feedback = only(evaluate(asked("word41 word42 word43"), transcript))
    assert feedback.covered
    assert len((feedback.quote or "").split()) <= 80


SPEECH = st.text(st.sampled_from("ab not but index.,;!'\u2019\n-?é函"), max_size=80)


@given(SPEECH, st.lists(st.builds(KeyPoint, SPEECH, st.floats(0.1, 10)), max_size=4), st.sampled_from(["en", "zh"]))
def test_every_quote_is_evidence_and_every_score_is_a_percentage(
    transcript: str, points: list[KeyPoint], language: Language
) -> None:
    evaluation = evaluate(asked(*points, language=language), transcript)
    assert (evaluation.score is None) is (evaluation.reason is not None)
    assert evaluation.score is None or 0 < evaluation.score <= 100
    for feedback in evaluation.feedback:
        assert feedback.covered <= (feedback.quote is not None)
        if feedback.quote is not None:
            assert feedback.quote in transcript
            assert find_quote(feedback.quote, transcript) is not None


@given(SPEECH, st.lists(st.builds(KeyPoint, SPEECH, st.floats(0.1, 10)), min_size=1, max_size=4))
def test_the_same_answer_scores_the_same_again(transcript: str, points: list[KeyPoint]) -> None:
    assert evaluate(asked(*points), transcript) == evaluate(asked(*points), transcript)


def test_no_words_count_for_two_points() -> None:
    said = "An index speeds up reading and it slows down writing."
    both = evaluate(asked("speeds up reading", "slows down writing", "An index speeds up reading"), said)
    assert [(f.covered, f.quote, f.comment) for f in both.feedback] == [
        (True, said, None),
        (True, "slows down writing", None),
        (True, "index speeds up reading", None),  # it says more than the first: what it is about
    ]
    again = evaluate(asked("speeds up reading", "it speeds up reading", "reading speeds"), said)
    assert [(f.covered, f.comment) for f in again.feedback] == [(True, None), (False, SAME_WORDS), (False, SAME_WORDS)]
    twice = evaluate(asked("speeds up reading", "reading speeds up"), "It speeds up reading. Reading speeds up.")
    assert [f.quote for f in twice.feedback] == ["Reading speeds up.", "It speeds up reading."]


HOSTILE = {
    "marks": lambda n: "!" * n + "x",
    "blanks": lambda n: "a" + " " * n + "b",
    "commas": lambda n: "a" + ", " * n + "b",
    "one word": lambda n: "a" * n,
    "apostrophes": lambda n: "a'" * n,
    "sentences": lambda n: "It avoids a scan. " * (n // 18),
    "clauses": lambda n: "scan but " * (n // 9),
    "no stops": lambda n: "avoids scan " * (n // 12),
    "bigrams": lambda n: "函数" * (n // 2),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_work_grows_with_the_answer_and_not_faster(kind: str) -> None:
    question = asked(*(f"avoids a full table scan {number}" for number in range(20)))

    def seconds(letters: int) -> float:
        began = time.thread_time()
        evaluate(question, HOSTILE[kind](letters))
        return time.thread_time() - began

    small, large = min(seconds(4_000) for _ in range(3)), min(seconds(64_000) for _ in range(2))
    assert large < 16 * 4 * max(small, 0.002)  # sixteen times the letters; quadratic would be 256 times the work


def test_of_an_endless_answer_the_beginning_is_read() -> None:
    late = "word " * 50_000 + "It avoids a full table scan."
    assert not only(evaluate(asked("avoids a full table scan"), late)).covered
