"""The forms of English words, as lemminflect has them."""

from __future__ import annotations

from lemminflect import getAllInflections, getAllLemmas


def lemmas(word: str, kind: str | None = None) -> dict[str, tuple[str, ...]]:
    """What a lower-cased word may be a form of, itself included: for each kind of word ("NOUN",
    "VERB", "ADJ"; or only the given one) the base forms; nothing for an unknown word."""
    return getAllLemmas(word, kind)


def inflections(lemma: str, kind: str) -> dict[str, tuple[str, ...]]:
    """The forms of a word of a kind, by their Penn Treebank tag; nothing for an unknown word."""
    return getAllInflections(lemma, kind)
