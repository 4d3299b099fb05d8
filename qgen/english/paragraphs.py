"""A long text in paragraphs of a size that the models read well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil

from qgen.english.passage import sentence_spans

MAX_WORDS = 220
"""Words of the longest paragraph: about what the generator and the reader see at once.  A round
number; no measurement is recorded."""


def is_long(text: str) -> bool:
    """Whether a text is more than a paragraph."""
    return len(text.split()) > MAX_WORDS


def paragraph_spans(text: str) -> list[tuple[int, int]]:
    """Where the paragraphs of a text begin and end.

    A text of at most :data:`MAX_WORDS` words is one paragraph.  A longer one is divided between
    sentences into paragraphs of about equal length, at blank lines where there are some at about
    the right places.

    Returns:
        Character offsets ``(start, end)``, in order.
    """
    words = len(text.split())
    if words <= MAX_WORDS:
        return [(0, len(text))]
    usual = words / ceil(words / (0.9 * MAX_WORDS))  # whole sentences need some room
    spans: list[tuple[int, int]] = []
    size = before = 0  # words in the last of them, and in all
    for begin, end in units(text):
        more = len(text[begin:end].split())
        # Where the last one ends, about, if all are to be equally long.
        full = size + more > MAX_WORDS or before + more / 2 > len(spans) * usual
        blank = spans and re.search(r"\n[^\S\n]*\n", text[spans[-1][1] : begin])
        if not spans or full or (blank and size >= usual / 2):
            spans.append((begin, end))
            size = more
        else:
            spans[-1] = (spans[-1][0], end)
            size += more
        before += more
    return spans


def units(text: str) -> Iterator[tuple[int, int]]:
    """What is not divided: sentences, but for those that go on beyond what a paragraph holds, which
    end behind a comma or the like, if there is one."""
    for begin, end in sentence_spans(text):
        words = list(re.finditer(r"\S+", text[begin:end]))
        while words:
            size = min(len(words), MAX_WORDS)
            if len(words) > MAX_WORDS:
                marked = [
                    n for n in range(size // 2, size) if words[n][0].endswith((",", ";", ":"))
                ]
                size = marked[-1] + 1 if marked else size
            yield begin + words[0].start(), begin + words[size - 1].end()
            words = words[size:]
