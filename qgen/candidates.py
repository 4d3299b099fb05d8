"""Candidate answers in a passage: dates, numbers, named entities and noun chunks (nltk chunker)."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass

import nltk

from qgen.text import tagged_sentences

_MONTHS = {name.lower() for name in calendar.month_name if name}

# Stages apply in order; a later one may build on the chunks of an earlier one.
_GRAMMAR = r"""
NUMBER: {<\$|\#>?<CD>+}
DATE: {<NUMBER>?<MONTH><NUMBER>?(<,><NUMBER>)?}
ENTITY: {<NNP.*>+(<POS>?<NNP.*>+)*}
CHUNK: {<JJ.*|VBN|VBG|NN.*|NUMBER|ENTITY|POS>*<NN.*|ENTITY>}
PHRASE: {<CHUNK|ENTITY|NUMBER><IN|CC><DT|PRP.*>?<CHUNK|ENTITY|NUMBER>}
"""
_KINDS = {
    "DATE": "date",
    "NUMBER": "number",
    "ENTITY": "entity",
    "CHUNK": "noun chunk",
    "PHRASE": "noun phrase",
}
_PARSER = nltk.RegexpParser(_GRAMMAR)


@dataclass(frozen=True)
class Candidate:
    """A span of the passage that may be asked for.

    Attributes:
        text: the span.
        start: its first character's offset in the passage.
        kind: "date", "number", "entity", "noun chunk" or "noun phrase".
    """

    text: str
    start: int
    kind: str


def propose_answers(passage: str) -> list[Candidate]:
    """Candidate answers in the order they stand, each text once."""
    found: dict[tuple[int, int], str] = {}
    for sentence in tagged_sentences(passage):
        leaves = [
            ((start, end), "MONTH" if _is_month(passage[start:end]) else tag)
            for start, end, tag in sentence
        ]
        if not leaves:
            continue
        for chunk in _PARSER.parse(leaves).subtrees(lambda tree: tree.label() in _KINDS):
            first, last = chunk.leaves()[0][0], chunk.leaves()[-1][0]
            found.setdefault((first[0], last[1]), _KINDS[chunk.label()])
    dates = [span for span, kind in found.items() if kind == "date"]
    candidates, seen = [], set()
    for (start, end), kind in sorted(found.items()):
        text = passage[start:end]
        day = len(text) <= 2 and any(a <= start and end <= b for a, b in dates)
        if text.lower() not in seen and re.search(r"\w", text) and not day:
            seen.add(text.lower())
            candidates.append(Candidate(text, start, kind))
    return candidates


def _is_month(token: str) -> bool:
    return token.lower() in _MONTHS and token != "may"
