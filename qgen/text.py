"""Text in and out: Penn Treebank tokens to plain text, and the case of generated questions."""

from __future__ import annotations

import re

from nltk.tokenize.treebank import TreebankWordDetokenizer

_BRACKETS = {
    "-lrb-": "(",
    "-rrb-": ")",
    "-lsb-": "[",
    "-rsb-": "]",
    "-lcb-": "{",
    "-rcb-": "}",
}
_DETOKENIZER = TreebankWordDetokenizer()


def detokenize_ptb(text: str) -> str:
    """Plain text of a lower-cased, space-separated Penn Treebank line (Du et al. 2017)."""
    tokens = [_BRACKETS.get(token, token) for token in text.split()]
    return _DETOKENIZER.detokenize(tokens)


def recase(question: str, passage: str) -> str:
    """Give a lower-cased question the passage's capitals, and one at its start.

    A word takes the spelling that the passage uses for it inside sentences, provided it uses only
    one there; a word the passage has only at the start of a sentence stays as it is.
    """
    spellings: dict[str, set[str]] = {}
    for match in re.finditer(r"\w+", passage):
        before = passage[: match.start()].rstrip(" \"'“‘([")
        starts_sentence = not before or before[-1] in ".!?\n"
        word = match.group()
        if not starts_sentence or not word[1:].islower() or len(word) == 1:
            spellings.setdefault(word.lower(), set()).add(word)
    fixed = re.sub(
        r"\w+",
        lambda m: _only(spellings.get(m.group().lower()), m.group()),
        question,
    )
    return fixed[:1].upper() + fixed[1:]


def _only(spellings: set[str] | None, default: str) -> str:
    return next(iter(spellings)) if spellings and len(spellings) == 1 else default
