"""How good a question is that somebody else asked, and what speaks against it, in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qgen.asking.checks import answer_problem, gives_away, invented_names, is_degenerate
from qgen.asking.confidence import confidence
from qgen.asking.pipeline import QuestionGenerator
from qgen.english.locate import locate_answer
from qgen.english.prose import passage_problem
from qgen.english.words import FUNCTION_WORDS, QUESTION_WORD, answer_tokens, token_f1
from qgen.errors import QGenError
from qgen.model.reader import Reading, reading
from qgen.records import Question

AGREEING = 0.5
"""Token F1 from which two answers count as the same one."""
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|am|be|been|do|does|did|has|have|had|can|could|will|would|shall|should|"
    r"may|might|must)\b",
    re.I,
)
_PRONOUN = re.compile(r"\b(?:he|she|they|him|them|his|her|hers|their|theirs)\b", re.I)
_WHO = re.compile(r"\bwho(?:m|se)?\b", re.I)
_ARTICLES = frozenset({"the", "a", "an", "this", "that", "these", "those"})
_NOUN_BEFORE = re.compile(r"\b(?:the|a|an|this|that|these|those)\s+\w+|\b[A-Z]\w+|\b\w{3,}s\b")


@dataclass(frozen=True)
class Verdict:
    """What is thought of a question.

    Attributes:
        confidence: how probable it is that the question is good, from 0 to 1; ``None`` where it
            cannot be told, for want of a reader, or since the question has no answer in a passage.
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
            located.append((passage, Question(question, locate_answer(passage, answer, start), 0)))
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
    read: list[Reading | None] = [None] * len(scored)
    if generator.reader:
        windows = generator.reader.windows([(p, q.question, q.answer) for p, q in scored])
        read = [
            reading(passage, question.answer, each)
            for (passage, question), each in zip(scored, windows, strict=True)
        ]
    verdicts = iter(
        _verdict(generator, passage, question, found)
        for (passage, question), found in zip(scored, read, strict=True)
    )
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
"""About the mean log-probability of the tokens of SQuAD's questions."""


def _verdict(
    generator: QuestionGenerator, passage: str, question: Question, found: Reading | None
) -> Verdict:
    assert question.answer is not None
    reasons = []
    if is_degenerate(question.question):
        reasons.append("the question is too short, or loops")
    if gives_away(question.question, question.answer.text):
        reasons.append("the question gives its answer away")
    if names := invented_names(passage, question.question):
        reasons.append(f"the passage does not have {' or '.join(map(repr, names))}")
    if pronoun := without_referent(question.question):
        reasons.append(f"'{pronoun}' has no referent")
    if found is None:
        return Verdict(None, reasons=tuple(reasons))
    answered = "" if found.unanswerable > found.probability else found.answer.text
    if not answered:
        reasons.append("the reader finds no answer in the passage")
    elif _is_part(question.answer.text, answered):
        reasons.append(f"the answer is only a part of {answered!r}")
    elif token_f1(answered, question.answer.text) < AGREEING:
        reasons.append(f"the reader answers {answered}")
    sure = confidence(passage, question, found, generator._weights)
    return Verdict(sure, answered, tuple(reasons))


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
        if _WHO.search(before):
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
    if first and first[1].lower() in FUNCTION_WORDS - _ARTICLES:
        words = words[first.end() :]  # its capital says nothing
    return bool(_NOUN_BEFORE.search(words))
