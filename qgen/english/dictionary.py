"""Words by themselves: their parts of speech, by TextBlob's lexicon tagger, and their forms, by
lemminflect.  Both ship with their data; both are imported and read when the first word is looked
up.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType


def tag_words(words: Sequence[str]) -> list[str]:
    """The Penn Treebank tag of each word of a sentence."""
    return [tag for _, tag in _textblob().tag(" ".join(words), tokenize=False)]


def usual_tag(word: str) -> str | None:
    """The tag that a word mostly has; ``None`` for one that is not in the lexicon, whose names
    have capitals."""
    return _textblob().lexicon.get(word)


def lemmas(word: str) -> dict[str, tuple[str, ...]]:
    """What a lower-cased word may be a form of, itself included: for each kind of word ("NOUN",
    "VERB", "ADJ") the base forms; nothing for an unknown word."""
    return _lemminflect().getAllLemmas(word)


def base_forms(word: str, kind: str) -> tuple[str, ...]:
    """Those of :func:`lemmas` that are of a kind."""
    return _lemminflect().getAllLemmas(word, kind).get(kind, ())


def is_base_verb(word: str) -> bool:
    """Whether a lower-cased word may be a verb's base form."""
    return word in base_forms(word, "VERB")


def inflections(lemma: str, kind: str) -> dict[str, tuple[str, ...]]:
    """The forms of a word of a kind, by their Penn Treebank tag; nothing for an unknown word."""
    return _lemminflect().getAllInflections(lemma, kind)


@cache
def _textblob() -> ModuleType:
    import textblob.en

    return textblob.en


@cache
def _lemminflect() -> ModuleType:
    import lemminflect

    return lemminflect
