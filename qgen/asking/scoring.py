"""How good a question is that somebody else asked, and what speaks against it, in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qgen.asking.checks import answer_problem
from qgen.asking.pipeline import QuestionGenerator
from qgen.asking.reasons import reasons
from qgen.english.clean import Mended, clean_text
from qgen.english.prose import passage_problem
from qgen.errors import QGenError
from qgen.records import Question


@dataclass(frozen=True)
class Verdict:
    """What is thought of a question.

    Attributes:
        confidence: the probability, from 0 to 1, that a strict judge does not call the question
            wrong; ``None`` where it cannot be told, for want of a reader, or since the question
            has no answer in a passage.
        reader_answer: what the reader answers; empty where it finds no answer.
        reasons: what speaks against the question, a sentence each.
    """

    confidence: float | None
    reader_answer: str = ""
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict:
        """The verdict as plain JSON types: what ``qgen score`` adds to a row."""
        return {
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "reader_answer": self.reader_answer,
            "reasons": list(self.reasons),
        }


def score_rows(
    generator: QuestionGenerator, rows: Sequence[tuple[str, str, str, int | None]]
) -> list[Verdict]:
    """A verdict on each row of passage, question, answer and, where it is known, where the answer
    starts.

    Args:
        generator: see :func:`score_questions`.
        rows: an answer that is not in its passage is a reason, without a confidence.
    """
    located: list[tuple[str, Question]] = []
    problems: list[str] = []
    for passage, question, answer, start in rows:
        try:
            mended = Mended(passage)
            asked = Question(clean_text(question), mended.locate(answer, start), 0)
            located.append((mended.text, asked))
            problems.append("")
        except QGenError as error:
            problems.append(str(error))
    verdicts = iter(score_questions(generator, located))
    return [Verdict(None, reasons=(p,)) if p else next(verdicts) for p in problems]


def score_questions(
    generator: QuestionGenerator, questions: Sequence[tuple[str, Question]]
) -> list[Verdict]:
    """A verdict on each question.

    Args:
        generator: its reader answers the questions, and its generator says how likely it finds
            them.
        questions: passages, each with a question about it and the answer that it has there; the
            questions' own scores do not matter.
    """
    problems = [_problem(passage, question) for passage, question in questions]
    able = [pair for pair, problem in zip(questions, problems, strict=True) if not problem]
    scored = [
        (passage, replace(question, score=score))
        for (passage, question), score in zip(able, _surprises(generator, able), strict=True)
    ]
    if generator.reader:
        read = generator.reader.windows([(p, q.question, q.answer) for p, q in scored])
        judged = [generator.judged(*pair, each) for pair, each in zip(scored, read, strict=True)]
        verdicts = iter(Verdict(sure, found.answered, against) for found, sure, against in judged)
    else:
        verdicts = iter(Verdict(None, reasons=tuple(reasons(*pair, None))) for pair in scored)
    return [Verdict(None, reasons=(p,)) if p else next(verdicts) for p in problems]


def _problem(passage: str, question: Question) -> str | None:
    """Why nothing can be said of a question."""
    if not re.search(r"\w", question.question):
        return "the question has no words"
    if question.answer is None:
        return "the question has no answer"
    return passage_problem(passage) or answer_problem(passage, question.answer)


def _surprises(
    generator: QuestionGenerator, questions: Sequence[tuple[str, Question]]
) -> list[float]:
    """The mean log-probability of each question's tokens; of one whose answer is too long for the
    generator, that of an ordinary question."""
    try:
        return generator.generator.score(questions)
    except QGenError:
        if len(questions) == 1:
            return [ORDINARY]
        half = len(questions) // 2
        return _surprises(generator, questions[:half]) + _surprises(generator, questions[half:])


ORDINARY = -1.0
"""About the mean log-probability of the tokens of SQuAD's questions, in nats."""
