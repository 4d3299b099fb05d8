"""How sure one can be that a sentence does before a class when it stands alone: a logistic
regression on what it shows and on the confidence of the question behind it, fitted to judged
fill-in-the-blank and true statements (``recipes/statements.py``)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qgen.asking.confidence import features as confidence_features
from qgen.asking.logistic import probability, shipped
from qgen.asking.statements import Statement, sentence_of
from qgen.english.passage import Passage
from qgen.english.quantities import YEAR
from qgen.english.words import FUNCTION_WORDS, WORD, stems
from qgen.model.reader import Reader, Reading, reading
from qgen.records import Answer, Question
from qgen.settings import STATEMENT

if TYPE_CHECKING:
    from qgen.asking.generator import NBestGenerator

WEIGHTS_FILE = Path(__file__).with_name("fitness.json")
"""Holds a weight for each of :func:`features`, by name, and a ``bias``."""

_THING = re.compile(r"\b[Tt]he ([a-z-]{3,})\b(?! (?:of|that|which|who|in)\b)")
_LINK = re.compile(
    r"\b(?:however|therefore|thus|instead|for example|in contrast|also|then|another|third|second|"
    r"such|others?|typical)\b",
    re.I,
)
_NAME = re.compile(r"\b[A-Z]\w+")
_IS_A = re.compile(r"\W*(?:is|are|was|were) (?:an?|the|one)\b")


_OF_BLANK = (
    "surprise",
    "agreement",
    "answered",
    "expected",
    "unanswerable",
    "foreign",
    "repeated",
    "reordered",
    "copied",
    "rarity",
)
"""What the confidence looks at in a question, and the fitness in a blank."""


class Blank(NamedTuple):
    """What the models make of a statement.

    Attributes:
        score: how probable the generator finds it as one, see
            :meth:`qgen.asking.generator.NBestGenerator.score`.
        reading: what the reader fills into its blank.
    """

    score: float
    reading: Reading


def blanks(
    generator: NBestGenerator, reader: Reader, made: Sequence[tuple[str, Answer, Statement]]
) -> list[Blank]:
    """What the models make of statements, each with its passage and answer."""
    whole = [(p, Question(found.holding(found.answer), answer, 0)) for p, answer, found in made]
    scores = generator.score(whole, (STATEMENT,) if STATEMENT in generator.controls else ())
    read = reader.windows([(passage, found.cloze, answer) for passage, answer, found in made])
    return [
        Blank(score, reading(passage, answer, windows))
        for (passage, answer, _), score, windows in zip(made, scores, read, strict=True)
    ]


def features(
    passage: str, question: Question, found: Statement, blank: Blank | None = None
) -> dict[str, float]:
    """What the fitness depends on.

    Args:
        passage: the text.
        question: about it, with its answer and confidence.
        found: the statement that has that answer.
        blank: what the models make of it; without, these features are 0.

    Returns:
        ``confidence``: of the question, as log-odds; of the sentence without the answer
        ``definite``: how many things have an article and nothing after them ("the girl"), ``back``:
        how many of these an earlier sentence speaks of, ``led``: 1 where it begins with "the" and a
        small letter, ``linked``: 1 where a word links it to others, ``broken``: 1 where it has a
        dash or semicolon, ``quoted``: 1 where it has quotation marks, ``words``, ``content`` words,
        and ``names``, four at most; of the answer ``bracketed``: 1 where brackets follow it, as
        those of an abbreviation do, or hold it, ``fronted``: 1 where the sentence begins with it,
        ``article``: 1 behind "a" or "an", ``own_article``: 1 where it begins with "the",
        ``length``: its words, ``capital`` and ``digit``: 1 where it has one; and of both, by the
        passage, ``first``: 1 where it is the first sentence, ``known``: how many of its names, four
        at most, an earlier sentence has, ``past``: its verbs in the past, ``year``: 1 where it has
        one, ``is_a``: 1 where it says of the answer what it is, ``echo``: 1 where another word of
        it begins as one of the answer's does ("Chinese", "China"), ``elsewhere``: the share of the
        answer's words that other sentences have; ``written``: 1 where the generator wrote it; and,
        with its blank taken for a question, what :func:`qgen.asking.confidence.features` tells:
        ``blank_surprise`` and so on.
    """
    assert question.answer
    answer, text = question.answer.text, found.before + found.after
    whole = found.holding(found.answer)
    of = Passage.of(passage)
    own = sentence_of(passage, question.answer)
    assert own is not None  # or no statement would have been made
    begin, end = of.sentences[own]
    earlier = set(stems(passage[:begin]))
    things = [stems(thing)[-1:] for thing in _THING.findall(text)]
    words = WORD.findall(text)
    names = _NAME.findall(text, 1 if found.before else 0)  # a sentence's first letter is none
    told, others = stems(answer), earlier | set(stems(passage[end:]))
    sure = min(max(question.sureness, 0.01), 0.99)
    return {
        "confidence": math.log(sure / (1 - sure)),
        "definite": float(len(things)),
        "back": float(sum(set(thing) <= earlier for thing in things)),
        "led": float(bool(re.match(r"the [a-z]", text, re.I))),
        "linked": float(bool(_LINK.search(text))),
        "broken": float(bool(re.search(r"[;:—]|--", text))),
        "quoted": float(bool(re.search(r"[\"“]", text))),
        "words": float(len(words)),
        "content": float(sum(len(w) > 2 and w.lower() not in FUNCTION_WORDS for w in words)),
        "names": float(min(4, len(names))),
        "bracketed": float(found.after.startswith((" (", ")"))),
        "fronted": float(not found.before),
        "article": float(bool(re.search(r"\ban? \Z", found.before, re.I))),
        "own_article": float(answer.lower().startswith("the ")),
        "length": float(len(answer.split())),
        "capital": float(answer[:1].isupper()),
        "digit": float(any(c.isdigit() for c in answer)),
        "first": float(own == 0),
        "known": float(sum(name in passage[:begin] for name in names[:4])),
        "past": float(sum(token.tag == "VBD" for row in Passage.of(whole).tokens for token in row)),
        "year": float(bool(YEAR.search(text))),
        "is_a": float(not found.before and bool(_IS_A.match(found.after))),
        "echo": float(_echoes(answer, text)),
        "elsewhere": len([s for s in told if s in others]) / max(1, len(told)),
        "written": float(found.is_written),
        **_of_blank(passage, found, question.answer, blank),
    }


def _of_blank(
    passage: str, found: Statement, answer: Answer, blank: Blank | None
) -> dict[str, float]:
    """What the confidence would look at if the statement's blank were a question."""
    if not blank:
        return {f"blank_{name}": 0.0 for name in _OF_BLANK}
    values = confidence_features(passage, Question(found.cloze, answer, blank.score), blank.reading)
    return {f"blank_{name}": values[name] for name in _OF_BLANK}


def _echoes(answer: str, text: str) -> bool:
    """Whether a word of the text begins as one of the answer does, for most of the shorter one."""
    told, words = (
        [w.lower() for w in WORD.findall(of) if len(w) > 3 and w.lower() not in FUNCTION_WORDS]
        for of in (answer, text)
    )
    return any(
        a[:most] == b[:most]
        for a in told
        for b in words
        if (most := max(4, math.ceil(0.6 * min(len(a), len(b)))))
    )


def fitness(
    passage: str, question: Question, found: Statement, blank: Blank | None = None
) -> float:
    """How probable it is that a careful teacher would use a statement with its answer blanked, or
    as a true one, unchanged, from 0 to 1; see :func:`features`."""
    return probability(shipped(WEIGHTS_FILE), features(passage, question, found, blank))
