"""What goes through the stages of asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgen.model.reader import Window
from qgen.records import Answer, Question


@dataclass
class Draft:
    """A question in the making; each stage fills in more of it.

    Attributes:
        request: which of the call's requests it is of, from 0.
        passage: the text.
        answer: what is to be asked for; ``None`` where that is the problem.
        given: whether the user gave the answer.
        problem: a sentence that says why nothing can be asked; empty where something can.
        n_best: the questions that were decoded, best first.
        question: the chosen one of them, later with its confidence and its distractors; ``None``
            before one is chosen, and where none is fit to be shown.
        windows: what the reader read with the question.
        dropped: a reason for each question that was dropped.
    """

    request: int
    passage: str
    answer: Answer | None = None
    given: bool = False
    problem: str = ""
    n_best: Sequence[Question] = ()
    question: Question | None = None
    windows: Sequence[Window] = ()
    dropped: tuple[str, ...] = ()
