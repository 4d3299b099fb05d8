"""Questions of a test set for retrieval that other passages answer as well.

A test set asks for one passage among many.  Where another one gives the same answer, a retriever
that finds it is right.  The nearest passages that have the answer's words (by BM25, Robertson and
Zaragoza 2009) are given to the reader; what it finds in them must agree with the answer.

A passage that answers the question otherwise is not looked for: of 200 questions of SQuAD's about
100 passages, the reader was sure (0.9) of six other answers, and two of them answered it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest
from typing import TYPE_CHECKING, NamedTuple

from qgen.english.words import ARTICLES, content_stems, same_answer, stems
from qgen.errors import QGenError, install
from qgen.records import ELSEWHERE, Answer

if TYPE_CHECKING:
    from qgen.model.reader import Reading

NEAREST = 3
"""Other passages that the reader is asked about, at most; measured with the next three."""
OF_OWN_SCORE = 0.3
"""The share of the question's score with its own passage that another passage must reach.  With
these three, 18 of 200 questions of SQuAD's about 100 passages are marked, some 13 of them
rightly."""
CERTAIN = 0.3
"""Probability from which the reader is taken to have found the answer."""


ReadFunction = Callable[[Sequence[tuple[str, str, Answer | None]]], Sequence["Reading"]]
"""Answers questions out of passages, such as :meth:`qgen.model.reader.Reader.read`."""


class Asked(NamedTuple):
    """A question and the number of the passage that it was asked about."""

    text: str
    answer: str
    passage: int


def check_installed() -> None:
    """Raise ``QGenError`` unless what finds the nearest passages is installed."""
    try:
        import bm25s  # noqa: F401
    except ImportError as error:
        raise QGenError(f"marking a test set needs: {install('retrieval')}") from error


def answered_elsewhere(
    passages: Sequence[str], questions: Sequence[Asked], read: ReadFunction
) -> list[list[int]]:
    """For each question the numbers of the other passages that answer it as well.

    Args:
        passages: the corpus; each text once.
        questions: what is asked, and about which of them.
        read: answers the questions out of the nearest passages.
    """
    near = nearest(passages, questions)
    pairs = [(i, number) for i, numbers in enumerate(near) for number in numbers]
    readings = read([(passages[number], questions[i].text, None) for i, number in pairs])
    found: list[list[int]] = [[] for _ in questions]
    for (i, number), reading in zip(pairs, readings, strict=True):
        same = same_answer(reading.answer.text, questions[i].answer)
        if same and reading.probability >= CERTAIN:
            found[i].append(number)
    return found


def nearest(passages: Sequence[str], questions: Sequence[Asked]) -> list[list[int]]:
    """For each question the other passages that have its answer's words and most of its own, the
    nearest first; there may be none."""
    check_installed()
    from bm25s import BM25

    if not questions:
        return []
    index = BM25()
    index.index([content_stems(passage) for passage in passages], show_progress=False)
    held = [set(stems(passage)) for passage in passages]
    found: list[list[int]] = []
    for question in questions:
        answer = set(stems(question.answer)) - ARTICLES
        asked = [stem for stem in content_stems(question.text) if stem in index.vocab_dict]
        holding = [
            number
            for number, stems_held in enumerate(held)
            if answer and number != question.passage and answer <= stems_held
        ]
        if not holding or not asked:
            found.append([])
            continue
        scores = index.get_scores(asked)
        least = OF_OWN_SCORE * scores[question.passage]
        near = [number for number in holding if scores[number] > 0 and scores[number] >= least]
        found.append(nlargest(NEAREST, near, key=scores.__getitem__))
    return found


def mark_records(records: Iterable[dict], read: ReadFunction) -> list[dict]:
    """The records of a batch, each question that another record's passage answers as well with the
    numbers of these records, from 0, in ``answered_elsewhere``."""
    marked = list(records)
    numbers = {record["passage"]: number for number, record in reversed(list(enumerate(marked)))}
    passages = sorted(numbers, key=numbers.__getitem__)
    places = {passage: place for place, passage in enumerate(passages)}
    questions = [(question, record) for record in marked for question in record["questions"]]
    asked = [Asked(q["question"], q["answer"] or "", places[r["passage"]]) for q, r in questions]
    for (question, _), found in zip(
        questions, answered_elsewhere(passages, asked, read), strict=True
    ):
        if found:
            question[ELSEWHERE] = [numbers[passages[place]] for place in found]
    return marked
