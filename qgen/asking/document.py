"""A document, or a long passage: each paragraph is asked about, and the best questions are kept,
spread over all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil

from qgen.asking.selection import best_of_document
from qgen.english.words import content_stems, fold
from qgen.records import Request, Result, beside_one_another
from qgen.settings import GenerationSettings, QuizSettings

GenerateFunction = Callable[[Sequence[Request], GenerationSettings, QuizSettings], list[Result]]
"""Such as :meth:`qgen.asking.pipeline.QuestionGenerator.generate`."""

AT_ONCE = 8
"""Paragraphs asked about together, between two calls of ``progress``."""
FEW = 4
"""Paragraphs that are taken to be near a topic, at most: each is asked about so much.  A round
number; no measurement is recorded."""
PLENTY = 2
"""Where the paragraphs' shares come to so many times the questions wanted, few of a paragraph's
proposed answers need to be tried.  A round number; no measurement is recorded."""


def ask_document(
    generate: GenerateFunction,
    paragraphs: Sequence[Request],
    settings: GenerationSettings,
    quiz: QuizSettings,
    progress: Callable[[int], object] | None = None,
) -> list[Result]:
    """The best questions of a whole document.

    Args:
        generate: asks about some of the paragraphs.
        paragraphs: in the order of the text; one that has answers of its own is asked for all of
            them.
        settings: how to decode.
        quiz: which questions to keep; ``max_answers`` of the whole document.
        progress: told, after each step, how many paragraphs are done.

    Returns:
        One result for each paragraph, with those of its questions that were chosen.
    """
    share = quiz_of_each(quiz, paragraphs)
    paragraphs = beside_one_another(paragraphs)
    results: list[Result] = []
    for at in range(0, len(paragraphs), AT_ONCE):
        results += generate(paragraphs[at : at + AT_ONCE], settings, share)
        if progress:
            progress(len(results))
    asked = [
        (number, question)
        for number, (paragraph, result) in enumerate(zip(paragraphs, results, strict=True))
        if not paragraph.answers
        for question in result.questions
    ]
    chosen = best_of_document(asked, quiz.max_answers)
    return [
        result
        if paragraph.answers
        else replace(result, questions=tuple(q for of, q in chosen if of == number))
        for number, (paragraph, result) in enumerate(zip(paragraphs, results, strict=True))
    ]


def quiz_of_each(quiz: QuizSettings, paragraphs: Sequence[Request]) -> QuizSettings:
    """What is asked of each paragraph of a document that is asked about: half as many questions
    again as its share of those that are kept, so that a poor one can be made up for."""
    count = len(paragraphs)
    if quiz.focus:
        count = sum(is_under(paragraph, quiz.focus) for paragraph in paragraphs)
    if quiz.topic:  # how many are near it is not known yet
        count = min(count, FEW)
    share = quiz.max_answers if count < 2 else max(1, ceil(1.5 * quiz.max_answers / count))
    plenty = share * count >= PLENTY * quiz.max_answers
    return replace(quiz, max_answers=share, tries=min(quiz.tries, 2) if plenty else quiz.tries)


def is_under(request: Request, heading: str) -> bool:
    """Whether one of the headings over a passage has all the words of another."""
    wanted = set(content_stems(heading)) or {fold(heading)}
    return any(wanted <= set(content_stems(one)) for one in request.headings)
