"""The forms of English words, as lemminflect has them.

It reads its tables when the first word is looked up; here without looking for garbage meanwhile,
which would take twice as long as the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from lemminflect import getAllInflections, getAllLemmas

from qgen._collector import garbage_collection_paused


def lemmas(word: str, kind: str | None = None) -> dict[str, tuple[str, ...]]:
    """What a lower-cased word may be a form of, itself included: for each kind of word ("NOUN",
    "VERB", "ADJ"; or only the given one) the base forms; nothing for an unknown word."""
    _read_table(getAllLemmas)
    return getAllLemmas(word, kind)


def inflections(lemma: str, kind: str) -> dict[str, tuple[str, ...]]:
    """The forms of a word of a kind, by their Penn Treebank tag; nothing for an unknown word."""
    _read_table(getAllInflections)
    return getAllInflections(lemma, kind)


@cache
@garbage_collection_paused()
def _read_table(look_up: Callable[[str, str], dict]) -> None:
    look_up("be", "VERB")
