"""Which answers to ask for: the rules' phrases and the reader's spans, the most worth it first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from qgen.asking.checks import answer_problem
from qgen.asking.draft import Draft
from qgen.asking.selection import share_of_clauses
from qgen.english.passage import sentence_spans
from qgen.english.quantities import ESTIMATE, kind_by_form
from qgen.english.words import marks_pair
from qgen.model.reader import Window, best_spans, log_probability
from qgen.records import Answer
from qgen.settings import CLAUSE_KINDS, CONTROLS_OF_KINDS, QuizSettings

COST_OF_WORD = 0.3
"""What each word of a proposed answer costs, in nats, when spans are ranked by the reader;
chosen among six values (docs/experiments.md, "Cost of a word of an answer")."""
SPARE = 2
"""Proposed answers asked about for each question that is still wanted, since some questions will be
dropped.  A round number; no measurement is recorded."""
SPANS = 40
"""Spans that the reader may add per window of a passage.  A round number; no measurement is
recorded."""
WORTH_LISTING = 7.0
"""How many nats less than the best one a proposed answer that is listed may be worth: of two
passages the names, numbers and clauses were within 5, "born", "in" and "film" beyond 9.  No
measurement on more is recorded; what is asked about does not depend on it."""

_MARKS = '"“”()[] '
_GOES_ON = re.compile(r"[.@_][a-z0-9]")
"""What follows the beginning of an address or a file's name."""


def propose_spans(
    passage: str, windows: Sequence[Window], answers: Sequence[Answer], within: float = math.inf
) -> list[Answer]:
    """Answers ranked by how probable the reader finds it that a question would be asked for them.

    Args:
        passage: the text.
        windows: of the passage with no question, of :meth:`qgen.model.reader.Reader.windows`; the
            spans that they give most to are added.
        answers: by rule, as of :func:`propose_answers`.
        within: how many nats a span may be worth less than the best one.

    Returns:
        Those of both that do not cut a date or number of the rules, nor a name such as "Code.gov",
        and lie in one sentence.  A quotation mark or bracket at an end that stands there alone is
        left off; spans with other lone ones are no answers.
    """
    known = {(answer.start, answer.end): answer for answer in answers if marks_pair(answer.text)}
    ends = [end for _, end in sentence_spans(passage)]
    for _, begin, end in best_spans(passage, windows, SPANS * len(windows)):
        begin, end = _with_pairs(passage, begin, end)
        text = passage[begin:end]
        cut = _GOES_ON.match(passage, end) or not marks_pair(text)
        if text and not cut and not any(begin < stop < end for stop in ends):
            known.setdefault((begin, end), Answer(text, begin, kind_by_form(text)))
    whole = [a for a in answers if a.kind in {"date", "number"} and not ESTIMATE.match(a.text)]
    usable = [a for a in known.values() if not any(_cuts(a, other) for other in whole)]
    # Start and end are predicted apart, so that the start of one good answer and the end of another
    # make a span as probable as either: shorter ones come first.
    worth = {a: log_probability(windows, a) - COST_OF_WORD * len(a.text.split()) for a in usable}
    least = max(worth.values(), default=0.0) - within
    near = [answer for answer in usable if worth[answer] >= least]
    return sorted(near, key=lambda answer: worth[answer], reverse=True)


def _with_pairs(passage: str, begin: int, end: int) -> tuple[int, int]:
    """A span without a quotation mark or bracket at an end, if that leaves those that pair."""
    text = passage[begin:end]
    first = begin + len(text) - len(text.lstrip(_MARKS))
    last = begin + len(text.rstrip(_MARKS))
    spans = [(begin, end), (first, end), (begin, last), (first, last)]
    return next((span for span in spans if marks_pair(passage[slice(*span)])), (begin, end))


def _cuts(answer: Answer, other: Answer) -> bool:
    """Whether an answer holds a part of another, but not all of it."""
    return answer.overlaps(other) and not (answer.start <= other.start and other.end <= answer.end)


def apart(answers: Sequence[Answer], count: int) -> list[Answer]:
    """The first ``count`` answers that share no character with one before them.

    The first clauses go before all others, so that one in
    :data:`qgen.asking.selection.CLAUSES` is one where there are so many: long spans are always less
    probable than the names that they hold.
    """
    clauses = (answer for answer in answers if answer.kind in CLAUSE_KINDS)
    chosen = set(_apart([*_apart(clauses, share_of_clauses(count)), *answers], count))
    return [answer for answer in answers if answer in chosen]


def _apart(answers: Iterable[Answer], count: int) -> list[Answer]:
    kept: list[Answer] = []
    for answer in answers:
        if len(kept) == count:
            break
        if not any(answer.overlaps(other) for other in kept):
            kept.append(answer)
    return kept


def usable(passage: str, answers: Iterable[Answer], quiz: QuizSettings) -> list[Answer]:
    """The proposed answers that can be asked for and may be of a kind and type wanted."""
    kinds = quiz.kinds
    return [
        answer
        for answer in answers
        if (_may_be(answer.kind, kinds) if kinds else answer.kind not in _SELDOM_GOOD)
        and _may_be_asked(answer.kind, quiz.types)
        and not answer_problem(passage, answer)
    ]


_SELDOM_GOOD = frozenset({"contrast", "outcome"})
"""Clauses that are asked for only where their kind is wanted: of 79 and 68 judged questions for
them 95 % and 72 % were wrong, of 1,015 for other clauses 62 %."""


def _may_be_asked(kind: str, types: Sequence[str]) -> bool:
    """Whether an answer's question may turn out to be of one of these types."""
    if not types or not set(types) <= {"why", "how"}:
        return True
    return CONTROLS_OF_KINDS.get(kind) in types


_TOLD_BY_QUESTION = frozenset({"person", "place"})


def _may_be(kind: str, kinds: Sequence[str]) -> bool:
    """Whether a proposed answer may turn out to be of one of these kinds."""
    return kind in kinds or (kind in {"name", "phrase"} and bool(_TOLD_BY_QUESTION & set(kinds)))


def _tried(quiz: QuizSettings, tries: int) -> int:
    """Proposed answers asked about for a question: more where not all are of the wanted kind."""
    return tries * (2 if _TOLD_BY_QUESTION & set(quiz.kinds) else 1)


def asked_first(answers: Sequence[Answer], quiz: QuizSettings) -> list[Answer]:
    """The proposed answers that are asked about at first."""
    return apart(answers, _tried(quiz, min(SPARE, quiz.tries)) * quiz.max_answers)


def asked_next(
    spare: list[Answer], asked: int, kept: Sequence[Draft], quiz: QuizSettings
) -> list[Answer]:
    """The proposed answers to ask about next, taken from ``spare``; none where enough are kept, or
    so many were ``asked`` about that it is not worth trying more."""
    left = _tried(quiz, quiz.tries) * quiz.max_answers - asked
    count = min(left, _tried(quiz, SPARE) * (quiz.max_answers - len(kept)))
    taken = [draft.answer for draft in kept if draft.answer]
    free = [a for a in spare if not any(a.overlaps(other) for other in taken)]
    more = apart(free, max(0, count))
    spare[:] = [answer for answer in free if answer not in more]
    return more
