"""The records that pass between reading, generating, checking, evaluating and writing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

BLANK = "_____"
"""What a cloze question has in place of its answer."""
ELSEWHERE = "answered_elsewhere"
"""The field of a question that has the numbers of the other records that answer it."""


@dataclass(frozen=True)
class Answer:
    """A span of a passage, located once: by :func:`qgen.english.locate.locate_answer`, or proposed.

    Attributes:
        text: the passage's own characters.
        start: offset of the first of them in the passage.
        kind: one of :data:`qgen.settings.ANSWER_KINDS`, "person" or "place" only once it is asked
            for; empty for an answer that the user gave.
    """

    text: str
    start: int
    kind: str = ""

    @property
    def end(self) -> int:
        """Offset of the first character after the answer."""
        return self.start + len(self.text)

    def overlaps(self, other: Answer) -> bool:
        """Whether the two spans share a character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Example:
    """A passage, its answer and the reference question: what training and evaluation read.

    Attributes:
        passage: the text that holds the answer.
        answer: the answer, or ``None`` where none is known (answer-agnostic).
        question: the reference question.
        id: the data set's own identifier, carried through unchanged.
        other_answers: texts that are right as well, such as other annotators'.
        controls: names of the style and of the kind of question, see
            :class:`qgen.model.unilm.Seq2SeqConfig`; none for a quiz's.
    """

    passage: str
    answer: Answer | None = None
    question: str = ""
    id: str = ""
    other_answers: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """One unit of work: a passage, and the answers to ask for.

    Attributes:
        passage: the text to ask about.
        answers: the answers, each asked for; if there are none, answers are proposed.  A plain
            text among them is looked for in the passage.
        extra: the input row's other fields, copied to the output row.
        problems: what is wrong with those of the row's answers that are not asked for.
        beside: other paragraphs of the same document, whose names may be wrong choices.
        headings: of its document, the outermost first, under which it stands.
    """

    passage: str
    answers: tuple[Answer, ...] = ()
    extra: dict = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()


def beside_one_another(requests: Sequence[Request]) -> list[Request]:
    """Requests each with the passages nearest to it in its document, which ``extra`` names, or else
    in their file; those that have some already keep them."""

    def near(passages: list[str], i: int) -> tuple[str, ...]:
        around = passages[max(0, i - BESIDE) : i + BESIDE + 1]
        return tuple(p for p in dict.fromkeys(around) if isinstance(p, str) and p != passages[i])

    found: list[Request] = []
    for _, group in groupby(requests, key=lambda request: request.extra.get("document")):
        rows = list(group)
        passages = [row.passage for row in rows]
        found += [
            row if row.beside else replace(row, beside=near(passages, i))
            for i, row in enumerate(rows)
        ]
    return found


BESIDE = 10
"""Passages before and behind another one that are beside it.  A round number; no measurement is
recorded."""


@dataclass(frozen=True)
class Question:
    """A generated question.

    Attributes:
        question: its text.
        answer: the answer it asks for, or ``None`` where it was generated without one.
        score: mean log-probability of its tokens, in nats; higher is better.  N-best are ordered by
            their confidence, without a reader by what beam search maximises, in which longer ones
            may be favoured.
        confidence: the probability, from 0 to 1, that a strict judge does not call the question
            wrong; of a "cloze" or "true-false" one, that its sentence is good (half of that where
            it is false).  ``None`` where no reader has checked it.
        distractors: wrong answers to choose among, where multiple choice was asked for.
        type: "wh" for whatever is asked, why and how among it; "cloze" or "true-false" for a
            sentence of the passage with the answer blanked, or with the answer or a wrong one.
        is_true: of a "true-false" one, whether it has the answer; else ``None``.
        note: what whoever uses it should know, such as "1 of 4 choices not found".
        reasons: what speaks against it, a sentence each, where a reader has checked it.
    """

    question: str
    answer: Answer | None
    score: float
    confidence: float | None = None
    distractors: tuple[str, ...] = ()
    type: str = "wh"
    is_true: bool | None = None
    note: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def answer_text(self) -> str:
        """What is right to say: the answer, "True" or "False"; empty where there is none."""
        if self.is_true is not None:
            return str(self.is_true)
        return self.answer.text if self.answer else ""

    @property
    def sureness(self) -> float:
        """What questions are compared by: the confidence, or the score where there is none."""
        return self.score if self.confidence is None else self.confidence

    @property
    def choices(self) -> list[str]:
        """The answer among its distractors, in an order that always is the same; empty where there
        are none."""
        if not self.distractors or self.answer is None:
            return []
        choices = sorted([self.answer.text, *self.distractors])
        random.Random(self.question).shuffle(choices)
        return choices

    def to_dict(self) -> dict:
        """The record as plain JSON types: what every output file holds of a question.

        Multiple choice adds ``choices``, which hold the answer, and ``note`` where there are fewer
        than asked for; a type other than "wh" adds
        ``type``, and a false statement ``correction``: the passage's words in place of the wrong.
        ``reasons`` say what speaks against the question, where something does.
        """
        answer = self.answer
        record: dict = {
            "question": self.question,
            "answer": self.answer_text,
            "answer_start": answer.start if answer else None,
            "kind": answer.kind if answer else "",
            "score": round(self.score, 6),
            "confidence": None if self.confidence is None else round(self.confidence, 4),
        }
        if self.distractors:
            record["choices"] = self.choices
        if self.type != "wh":
            record["type"] = self.type
        if self.is_true is False and answer:
            record["correction"] = answer.text
        if self.note:
            record["note"] = self.note
        if self.reasons:
            record["reasons"] = list(self.reasons)
        return record


@dataclass(frozen=True)
class Result:
    """What came of a request.

    Attributes:
        questions: best first.
        dropped: reason to the number of questions that were dropped for it.
        problems: sentences that say why nothing can be asked, of the passage or some answer.
        passed_over: why the passage was not asked about: it is not of the topic, or of the part of
            its document, that is wanted.
        passage: the passage that the answers' offsets are of, where its characters were mended
            (:mod:`qgen.english.clean`); empty where it is as it was given.
    """

    questions: tuple[Question, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    passed_over: str = ""
    passage: str = ""

    @property
    def reason(self) -> str:
        """Why nothing, or not more, was kept, such as ``"2 giving the answer away"``."""
        counted = ", ".join(f"{count} {reason}" for reason, count in self.dropped.items())
        return "; ".join(filter(None, [counted, *self.problems, self.passed_over]))

    @property
    def failure(self) -> str:
        """One line that says why there are no questions."""
        if not self.dropped:
            return self.reason or "no question could be asked"
        return f"no question is worth showing: {self.reason}"


def splits_word(text: str, at: int) -> bool:
    """Whether cutting the text before character ``at`` cuts a word, or a number such as 1,200."""
    left, right = text[max(at - 1, 0) : at], text[at : at + 1]
    if left.isalnum() and right.isalnum():
        return True
    after_mark = left in {".", ","} and right.isdigit() and text[max(at - 2, 0) : at - 1].isdigit()
    before_mark = left.isdigit() and right in {".", ","} and text[at + 1 : at + 2].isdigit()
    return after_mark or before_mark
