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
