"""The two tokenisations that scores are computed on: BERT's, as in UniLM, and Penn Treebank; and
the way back from the latter."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from nltk.tokenize import NLTKWordTokenizer
from nltk.tokenize.treebank import TreebankWordDetokenizer
from tokenizers import Tokenizer

from qgen.model.checkpoints import DEFAULT_CHECKPOINT

_WORD_TOKENIZER = NLTKWordTokenizer()
_DETOKENIZER = TreebankWordDetokenizer()
_BRACKETS = {
    "-lrb-": "(",
    "-rrb-": ")",
    "-lsb-": "[",
    "-rsb-": "]",
    "-lcb-": "{",
    "-rcb-": "}",
}
_ASCII_PUNCTUATION = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "--", "—": "--", "…": "..."}
)


def wordpiece_tokenize(text: str) -> str:
    """Raw text as lower-cased BERT word pieces, joined again where one goes on with ``##``.

    What UniLM's repository scores its questions on, hypotheses and references alike (``n ' t``,
    ``5 , 000``), and MiniLM's published figures stand beside UniLM's.
    """
    pieces = _wordpieces().encode(text, add_special_tokens=False).tokens
    return " ".join(pieces).replace(" ##", "")


@cache
def _wordpieces() -> Tokenizer:
    return Tokenizer.from_file(str(DEFAULT_CHECKPOINT / "tokenizer.json"))


def ptb_tokenize(text: str) -> str:
    """Raw text as lower-cased Penn Treebank tokens separated by single spaces.

    The tokenisation of Du et al.'s files, which Stanford CoreNLP made: brackets
    as ``-lrb-`` ``-rrb-``, double quotes as two backticks and two apostrophes,
    typographic punctuation as ASCII.  It is for raw text only, since a second
    pass changes closing quotes.  It differs from CoreNLP in about 1% of SQuAD's
    questions, chiefly those with ``R&B``, single quotes or a stray slash.
    """
    tokens = _WORD_TOKENIZER.tokenize(text.translate(_ASCII_PUNCTUATION), convert_parentheses=True)
    return " ".join(tokens).lower()


def detokenize_ptb(text: str) -> str:
    """Plain text of a lower-cased, space-separated Penn Treebank line (Du et al. 2017)."""
    return _DETOKENIZER.detokenize([_BRACKETS.get(token, token) for token in text.split()])


TOKENISATIONS: dict[str, Callable[[str], str]] = {
    "BERT word pieces, re-joined (as UniLM)": wordpiece_tokenize,
    "Penn Treebank (nltk)": ptb_tokenize,
}
"""The headline one first."""
