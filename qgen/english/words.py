"""The words of a text, and what tells those that carry meaning from the others."""

from __future__ import annotations

import re

from qgen.english.text import fold

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
FUNCTION_WORDS = frozenset(
    "a an and are as at be but by can did do does for from had has have he her his i in is it its "
    "not of on or she so that the their then there they this to was we were when which who will "
    "with would you your".split()
)
LITTLE = frozenset({"a", "an", "the"})


def stems(text: str) -> list[str]:
    """Folded words without possessive or plural endings."""
    words = re.findall(r"\w+(?:[.,]\d+)*", re.sub(r"['’]s\b|['’](?=\s|$)", "", fold(text)))
    return [re.sub(r"(?<=\w{3})s$", "", word) for word in words]


def content_stems(text: str) -> list[str]:
    """The folded words that carry meaning, without possessive or plural endings."""
    return [stem for stem in stems(text) if stem not in FUNCTION_WORDS | LITTLE]


def words_repeated(question: str) -> int:
    """How many content words of a question stand in it before."""
    words = content_stems(question)
    return len(words) - len(set(words))


def near_duplicates(first: str, second: str) -> bool:
    """Whether two questions ask the same in all but a word or two."""
    a, b = set(content_stems(first)), set(content_stems(second))
    return bool(a | b) and len(a & b) >= 0.8 * len(a | b)
