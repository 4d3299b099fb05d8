"""A request as the models read it: its characters mended, its citations left out, its answers where
they then stand; and what comes of it put back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qgen.asking.checks import answer_problem, given_answer_problem, text_problem
from qgen.asking.draft import Draft
from qgen.english.citations import Uncited
from qgen.english.clean import Mended, clean_text
from qgen.english.locate import locate_answer
from qgen.errors import QGenError
from qgen.records import Answer, Request


def mend(request: Request) -> Request:
    """The request with the characters of its passage mended, and its answers where they stand."""
    if text_problem("passage", request.passage) or not isinstance(request.answers, list | tuple):
        return request  # which is told later
    mended = Mended(request.passage)

    def moved(answer: Any) -> Any:  # a text, too, or what is told later
        if isinstance(answer, str):
            return clean_text(answer)
        if given_answer_problem(request.passage, answer):
            return answer
        begin = mended.at(answer.start)
        return replace(answer, text=mended.text[begin : mended.at(answer.end)], start=begin)

    return replace(request, passage=mended.text, answers=tuple(map(moved, request.answers)))


def without_citations(request: Request) -> tuple[Request, Uncited | None]:
    """The request without the citations of its passage, where it has some and none of them is to
    be asked for, and of those beside it."""
    passage, given = request.passage, request.answers
    if text_problem("passage", passage) or not isinstance(given, list | tuple):
        return request, None  # which is told later
    beside = tuple(Uncited(text).text for text in request.beside if isinstance(text, str))
    request = replace(request, beside=beside)
    uncited = Uncited(passage)
    if uncited.text == passage or any(given_answer_problem(passage, one) for one in given):
        return request, None
    answers = tuple(answer for one in given if (answer := uncited.within(one)))
    if len(answers) < len(given):
        return request, None
    return replace(request, passage=uncited.text, answers=answers), uncited


def with_citations(draft: Draft, request: Request, uncited: Uncited) -> Draft:
    """The draft as one of a request's whole passage."""
    assert draft.question and draft.question.answer
    answer = uncited.back(draft.question.answer)
    question = replace(draft.question, answer=answer)
    return replace(draft, passage=request.passage, answer=answer, question=question)


def given_draft(number: int, request: Request, answer: Answer | str) -> Draft:
    """A draft for an answer of the user's, which may yet have to be found in the passage."""
    passage = request.passage
    problem = given_answer_problem(passage, answer)
    if not problem and isinstance(answer, str):
        try:
            answer = locate_answer(passage, answer)
            problem = answer_problem(passage, answer)
        except QGenError as error:
            problem = str(error)
    span = answer if isinstance(answer, Answer) else None
    return Draft(number, passage, span, request.beside, given=True, problem=problem or "")
