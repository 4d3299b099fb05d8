"""Which of an answer's n-best questions are read, and which of these are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from qgen.asking.checks import is_degenerate, kind_asked_for, question_problem
from qgen.asking.draft import Draft
from qgen.asking.reasons import reasons
from qgen.asking.types import are_made, opening_type
from qgen.english.words import words_repeated
from qgen.records import Question
from qgen.settings import OPEN_TYPES, QuizSettings

TRIED = 2
"""Of an answer's n-best so many are read, at least, where the first is not sure."""
SURE = 0.5
"""The confidence from which the first is.  On 96 of SQuAD's answers the mean confidence rises by
0.027 for a sixth of the speed; with three read below 0.6 it rises by 0.039 for more than a third,
and with five of 786 other answers by as much as that."""


def alternatives(draft: Draft, count: int, quiz: QuizSettings) -> tuple[list[Draft], list[Draft]]:
    """The draft with each of its n-best that may be shown, best first: the first ``count``, and
    others to try where these are not sure.  Without any, one draft says why."""
    if draft.problem or not draft.n_best:
        return [draft], []
    fit = list(islice(_without_problem(draft.passage, draft.n_best), max(count, TRIED)))
    if draft.given:  # it always gets a question, with what speaks against it
        drafts = [replace(draft, question=q) for q in fit or [_least_bad(draft)]]
    else:  # without a fit one, ranking says why
        drafts = [_as_proposed(draft, question, quiz) for question in fit or draft.n_best[:1]]
        drafts = [one for one in drafts if one.question] or drafts[:1]
    return drafts[:count], drafts[count:]


def _least_bad(draft: Draft) -> Question:
    """The best of a draft's n-best where all have a problem, and what speaks against it."""
    question = min(draft.n_best, key=lambda question: is_degenerate(question.question))
    return replace(question, reasons=tuple(reasons(draft.passage, question, None)))


def _as_proposed(draft: Draft, question: Question, quiz: QuizSettings) -> Draft:
    """The draft of a proposed answer with a question, if that is of a kind and type wanted."""
    answer = question.answer
    assert answer
    kind = kind_asked_for(question)
    if quiz.kinds and not {kind, answer.kind} & set(quiz.kinds):
        return replace(draft, dropped=("for another kind of answer",))
    types = quiz.types or OPEN_TYPES
    if not are_made(types) and opening_type(question.question) not in types:
        return replace(draft, dropped=("of another type of question",))
    return replace(draft, question=replace(question, answer=replace(answer, kind=kind)))


def sureness(draft: Draft) -> float:
    """The confidence of the draft's question; of one without, 1, since no other would help."""
    return draft.question.sureness if draft.question else 1.0


def surest(first: Sequence[Draft], others: Sequence[Draft]) -> list[Draft]:
    """As many of a draft's alternatives as the first are: the surest of those that were judged."""
    judged = [one for one in others if one.question and one.question.confidence is not None]
    return sorted([*first, *judged], key=sureness, reverse=True)[: len(first)]


def _without_problem(passage: str, questions: Sequence[Question]) -> Iterator[Question]:
    """Those that may be shown, best first.

    The ones that say a word twice come last: "What did the court order the buyer to pay the buyer?"
    is how a small model loses its thread.
    """
    ordered = sorted(questions, key=lambda question: words_repeated(question.question) > 0)
    return (question for question in ordered if not question_problem(passage, question))
