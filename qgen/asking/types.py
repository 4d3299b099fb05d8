"""Types of question: which one a question is, and how a passage's are spread over several."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from qgen.asking.draft import Draft
from qgen.asking.fitness import fitness
from qgen.asking.statements import (
    Statement,
    misfit,
    sentence_of,
    statement,
    statement_problem,
    written_statement,
)
from qgen.english.passage import Passage
from qgen.english.words import FINITE_AUXILIARIES
from qgen.settings import OPEN_TYPES

_WHY = re.compile(r"(?:\w+ )?why\b|for what (?:reason|purpose)\b|what (?:is|was) the reason", re.I)
_HOW = re.compile(rf"(?:\w+ )?how (?:{'|'.join(FINITE_AUXILIARIES)})\b", re.I)
_UNWANTED = "of another type of question"

FIT = 0.55
"""The fitness that a statement must have: of 1,438 that were judged alone 30 % have it, of which
60 % are good and 13 % wrong, where of all 35 % and 35 % are (by cross-validation)."""

OF_FALSE = 0.5
"""What the fitness of a false statement is multiplied by: of judged true ones 54 % were good, of
false ones 26 %."""

Wrong = Callable[[Draft, Statement], Sequence[str]]
"""Finds wrong answers for a draft's question, which its statement may hold instead, best first."""
Filled = Callable[[Draft, str], bool]
"""Whether a sentence's blank has another right filling."""


def opening_type(question: str) -> str:
    """Whether a question asks why or how - not how many -, or anything else: "wh"."""
    return "why" if _WHY.match(question) else "how" if _HOW.match(question) else "wh"


def are_made(types: Iterable[str]) -> bool:
    """Whether some types are made of a sentence, and not asked."""
    return not set(types) <= set(OPEN_TYPES)


def spread(
    drafts: Sequence[Draft],
    types: Sequence[str],
    count: int | None,
    wrong: Wrong,
    filled: Filled = lambda draft, sentence: False,
    least: float = 0.0,
) -> tuple[list[Draft], Counter[str]]:
    """Drafts of the types wanted, as equal in number as can be.

    Args:
        drafts: one passage's, each with a question that is asked; the best first.
        types: some of :data:`qgen.settings.QUESTION_TYPES`.
        count: how many at most; ``None`` for no limit.
        wrong: finds wrong answers for false statements.
        filled: tells of sentences with a blank that another filling is right too.
        least: the confidence that a statement must have: its fitness, or half of that if it is
            false.  One that is made for a given answer needs neither.

    Returns:
        The drafts in their order, or, where statements alone are wanted, those whose sentences are
        fittest first; and reason to number of those that suit no type.  What begins, and whether
        statements are true, is told by a hash of the text: it is always the same, and true and
        false ones take turns.
    """
    if not drafts:
        return [], Counter()
    shift = _hash(drafts[0].passage) % len(types)
    turns = dict.fromkeys([*types[shift:], *types[:shift]], 0)
    truth = _hash(drafts[0].question.question if drafts[0].question else "") % 2 == 0
    done: list[Draft] = []
    used: set[str] = set()  # sentences that were made something of
    dropped: Counter[str] = Counter()
    make = partial(_made, wrong=wrong, filled=filled, used=used, least=least)
    held = [(draft, fittest(draft)) for draft in drafts]
    if not set(types) & set(OPEN_TYPES) and not drafts[0].given:
        held.sort(key=lambda pair: pair[1][0].fitness, reverse=True)
    for draft, sentences in held:
        if len(done) == count:
            break
        reasons = []
        for kind in sorted(turns, key=turns.__getitem__):
            made = _of_type(draft, sentences, kind, truth, make)
            if not isinstance(made, str):
                done.append(made)
                turns[kind] += 1
                truth ^= kind == "true-false"
                break
            reasons.append(made)
        else:
            dropped[next((r for r in reasons if r != _UNWANTED), _UNWANTED)] += 1
    return done, dropped


class Rated(NamedTuple):
    """A statement that has a draft's answer, or why there is none; and how well it stands alone."""

    found: Statement | str
    fitness: float


def statements_of(draft: Draft) -> list[Statement | str]:
    """What is made of the sentence of a draft's answer, and of each statement that the generator
    wrote, or why nothing is."""
    assert draft.question and draft.question.answer
    passage, answer = draft.passage, draft.question.answer
    made = (written_statement(passage, answer, text) for text in draft.written)
    return [statement(passage, answer), *made]


def fittest(draft: Draft) -> list[Rated]:
    """The statements that may be made of a draft, the fittest first; never none."""
    question, found = draft.question, statements_of(draft)
    assert question
    fit = [
        Rated(each, fitness(draft.passage, question, each, draft.blanks.get(each.cloze)))
        for each in found
        if isinstance(each, Statement)
    ]
    return sorted(fit, key=lambda one: -one.fitness) or [Rated(found[0], 0.0)]


def _of_type(
    draft: Draft,
    sentences: Sequence[Rated],
    kind: str,
    truth: bool,
    make: Callable[[Draft, Rated, str, bool], Draft | str],
) -> Draft | str:
    """The draft with its question as one of a type, or why it cannot be."""
    question = draft.question
    assert question
    if kind in OPEN_TYPES:
        return draft if opening_type(question.question) == kind else _UNWANTED
    if opening_type(question.question) != "wh":
        return _UNWANTED
    problems = []
    for one in sentences:
        made = make(draft, one, kind, truth)
        if not isinstance(made, str):
            return made
        problems.append(made)
    return problems[0]


def _made(
    draft: Draft,
    sentence: Rated,
    kind: str,
    truth: bool,
    wrong: Wrong,
    filled: Filled,
    used: set[str],
    least: float,
) -> Draft | str:
    """What is made of one statement, or why it cannot be."""
    question, (found, fit) = draft.question, sentence
    assert question and question.answer
    if isinstance(found, str):
        return found
    held = sentence_of(draft.passage, question.answer)
    assert held is not None  # or no statement would have been made
    begin, end = Passage.of(draft.passage).sentences[held]
    uses = {found.holding(found.answer), draft.passage[begin:end]}
    if uses & used:
        return "in a sentence that is used already"
    if kind == "true-false" and (problem := statement_problem(found)):
        return problem
    if question.confidence is not None:
        sure = fit if truth or kind == "cloze" else OF_FALSE * fit
        if not draft.given and (fit < FIT or sure < least):
            return "not sure to be understood by itself"
        question = replace(question, confidence=sure)
    if kind == "cloze":
        if filled(draft, found.cloze):
            return "with another right filling"
        made = replace(question, question=found.cloze, type=kind)
    else:
        # Asked for of true ones too, or there would be more of them.
        others = [other for other in wrong(draft, found) if not misfit(found, other)]
        if not others:
            return "without a wrong answer to state"
        text = found.holding(found.answer if truth else others[0])
        made = replace(question, question=text, type=kind, is_true=truth)
    used |= uses
    return replace(draft, asked=question.question, question=made)


def _hash(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0]
