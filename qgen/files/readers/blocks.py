"""What every reader of documents gives: blocks of text, and counts of what is left out."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

MAX_BLOCKS = 50_000
"""The most paragraphs of a document; the Bible has 31,000 verses."""


class Block(NamedTuple):
    """A paragraph, or what may be one.

    Attributes:
        text: with the line breaks of the file, where they may mean something.
        page: its page or slide, from 1, where the format has them.
        level: of a heading, from 1; 0 for anything else.
        preformatted: whether it may be code.
        item: whether it belongs to a list, where few words are no heading.
    """

    text: str
    page: int | None = None
    level: int = 0
    preformatted: bool = False
    item: bool = False


class LeftOut(Counter[str]):
    """How many things of each kind a reader has left out."""

    def __str__(self) -> str:
        """Such as ``"1 table, 3 notes"``; empty where nothing is left out."""
        return ", ".join(
            f"{count} {_plural(name) if count > 1 else name}"
            for name, count in sorted(self.items())
            if count
        )


def _plural(name: str) -> str:
    """Of "list of references" and "page without text" the first word's, else the last's."""
    head = re.match(r".*?(?= (?:of|with|without|outside) )", name)
    noun = head.group() if head else name
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return plural + name[len(noun) :]


def is_prose_of_table(cells: list[str]) -> bool:
    """Whether a table lays out text and does not tabulate: most of its words are in sentences."""
    words = [len(cell.split()) for cell in cells]
    prose = [
        count
        for cell, count in zip(cells, words, strict=True)
        if count >= 6 and cell.rstrip("\"'”’)] \n")[-1:] in ".!?…"
    ]
    return len(cells) > 0 and sum(prose) > 0.6 * sum(words)


def blocks_of_table(found: list[Block], left_out: LeftOut, is_frame: bool = False) -> list[Block]:
    """The blocks of a table that lays out text, or is but a frame; any other is counted."""
    if is_frame or is_prose_of_table([block.text for block in found if not block.level]):
        return found
    if found:
        left_out["table"] += 1
    return []


class Tables:
    """The tables that a reader is in: the blocks before each, and how many cells it has so far.

    Args:
        left_out: is told how many tables tabulate.
        frames: whether a table of one cell is a frame round a text.
    """

    def __init__(self, left_out: LeftOut, frames: bool = False):
        self._left_out, self._frames = left_out, frames
        self._before: list[list[Block]] = []
        self._cells: list[int] = []

    def begin(self, before: list[Block]) -> list[Block]:
        """Where the blocks of a table go, before which these stand."""
        self._before.append(before)
        self._cells.append(0)
        return []

    def cell(self) -> None:
        """Count a cell of the innermost table."""
        if self._cells:
            self._cells[-1] += 1

    def end(self, found: list[Block]) -> list[Block]:
        """The blocks before the innermost table, and those found in it, where they are text."""
        before, is_frame = self._before.pop(), self._cells.pop() == 1 and self._frames
        before += blocks_of_table(found, self._left_out, is_frame)
        return before
