"""What every format of rows is read as: numbered raw rows, each with what parses it."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from qgen.errors import QGenError

MAX_CHARACTERS = 1 << 24
"""The longest line, cell or JSON value that is read; a book has about a million characters."""


class RawRow(NamedTuple):
    """First line number, raw text, a function that parses it (or raises ``QGenError``), and of a
    paragraph the name of its document and the headings over it."""

    line: int
    raw: str
    parse: Callable[[], dict]
    document: str = ""
    headings: tuple[str, ...] = ()


def fail(message: str) -> dict:
    """The ``parse`` of a row that cannot be parsed."""
    raise QGenError(message)


def no_number(constant: str) -> None:
    """What stands for NaN and the infinite numbers, which some programs write into JSON: nothing.
    JSON does not have them, and readers of what is written from them would refuse all of it."""


def finite(number: str) -> float | None:
    """A number of JSON; of one that is too large, which would be infinite, nothing."""
    value = float(number)
    return value if math.isfinite(value) else None


def parse_json(text: str) -> Any:
    """A JSON value, without what is no number."""
    return json.loads(text, parse_constant=no_number, parse_float=finite)


def printable(text: str) -> str:
    """Text that can be written: lone surrogates, such as those that broken bytes were kept as and
    those that JSON has escapes for, are replacement characters."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


TOO_LONG = f"a line is longer than {MAX_CHARACTERS:,} characters"
SHOWN = 1000
"""Characters of a line that is too long that its error row shows."""


def bounded_lines(file: io.TextIOBase) -> Iterator[str]:
    """The lines of a file whose rows may go over several.

    Raises:
        QGenError: one is longer than any text, such as what a small compressed file unpacks to.
    """
    for line, is_whole in _cut_lines(file):
        if not is_whole:
            raise QGenError(TOO_LONG)
        yield line


def line_rows(file: io.TextIOBase, parse: Callable[[str], dict]) -> Iterator[RawRow]:
    """A row for each line that is not blank; one that is too long is a bad row."""
    for number, (line, is_whole) in enumerate(_cut_lines(file), start=1):
        if not is_whole:
            yield RawRow(number, printable(line[:SHOWN]) + " …", partial(fail, TOO_LONG))
        elif line.strip():
            yield RawRow(number, printable(line), partial(parse, line))


def _cut_lines(file: io.TextIOBase) -> Iterator[tuple[str, bool]]:
    """The lines, at most so long, and whether that is all of each; the rest is passed over.

    Raises:
        QGenError: a line is so long that its end is not looked for.
    """
    while line := file.readline(MAX_CHARACTERS):
        is_whole = len(line) < MAX_CHARACTERS or line.endswith("\n")
        rest, left = "" if is_whole else line, 64
        while len(rest) == MAX_CHARACTERS and not rest.endswith("\n"):
            rest, left = file.readline(MAX_CHARACTERS), left - 1
            if not left:
                raise QGenError(TOO_LONG)
        yield line, is_whole
