"""What every format of rows is read as: numbered raw rows, each with what parses it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

from qgen.errors import QGenError

MAX_CHARACTERS = 1 << 24
"""The longest line, cell or JSON value that is read; a book has about a million characters."""


class RawRow(NamedTuple):
    """First line number, raw text, a function that parses it (or raises ``QGenError``), and the
    name of the document that it is a paragraph of."""

    line: int
    raw: str
    parse: Callable[[], dict]
    document: str = ""


def fail(message: str) -> dict:
    """The ``parse`` of a row that cannot be parsed."""
    raise QGenError(message)


def printable(text: str) -> str:
    """Text of a file whose broken bytes were kept as lone surrogates, with marks in their place."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def bounded_lines(file: io.TextIOBase) -> Iterator[str]:
    """The lines of a file.

    Raises:
        QGenError: one is longer than any text, such as what a small compressed file unpacks to.
    """
    while line := file.readline(MAX_CHARACTERS):
        if len(line) == MAX_CHARACTERS:
            raise QGenError(f"a line is longer than {MAX_CHARACTERS:,} characters")
        yield line
