"""Candidate answers in a passage: dates, numbers, named entities and noun chunks.

Tokens and chunks come from nltk, part-of-speech tags from TextBlob's lexicon tagger (which ships
with its data, so nothing is downloaded).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass

import nltk
from nltk.tokenize import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
from textblob.en import tag as pos_tag

_MONTHS = {name.lower() for name in calendar.month_name if name}
_ABBREVIATIONS = "dr mr mrs ms st prof sr jr gen col lt rev hon vs etc e.g i.e u.s u.k no vol inc ltd co"

# Stages apply in order; a later one may build on the chunks of an earlier one.
_GRAMMAR = r"""
DATE: {<CD>?<MONTH><CD>?(<,><CD>)?}
NUMBER: {<\$|\#>?<CD>+}
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
_TOKENIZER = NLTKWordTokenizer()


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


def sentence_spans(passage: str) -> list[tuple[int, int]]:
    """Character offsets ``(start, end)`` of the passage's sentences."""
    parameters = PunktParameters()
    parameters.abbrev_types = set(_ABBREVIATIONS.split())
    return list(PunktSentenceTokenizer(parameters).span_tokenize(passage))


def propose_answers(passage: str) -> list[Candidate]:
    """Candidate answers in the order they stand, each text once."""
    found: dict[tuple[int, int], str] = {}
    for begin, end in sentence_spans(passage):
        sentence = passage[begin:end]
        spans = list(_TOKENIZER.span_tokenize(sentence))
        tags = _tags([sentence[a:b] for a, b in spans])
        leaves = [((begin + a, begin + b), tag) for (a, b), tag in zip(spans, tags)]
        for chunk in _PARSER.parse(leaves).subtrees(lambda tree: tree.label() in _KINDS):
            first, last = chunk.leaves()[0][0], chunk.leaves()[-1][0]
            found.setdefault((first[0], last[1]), _KINDS[chunk.label()])
    candidates, seen = [], set()
    for (start, end), kind in sorted(found.items()):
        text = passage[start:end]
        if text.lower() not in seen and re.search(r"\w", text):
            seen.add(text.lower())
            candidates.append(Candidate(text, start, kind))
    return candidates


def _tags(tokens: list[str]) -> list[str]:
    """Part-of-speech tags, one per token; capitals inside a sentence mark proper nouns."""
    tags = []
    for i, (token, tag) in enumerate(pos_tag(" ".join(tokens), tokenize=False)):
        if token.lower() in _MONTHS and token != "may":
            tag = "MONTH"
        elif i and token[0].isupper() and tag[:2] in {"JJ", "NN", "VB", "RB"}:
            tag = "NNP"
        elif re.fullmatch(r"\d[\d.,]*\w*", token):
            tag = "CD"
        tags.append(tag)
    return tags
