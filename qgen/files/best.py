"""An engine of :mod:`qgen.files.batch` that keeps the best questions of each whole document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, groupby

from qgen.files.batch import Advance, Asked, Engine, Outcome
from qgen.files.rows import Row
from qgen.records import Request, Result

AskFunction = Callable[..., list[Result]]
"""Asks about all paragraphs of a document and chooses among their questions, such as
:func:`qgen.asking.document.ask_document` with its settings; its ``progress`` is told how many
paragraphs are done."""


def best_engine(ask: AskFunction) -> Engine:
    """An engine that asks about whole documents, one after the other; a file of rows is one.

    Args:
        ask: called once for each document.  Paragraphs of which nothing was chosen are left out of
            the output; those with which something is wrong are errors, as are all of a document
            that nothing comes of.
    """

    def process(buffers: Iterator[list[Row]], advance: Advance) -> Asked:
        document = ""

        def document_of(row: Row) -> str:
            # A bad row may not say which document it is of: it stays with the row before it.
            nonlocal document
            if isinstance(row.content, Request):
                document = str(row.content.extra.get("document", ""))
            return document

        for _, group in groupby(chain.from_iterable(buffers), key=document_of):
            rows = list(group)
            yield rows, _outcomes(rows, ask, advance)

    return process


def _outcomes(rows: list[Row], ask: AskFunction, advance: Advance) -> list[Outcome]:
    """What comes of the rows of a document."""
    told = 0

    def progress(done: int) -> None:
        nonlocal told
        advance(done - told)
        told = done

    requests = [row.content for row in rows if isinstance(row.content, Request)]
    results = ask(requests, progress=progress) if requests else []
    advance(len(rows) - told)
    nothing = not any(result.questions for result in results)
    outcomes = (_outcome(result, nothing) for result in results)
    return [row.content if isinstance(row.content, str) else next(outcomes) for row in rows]


def _outcome(result: Result, nothing: bool) -> Outcome:
    """The result, or why there is none: of all paragraphs where ``nothing`` comes of the document,
    else of those with which something is wrong."""
    if result.questions:
        return result
    return result.failure if nothing else "; ".join(result.problems) or result
