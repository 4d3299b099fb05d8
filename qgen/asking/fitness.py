"""How sure one can be that a sentence does before a class when it stands alone: a logistic
regression on what it shows and on the confidence of the question behind it, fitted to judged
fill-in-the-blank and true statements (``recipes/statements.py``)."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path

from qgen.asking.logistic import probability
from qgen.asking.statements import Statement
from qgen.english.passage import sentence_spans
from qgen.english.words import FUNCTION_WORDS, WORD, stems
from qgen.records import Question

WEIGHTS = Path(__file__).with_name("fitness.json")
"""Of :func:`features`, by name, with ``bias``."""

_THING = re.compile(r"\b[Tt]he ([a-z-]{3,})\b(?! (?:of|that|which|who|in)\b)")
_LINK = re.compile(
    r"\b(?:however|therefore|thus|instead|for example|in contrast|also|then|another|third|second|"
    r"such|others?|typical)\b",
    re.I,
)
_NAME = re.compile(r"\b[A-Z]\w+")


def features(passage: str, question: Question, found: Statement) -> dict[str, float]:
    """What the fitness depends on.

    Args:
        passage: the text.
        question: about it, with its answer and confidence.
        found: the sentence of that answer.

    Returns:
        ``confidence``: of the question, as log-odds; of the sentence without the answer
        ``definite``: how many things have an article and nothing after them ("the girl"), ``back``:
        how many of these an earlier sentence speaks of, ``led``: 1 where it begins with "the" and a
        small letter, ``linked``: 1 where a word links it to others, ``broken``: 1 where it has a
        dash or semicolon, ``quoted``: 1 where it has quotation marks, ``words``, ``content`` words,
        and ``names``, four at most; of the answer ``bracketed``: 1 where brackets follow it, as
        those of an abbreviation do, or hold it, ``fronted``: 1 where the sentence begins with it,
        ``article``: 1 behind "a" or "an", ``own_article``: 1 where it begins with "the",
        ``length``: its words, ``capital`` and ``digit``: 1 where it has one.
    """
    assert question.answer
    answer, text = question.answer.text, found.before + found.after
    begin = next(b for b, e in sentence_spans(passage) if b <= question.answer.start < e)
    earlier = set(stems(passage[:begin]))
    things = [stems(thing)[-1:] for thing in _THING.findall(text)]
    words = WORD.findall(text)
    names = _NAME.findall(text, 1 if found.before else 0)  # a sentence's first letter is none
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
    }


def fitness(passage: str, question: Question, found: Statement) -> float:
    """How probable it is that a careful teacher would use a statement with its answer blanked, or
    as a true one, unchanged, from 0 to 1; see :func:`features`."""
    return probability(_weights(), features(passage, question, found))


@cache
def _weights() -> dict[str, float]:
    return json.loads(WEIGHTS.read_text(encoding="utf-8"))
