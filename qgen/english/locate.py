"""Where an answer stands in its passage."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from qgen.errors import QGenError
from qgen.records import Answer, splits_word

_QUOTES = "'\"‘’‚‛“”„‟«»‹›`´′″"
_ASCII = str.maketrans(dict.fromkeys("‘’‚‛`´′‹›", "'") | dict.fromkeys("“”„‟″«»", '"'))
_DASHES = re.compile(r"[\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")


def locate_answer(passage: str, answer: str, start: int | None = None) -> Answer:
    """The span of a passage that an answer names.

    Case, accents, Unicode composition, the shape of quotes and dashes, and the kind and number of
    white-space and zero-width characters may differ; quotes round the whole answer and punctuation
    at its ends may be missing from the passage.  Whole words come before parts of words, and what
    is written alike before what differs in form; of equals, the first counts.

    Args:
        passage: the text.
        answer: what to find in it.
        start: offset of its first character, if known; white space there is passed over.

    Returns:
        The passage's own text at its true offset.

    Raises:
        QGenError: the passage or the answer is empty, or the answer is not in the passage (at
            ``start``).
    """
    if not passage.strip():
        raise QGenError("the passage is empty")
    if not answer.strip():
        raise QGenError("the answer is empty")
    folded, offsets = _fold_passage(passage)
    for form in _forms(answer):
        ranked = _ranked(passage, folded, offsets, form, answer.strip())
        found = [(begin, end) for *_, begin, end in ranked]
        if start is not None:
            # The first character of the answer, not of the white space or quote before it.
            found = [span for span in found if _same_place(passage, start, span[0])]
        if found:
            begin, end = found[0]
            return Answer(passage[begin:end], begin)
    if start is None:
        raise QGenError(f"the answer {_shown(answer)} is not in the passage")
    try:
        where = f"; it stands at {locate_answer(passage, answer).start}"
    except QGenError:
        where = ""
    raise QGenError(
        f"the answer {_shown(answer)} is not in the passage at character {start}{where}"
    )


def _forms(answer: str) -> list[str]:
    """The folded answer, then without the quotes round it, then without punctuation at its ends."""
    whole = _fold(answer)[0].strip()
    unquoted = answer.strip().strip(_QUOTES)
    bare = re.search(r"\w(?:.*\w)?", unquoted, re.S)
    forms = [whole, *(_fold(text)[0].strip() for text in (unquoted, bare[0] if bare else ""))]
    return [form for form in dict.fromkeys(forms) if form]


def _fold(text: str) -> tuple[str, list[int]]:
    """The text as locating compares it, and for each of its characters the offset it came from."""
    folded: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if character in _INVISIBLE:
            continue
        if character.isspace():
            plain = "" if folded[-1:] == [" "] else " "
        else:
            plain = unicodedata.normalize("NFKD", character.translate(_ASCII)).casefold()
            plain = _DASHES.sub("-", plain).translate(_ASCII)
            plain = "".join(c for c in plain if not unicodedata.combining(c) and not c.isspace())
        folded += plain
        offsets += [offset] * len(plain)
    return "".join(folded), offsets


@lru_cache(maxsize=1)  # answers are looked for in one passage after the other
def _fold_passage(passage: str) -> tuple[str, list[int]]:
    return _fold(passage)


def alone(text: str, answer: str) -> list[tuple[int, int]]:
    """Every span of a text where an answer stands as whole words and in no compound, compared as
    :func:`locate_answer` does."""
    form = _fold(answer)[0].strip()
    ranked = _ranked(text, *_fold(text), form, answer.strip()) if form else []
    return [(begin, end) for inside, _, joined, begin, end in ranked if not inside and not joined]


def _ranked(
    passage: str, folded: str, offsets: list[int], form: str, exact: str
) -> list[tuple[bool, int, bool, int, int]]:
    """Where a folded answer stands in a folded passage, best first: whether it is inside a word,
    how unlike it is, whether a dash joins it to another word, and its span of the passage."""
    ranked = []
    at = folded.find(form)
    while at >= 0:
        begin, end = offsets[at], offsets[at + len(form) - 1] + 1
        while end < len(passage) and unicodedata.combining(passage[end]):
            end += 1
        text = passage[begin:end]
        likeness = 0 if text == exact else 1 if text.lower() == exact.lower() else 2
        last = at + len(form)
        inside = splits_word(folded, at) or splits_word(folded, last)
        joined = folded[at - 1 : at] == "-" or bool(re.match(r"[-']\w", folded[last : last + 2]))
        ranked.append((inside, likeness, joined, begin, end))
        at = folded.find(form, at + 1)
    return sorted(ranked)


def _same_place(passage: str, start: int, found: int) -> bool:
    """Whether nothing but white space, quotes and marks lies between the two offsets."""
    between = passage[min(start, found) : max(start, found)]
    return 0 <= start < len(passage) and not re.search(r"\w", between)


def _shown(answer: str, limit: int = 60) -> str:
    return repr(answer if len(answer) <= limit else answer[: limit - 1] + "…")
