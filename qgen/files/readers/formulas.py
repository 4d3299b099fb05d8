"""Formulas of Office's documents (Office Math), in the line of a text."""

from __future__ import annotations

import re

from qgen.files.readers.blocks import LeftOut
from qgen.files.readers.marks import (
    NOT_RAISED,
    POWER,
    RAISED,
    keep_brackets,
    lowered_text,
    read_raised,
)

_STRUCTURES = frozenset("rad nary m eqArr limLow limUpp groupChr d acc bar func sPre".split())
"""Of formulas; their letters in a line do not say what they say."""


class Formulas:
    """The formula that a parser is in: kept where its letters say what it says, else counted."""

    def __init__(self, left_out: LeftOut):
        self._left_out = left_out
        self._begin: int | None = None  # where in its paragraph's text it begins
        self._simple = True  # whether its letters in a line are the formula
        self._divided = False  # whether it has a fraction
        self._lowered: list[int] = []  # where the indices begin that it is in

    def start(self, name: str, text: list[str]) -> None:
        """Take note of an element, and add to the text what it shows besides its letters."""
        if name == "oMath":
            self._begin, self._simple, self._divided = len(text), True, False
            self._lowered = []
        elif self._begin is not None:
            self._simple = self._simple and name not in _STRUCTURES
            self._divided = self._divided or name == "den"
            if name == "sub":
                self._lowered.append(len(text))
            text += {"sup": RAISED + POWER, "den": "/"}.get(name, "")

    def end(self, name: str, text: list[str]) -> None:
        """Add to the text what ends an element; keep a formula whose letters say what it says, and
        count any other."""
        if self._begin is None:
            return
        if name == "sup":
            if text[-1:] == [POWER]:  # nothing has been put in
                del text[-2:]
            else:
                text.append(NOT_RAISED)
        elif name == "sub" and self._lowered:
            begin = self._lowered.pop()
            index = read_raised("".join(text[begin:]))
            text[begin:] = [lowered_text("", index.strip(), formula=True)]
        if name != "oMath":
            return
        read = "".join(text[self._begin :])
        if not self._simple or (self._divided and not re.fullmatch(r"\w+/\w+", read)):
            text[self._begin :] = ["…"]  # so that nobody takes what is left for the sentence
            self._left_out["formula"] += 1
        else:
            text[self._begin :] = [keep_brackets(read)]
        self._begin = None
