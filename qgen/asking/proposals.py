"""Which answers to ask for: the rules' phrases and the reader's spans, the most worth it first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from qgen.asking.selection import share_of_clauses
from qgen.english.passage import sentence_spans
from qgen.english.quantities import kind_by_form
from qgen.english.words import marks_pair
from qgen.model.reader import Window, best_spans, log_probability
from qgen.records import Answer
from qgen.settings import CLAUSE_KINDS

COST_OF_WORD = 0.3
"""What each word of a proposed answer costs, in nats, when spans are ranked by the reader;
chosen among six values (docs/experiments.md, "Cost of a word of an answer")."""
SPANS = 40
"""Spans that the reader may add per window of a passage.  A round number; no measurement is
recorded."""

_MARKS = '"“”()[] '
_GOES_ON = re.compile(r"[.@_][a-z0-9]")
"""What follows the beginning of an address or a file's name."""


def propose_spans(
    passage: str, windows: Sequence[Window], answers: Sequence[Answer]
) -> list[Answer]:
    """Answers ranked by how probable the reader finds it that a question would be asked for them.

    Args:
        passage: the text.
        windows: of the passage with no question, of :meth:`qgen.model.reader.Reader.windows`; the
            spans that they give most to are added.
        answers: by rule, as of :func:`propose_answers`.

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
    whole = [answer for answer in answers if answer.kind in {"date", "number"}]
    usable = [a for a in known.values() if not any(_cuts(a, other) for other in whole)]
    # Start and end are predicted apart, so that the start of one good answer and the end of another
    # make a span as probable as either: shorter ones come first.
    worth = {a: log_probability(windows, a) - COST_OF_WORD * len(a.text.split()) for a in usable}
    return sorted(usable, key=lambda answer: worth[answer], reverse=True)


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
