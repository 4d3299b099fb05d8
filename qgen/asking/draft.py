"""What goes through the stages of asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qgen.records import Answer, Question, Result

if TYPE_CHECKING:
    from qgen.asking.fitness import Blank
    from qgen.model.reader import Window


@dataclass
class Draft:
    """A question in the making; each stage fills in more of it.

    Attributes:
        number: of the request that it is of, from 0.
        passage: the text.
        answer: what is to be asked for; ``None`` where that is the problem.
        beside: other paragraphs of the same document.
        given: whether the user gave the answer.
        spare: whether it was proposed after others, most of which did not do.
        problem: a sentence that says why nothing can be asked; empty where something can.
        n_best: the questions that were decoded, best first.
        question: the chosen one of them, later with its confidence and its distractors; ``None``
            before one is chosen, and where none is fit to be shown.
        windows: what the reader read with the question.
        written: statements with the answer that the generator wrote, best first.
        blanks: what the models make of the statements that have the answer, by their blanks.
        asked: the question that one of another type is made of; empty for one that is asked.
        dropped: a reason for each question that was dropped.
    """

    number: int
    passage: str
    answer: Answer | None = None
    beside: tuple[str, ...] = ()
    given: bool = False
    spare: bool = False
    problem: str = ""
    n_best: Sequence[Question] = ()
    question: Question | None = None
    windows: Sequence[Window] = ()
    written: Sequence[str] = ()
    blanks: dict[str, Blank] = field(default_factory=dict)
    asked: str = ""
    dropped: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What became of the drafts of one request.

    Attributes:
        kept: the drafts with the questions to show, in their order.
        dropped: reason to the number of questions that were dropped for it.
        problems: what could not be asked, and why.
        passed_over: why nothing was asked at all, though nothing is wrong.
    """

    kept: list[Draft] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    passed_over: str = ""

    @property
    def result(self) -> Result:
        """The same as it is handed out."""
        questions = tuple(draft.question for draft in self.kept if draft.question)
        return Result(questions, dict(self.dropped), tuple(self.problems), self.passed_over)
