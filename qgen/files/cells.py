"""Cells of CSV files that a spreadsheet would take for formulas.

A spreadsheet that opens a CSV file computes every cell that begins with one of a few characters;
such a cell can even start programs.  The usual remedy is an apostrophe in front, which spreadsheets
take to mean text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_OURS = (
    {"passage", "question", "answer", "answer_start", "score", "rank"},
    {"confidence", "reader_answer", "reasons"},
)
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?%?")


def protect(cell: Any) -> Any:
    """The cell, with an apostrophe in front of text that a spreadsheet would compute.

    Numbers stay as they are, those in text ("-40") too.  Where the text itself has apostrophes in
    front of such a character, it gets one more, so that :func:`restore` gives back any text.
    """
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def are_ours(columns: Iterable[str]) -> bool:
    """Whether a table with these columns is one of ours, whose cells are protected: of questions,
    or of what is thought of some."""
    names = set(columns)
    return any(names >= own for own in _OURS)


def restore(cell: str) -> str:
    """The text that :func:`protect` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
