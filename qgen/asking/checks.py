"""Which answers cannot be asked for, and which questions must not be shown.

Every check is a plain function that returns a short reason, or ``None`` where nothing is wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from qgen.english.dictionary import lemmas, usual_tag
from qgen.english.prose import passage_problem
from qgen.english.words import (
    ARTICLES,
    ASKS_FOR_PERSON,
    FUNCTION_WORDS,
    INTERROGATIVES,
    PIECE,
    QUESTION_WORD,
    WORD,
    fold,
    stems,
)
from qgen.records import Answer, Question, Request


def text_problem(what: str, text: object) -> str | None:
    """Why something is no text: it is of another type, or holds half a character.

    Args:
        what: its name in the sentence, such as "passage".
        text: whatever was given.
    """
    if not isinstance(text, str):
        kind = "None" if text is None else type(text).__name__
        return f"the {what} must be text, not {kind}"
    if found := re.search("[\ud800-\udfff]", text):
        return f"the {what} is no text: it has half of a character at {found.start()}"
    return None


def request_problem(request: Request) -> str | None:
    """Why nothing can be asked of a request, whatever its answers."""
    if not isinstance(request.answers, list | tuple):
        return "the answers of a request must be a list"
    return text_problem("passage", request.passage) or passage_problem(request.passage)


def given_answer_problem(passage: str, answer: object) -> str | None:
    """Why an answer that a user gave cannot be asked for."""
    if not isinstance(answer, Answer):
        return text_problem("answer", answer)
    if problem := text_problem("answer", answer.text):
        return problem
    if not isinstance(answer.start, int) or answer.start < 0:
        return f"the answer's start must be a whole number, not {answer.start!r}"
    if passage[answer.start : answer.end] != answer.text:
        return f"the answer {answer.text!r} is not at character {answer.start} of the passage"
    return answer_problem(passage, answer)


def answer_problem(passage: str, answer: Answer) -> str | None:
    """Why an answer cannot be asked for: it has no words, or leaves nothing to ask with."""
    if not re.search(r"\w", answer.text):
        return f"the answer {answer.text!r} has no words"
    rest = passage[: answer.start] + " " + passage[answer.end :]
    if len(WORD.findall(rest)) < 2:
        return "the answer is the whole passage: nothing is left to ask with"
    return None


def question_problem(passage: str, question: Question) -> str | None:
    """Why a generated question must not be shown: it is degenerate, gives its answer away, or has a
    name that its passage does not have."""
    if is_degenerate(question.question):
        return "looping or too short"
    if question.answer and gives_away(question.question, question.answer.text):
        return "giving the answer away"
    if invented_names(passage, question.question):
        return "naming what the passage does not"
    return None


def is_degenerate(question: str) -> bool:
    """Whether the text is too short, or loops: the same word, or pair of words, over and over."""
    words = [fold(word) for word in PIECE.findall(question)]
    if len(words) < 3:
        return True
    if any(a == b and a.isalpha() and a not in {"that", "had"} for a, b in pairwise(words)):
        return True
    content = Counter(word for word in words if len(word) > 3 and word not in FUNCTION_WORDS)
    if content and content.most_common(1)[0][1] > 2:
        return True
    pairs = Counter(pairwise(words))
    return pairs.most_common(1)[0][1] > 2 or 2 * len(set(words)) < len(words)


def invented_names(passage: str, question: str) -> list[str]:
    """The names and garbled words of a question that its passage does not have.

    A model may recall a name from its training, or garble one that it copies.  Words of the
    tagger's lexicon that are not proper nouns there, and those of the inflector's dictionary, are
    common ones, in whatever form, which a question may add; so is what is written in two words
    there, as "air strike".
    """
    words = PIECE.findall(fold(passage))
    there = {form for word in words for form in (word, word.removesuffix("s"))}
    stems = {word[:5] for word in there if len(word) > 4}
    invented = []
    for word in re.findall(r"[^\W\d_]{3,}(?!['’]t\b)", fold(question)):
        one = word.removesuffix("s")
        if {word, one} & there or any({one[:i], one[i:]} <= there for i in range(3, len(one) - 2)):
            continue
        if word[:5] in stems and (usual_tag(word) or usual_tag(one)):
            continue
        if not _is_known(word):
            invented.append(word)
    return invented


def _is_known(word: str) -> bool:
    """Whether a word is no name: it, or what it is a form of, is in the lexicon, which is American
    ("colour", "litres", "organising"), or in the dictionary ("deity", "download")."""
    if tag := usual_tag(word):
        return not tag.startswith("NNP")
    american = re.sub(r"(?<=\w\w)our", "or", re.sub(r"(?<=\w)tre(?=[sd]?$)", "ter", word))
    american = re.sub(r"(?<=\w\w)([iy])s(?=(?:e[drs]?|ers|ing|ations?)$)", r"\1z", american)
    bases = (base for form in (word, american) for found in lemmas(form).values() for base in found)
    known = (usual_tag(american) or "NNP", *(usual_tag(base) or "NN" for base in bases))
    return any(not tag.startswith("NNP") for tag in known)


def gives_away(question: str, answer: str) -> bool:
    """Whether the answer's words stand in the question, in whatever case, form or possessive."""
    asked, wanted = stems(question), [stem for stem in stems(answer) if stem not in ARTICLES]
    if not wanted:
        return False
    if asked[:1] == wanted and wanted[0] in INTERROGATIVES:
        asked = asked[1:]  # who the WHO is asked for by
    return any(
        asked[i : i + len(wanted)] == wanted for i in range(len(asked) - len(wanted) + 1)
    ) or (len(wanted) > 1 and set(wanted) <= set(asked))


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
    if ASKS_FOR_PERSON.match(asked[0]):
        return "person"
    place = _PLACE.match(question.question, asked.start())
    return "place" if place else question.answer.kind


_PLACE = re.compile(
    r"where\b|(?:what|which) (?:city|cities|country|countries|town|village|place|state|island|"
    r"region|district|street|river|continent)\b",
    re.I,
)
