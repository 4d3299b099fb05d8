"""What speaks against a question, in words."""

from __future__ import annotations

import re

from qgen.asking.checks import gives_away, invented_names, is_degenerate
from qgen.english.dictionary import usual_tag
from qgen.english.words import (
    ASKS_FOR_PERSON,
    FINITE_AUXILIARIES,
    FUNCTION_WORDS,
    QUESTION_WORD,
    answer_tokens,
    same_answer,
)
from qgen.model.reader import Reading
from qgen.records import Question

_AUXILIARY = re.compile(rf"\b(?:be|been|{'|'.join(FINITE_AUXILIARIES)})\b", re.I)
_PRONOUN = re.compile(r"\b(?:he|she|they|him|them|his|her|hers|their|theirs)\b", re.I)
_DETERMINERS = frozenset({"the", "a", "an", "this", "that", "these", "those"})
_NOUN_BEFORE = re.compile(r"\b(?:the|a|an|this|that|these|those)\s+\w+|\b[A-Z]\w+|\b\w{3,}s\b")

_UNCHANGED = frozenset("aircraft bison deer elk fish moose police salmon sheep swine trout".split())
"""Plurals that the tagger takes for singular."""


def reasons(passage: str, question: Question, found: Reading | None) -> list[str]:
    """What speaks against a question, a sentence each.

    Args:
        passage: what it is about.
        question: with its answer.
        found: what the reader makes of it; ``None`` without a reader.
    """
    assert question.answer is not None
    against = []
    if is_degenerate(question.question):
        against.append("the question is too short, or loops")
    if gives_away(question.question, question.answer.text):
        against.append("the question gives its answer away")
    if names := invented_names(passage, question.question):
        against.append(f"the passage does not have {' or '.join(map(repr, names))}")
    if pronoun := without_referent(question.question):
        against.append(f"'{pronoun}' has no referent")
    if found is None:
        return against
    if not found.answered:
        against.append("the reader finds no answer in the passage")
    elif _is_part(question.answer.text, found.answered):
        against.append(f"the answer is only a part of {found.answered!r}")
    elif not same_answer(found.answered, question.answer.text):
        against.append(f"the reader answers {found.answered}")
    return against


def _is_part(answer: str, whole: str) -> bool:
    """Whether an answer is one or some of the things that a list has."""
    is_list = bool(re.search(r",|\band\b|\bor\b|;", whole)) and len(whole) > len(answer)
    return is_list and set(answer_tokens(answer)) < set(answer_tokens(whole))


def without_referent(question: str) -> str:
    """The first pronoun of a question that nothing before it can stand for; empty if none.

    What a question asks for is no referent of "they" ("What famous bridge did they build?"), but
    who it asks for may be one ("Who lost his hat?").
    """
    for pronoun in _PRONOUN.finditer(question):
        before = question[: pronoun.start()]
        if ASKS_FOR_PERSON.search(before):
            continue
        word = QUESTION_WORD.search(before)
        known = [before[: word.start()] if word else before]
        if word:
            asked = _AUXILIARY.search(before, word.start())
            if not asked:
                continue  # of what is asked for itself: "Which countries lost their colonies?"
            known.append(before[asked.end() :])
        if not any(map(_may_be_meant, known)):
            return pronoun[0].lower()
    return ""


def _may_be_meant(words: str) -> bool:
    """Whether there is a name or noun that a pronoun can stand for."""
    first = re.match(r"\W*(\w+)", words)
    if first and first[1].lower() in FUNCTION_WORDS - _DETERMINERS:
        words = words[first.end() :]  # its capital says nothing
    if _NOUN_BEFORE.search(words):
        return True
    found = re.findall(r"\w+", words.lower())
    return any(usual_tag(word) == "NNS" or word in _UNCHANGED for word in found)
