"""The wrong answers of a question of multiple choice, or of a false statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from qgen.asking.distractors import candidates, chosen, first_values
from qgen.asking.draft import Draft
from qgen.asking.plausibility import Plausibility
from qgen.english.things import things
from qgen.english.values import shape
from qgen.english.words import answer_tokens
from qgen.model.reader import Window, best_spans

PLAUSIBLE = 0.5
"""How plausible a wrong answer must be, from 0 to 1.  Of 586 judged sets 146 are then complete, 87
of them with three that are plausible and wrong; at 0.3 it is 114 of 299, at 0.6 73 of 105 (by
cross-validation)."""
STATED = 0.7
"""The same for one that a false statement holds.  Of 101 judged statements with another name or
thing 11 of the 29 with such a one were good, and 12 of the 72 others."""


def complete(drafts: Sequence[Draft], count: int, plausibility: Plausibility) -> None:
    """Give each question so many of the wrong answers that fit it best, or say how many it
    lacks."""
    for draft in drafts:
        assert draft.question
        wrong = wrong_answers(draft, count, plausibility)
        lacking = count - len(wrong)
        note = f"{lacking} of {count + 1} choices not found" if lacking else ""
        draft.question = replace(draft.question, distractors=tuple(wrong), note=note)


def wrong_answers(
    draft: Draft,
    count: int,
    plausibility: Plausibility,
    least: float = PLAUSIBLE,
    beside: str = "",
) -> list[str]:
    """Wrong answers for a draft's question, best first.

    Args:
        draft: with what the reader read with its question, if there is a reader.
        count: how many; there may be fewer.
        plausibility: ranks names and phrases.
        least: how plausible each must be, from 0 to 1.
        beside: none has these words.
    """
    assert draft.question and draft.question.answer
    answer = draft.question.answer
    question = draft.asked or draft.question.question
    known = f"{question} {beside}"
    right = partial(_answers_too, _likely_answers(draft.passage, draft.windows))
    if shape(answer.text):
        return first_values(draft.passage, known, answer, count, right)
    found = candidates(draft.passage, question, answer, draft.beside, things())
    ordered = plausibility.ranked(question, answer.text, found, least)
    return chosen(known, answer.text, ordered, count, right, things())


def takes_choices(draft: Draft) -> bool:
    """Whether a question can be one of multiple choice: true and false are choices already."""
    return draft.question is not None and draft.question.is_true is None


def _likely_answers(passage: str, windows: Sequence[Window]) -> list[set[str]]:
    """The words of each span that the reader thinks most likely to answer its question."""
    return [
        set(answer_tokens(passage[begin:end])) for _, begin, end in best_spans(passage, windows, 3)
    ]


def _answers_too(likely: Sequence[set[str]], text: str) -> bool:
    """Whether a text is part of one of them, and so no wrong answer."""
    return any(set(answer_tokens(text)) <= span for span in likely)
