"""Which questions to show: the best ones that do not repeat one another, spread over the text."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from qgen.asking.checks import question_problem
from qgen.asking.draft import Draft
from qgen.english.passage import sentence_spans
from qgen.english.words import near_duplicates
from qgen.records import Question
from qgen.settings import CLAUSE_KINDS, QuizSettings

SPREAD = 0.05
"""Confidence that a question loses for each better one about the same sentence of its passage, or
the same paragraph of its document.  No measurement of this value is recorded."""
CLAUSES = 5
"""Of so many questions one asks for a clause, such as a reason, where the passage has any.  A round
number; no measurement is recorded."""


def rank(drafts: Iterable[Draft], quiz: QuizSettings) -> tuple[list[Draft], Counter[str]]:
    """The drafts with the best questions, which do not repeat one another, and why the others were
    dropped.

    Args:
        drafts: about one passage, with question and answer; ranked by confidence and so that they
            spread over the passage, or by score where they have no confidence.
        quiz: how many to keep at most, and how sure they must be.

    Of every five that may be kept one asks for a clause, such as a reason, if one is good enough.

    Returns:
        The kept ones, best first, and reason to number of the dropped ones; those for which there
        was only no room left are not counted.
    """
    left = [(draft, draft.question) for draft in drafts if draft.question]
    passage = left[0][0].passage if left else ""
    ends = [end for _, end in sentence_spans(passage)]
    kept: list[tuple[Draft, Question]] = []
    dropped: Counter[str] = Counter()
    asked: Counter[int] = Counter()  # questions by sentence

    def sentence(question: Question) -> int:
        return bisect_right(ends, question.answer.start) if question.answer else -1

    def worth(one: tuple[Draft, Question]) -> float:
        question = one[1]
        unchecked = question.confidence is None  # scores are on another scale
        return question.sureness - (0 if unchecked else SPREAD * asked[sentence(question)])

    share = share_of_clauses(quiz.max_answers)
    worths: list[float] = []
    while left and len(kept) < quiz.max_answers:
        clauses = [one for one in left if _asks_for_clause(one[1])]
        wanted = clauses if sum(_asks_for_clause(q) for _, q in kept) < share else []
        best = max(wanted or left, key=worth)
        left.remove(best)
        question = best[1]
        if reason := question_problem(passage, question):
            dropped[reason] += 1
        elif question.confidence is not None and question.confidence < _bar(best[0], quiz):
            dropped["not trusted by the reader"] += 1
        elif any(_overlap(question, other) for _, other in kept):
            dropped["overlapping a better answer"] += 1
        elif any(near_duplicates(question.question, other.question) for _, other in kept):
            dropped["repeating another question"] += 1
        else:
            kept.append(best)
            worths.append(worth(best))
            asked[sentence(question)] += 1
    order = sorted(range(len(kept)), key=worths.__getitem__, reverse=True)
    return [kept[i][0] for i in order], dropped


def _bar(draft: Draft, quiz: QuizSettings) -> float:
    """The confidence that a draft's question must have: more where it was not among the first to be
    tried, since the more are tried, the more wrong ones pass any bar: by a third of the
    way to certainty, or of the bar where that is less.  No measurement of the third is recorded."""
    least = quiz.min_confidence
    return least + min(least, 1 - least) / 3 if draft.spare else least


def share_of_clauses(count: int) -> int:
    """How many of so many questions ask for a clause, at least: one of every five begun."""
    return -(-count // CLAUSES)


def best_of_document(
    questions: Iterable[tuple[int, Question]], count: int
) -> list[tuple[int, Question]]:
    """The best questions of a document, spread over its paragraphs, without near-duplicates.

    Args:
        questions: each with the number of its paragraph.
        count: how many at most.

    Returns:
        The chosen ones in the order of the text.
    """
    left = list(questions)
    kept: list[tuple[int, Question]] = []
    asked: Counter[int] = Counter()  # questions by paragraph
    while left and len(kept) < count:
        best = max(left, key=lambda pair: pair[1].sureness - SPREAD * asked[pair[0]])
        left.remove(best)
        number, question = best
        if not any(near_duplicates(question.question, other.question) for _, other in kept):
            kept.append(best)
            asked[number] += 1
    return sorted(kept, key=lambda pair: (pair[0], pair[1].answer.start if pair[1].answer else 0))


def _asks_for_clause(question: Question) -> bool:
    return bool(question.answer and question.answer.kind in CLAUSE_KINDS)


def _overlap(first: Question, second: Question) -> bool:
    return bool(first.answer and second.answer and first.answer.overlaps(second.answer))
