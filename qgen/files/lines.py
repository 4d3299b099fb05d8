"""Lines of text: which belong together, which end a sentence, which are no running text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

_PAGE_NUMBER = re.compile(  # no full stop behind it
    r"[\W_]*(?:page\s+)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:/|of)\s*\d+)?[^\w.!?]*", re.I
)
MAX_WORD = 200
"""The longest word, in characters."""
_LINE_WORDS = 30
"""The most words of a line that a program has broken; a choice, a wide page has some 20."""
_IN_LINE = re.compile(r"[.!?][\"”’)]?\s+\S")
"""Where a sentence ends and another one begins."""
BULLET = re.compile(r"^\s*(?:([-*•·‣▪◦–])|\(?\d{1,2}[.)])\s+")
"""The sign or the number of an item of a list; behind a number a short line may be a heading."""

_SMALL = "(?:and|by|of|the|to)"
_COMPOUND = re.compile(
    r"\b(?:(?:twen|thir|for|fif|six|seven|eigh|nine)ty-\n"
    r"|self-\n(?!(?:ish|less|hood))|well-\n(?!ness)"
    rf"|\w+-{_SMALL}-\n|\w+-\n(?:in|{_SMALL})-\w)",
    re.I,
)
"""Two lines whose hyphen belongs to the word: twenty-/five, self-/evident, well-/known,
state-of-the-/art, mother-/in-law.  Of such words in OpenStax's and Wikipedia's passages of the
project's data 2,014 have a hyphen and 105 are whole ("wells", "Selfridge")."""


def ends_sentence(line: str) -> bool:
    """Whether a line's last mark is one that a sentence ends with, or a colon."""
    return line.rstrip("\"'”’)] ")[-1:] in {".", "!", "?", "…", ":", ";"}


def is_page_number(line: str) -> bool:
    """Whether a line has nothing but the number of a page."""
    return bool(_PAGE_NUMBER.fullmatch(line.strip()))


def is_heading(lines: list[str]) -> bool:
    """Whether the lines are too few and too short for a sentence, and end without a full stop."""
    text = " ".join(lines)
    return len(text.split()) < 12 and len(lines) < 3 and not ends_sentence(text)


def without_page_numbers(lines: list[str]) -> list[str]:
    """The lines less a page number before or after them; a number may also end a sentence."""
    if len(lines) == 1:
        return [] if _PAGE_NUMBER.fullmatch(lines[0]) else lines
    if lines and _PAGE_NUMBER.fullmatch(lines[0]) and lines[1][0].isupper():
        lines = lines[1:]
    if len(lines) > 1 and _PAGE_NUMBER.fullmatch(lines[-1]) and ends_sentence(lines[-2]):
        lines = lines[:-1]
    return lines


def join_lines(lines: Iterable[str]) -> str:
    """Lines as one, with words mended that a hyphen divides at a line's end.

    A hyphen that the text also has inside a line stays (``man-made``), and so does one that is
    never set to divide a word.
    """
    lines = list(lines)
    compounds = set(re.findall(r"(?=\b(\w+-\w+))", " ".join(lines).lower()))
    pieces: list[str] = []
    for line in lines:
        last = pieces[-1] if pieces else ""
        broken = re.search(r"(\w+)[-\u00ad\u2010]$", last[-MAX_WORD:])
        if not pieces:
            pieces.append(line)
        elif broken and line[:1].islower():
            second = re.match(r"\w+", line)
            whole = f"{broken.group(1)}-{second.group() if second else ''}".lower()
            stays = re.search(r"\d|[A-Z]{2}|^[A-Z]$", broken.group(1))  # "19th-", "NATO-", "X-"
            if (
                not stays
                and whole not in compounds
                and not _COMPOUND.search(f"{last[-MAX_WORD:]}\n{line}")
            ):
                pieces[-1] = last[:-1]
            pieces.append(line)
        elif broken:
            pieces.append(line)  # Anglo-/Saxon
        else:
            pieces += [" ", line]
    return "".join(pieces)


def text_blocks(text: str) -> Iterator[str]:
    """The blocks of plain text: between empty lines, items of lists, lines that are set in."""
    for block in re.split(r"\n[^\S\n]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = [line for line in block.split("\n") if line.strip()]
        starts = [i for i, line in enumerate(lines) if BULLET.match(line)]
        if len(starts) < 2:  # no list, but first lines may be set in
            starts = [i for i in range(1, len(lines)) if _is_set_in(lines[i - 1], lines[i])]
        for begin, end in zip([0, *starts], [*starts, len(lines)], strict=True):
            yield "\n".join(lines[begin:end])


def typed_blocks(text: str) -> Iterator[str]:
    """The blocks of a text whose lines are a writer's: where one is longer than any that a program
    has broken, each is a paragraph, as in what Word saves as plain text or is copied out of it.

    Such a line has more than one sentence, and no line goes on in the next.
    """
    for block in text_blocks(text):
        lines = block.split("\n")
        is_typed = any(len(line.split()) > _LINE_WORDS and _IN_LINE.search(line) for line in lines)
        goes_on = any(
            not ends_sentence(line) and after.lstrip()[:1].islower()
            for line, after in pairwise(lines)
        )
        yield from lines if is_typed and not goes_on else [block]


def _is_set_in(before: str, line: str) -> bool:
    """Whether a line begins a paragraph: it is set in, and the one before ends a sentence."""
    depths = [len(text) - len(text.lstrip()) for text in (before, line)]
    return depths[1] > depths[0] and ends_sentence(before)
