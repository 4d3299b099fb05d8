"""Dates, numbers, names, noun phrases and clauses of a passage that may be asked for: the first by
nltk's chunker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from qgen.english.clauses import propose_clauses
from qgen.english.dictionary import usual_tag
from qgen.english.passage import Passage, Token, once_a_passage
from qgen.english.quantities import (
    BOUND,
    ERAS,
    ESTIMATE,
    MEASURES,
    MONTHS,
    NUMBER_WORDS,
    SHORT_MONTHS,
    UNITS,
    YEAR,
    kind_by_form,
)
from qgen.records import Answer

if TYPE_CHECKING:
    from nltk.chunk.regexp import RegexpParser
    from nltk.tree import Tree

# Stages apply in order; a later one may build on the chunks of an earlier one.
_THING = "<CHUNK|ENTITY|NAME|NUMBER|QUANTITY>"
_THINGS = "<CHUNK|ENTITY|NAME|NUMBER|QUANTITY|LIST>"
_ADJECTIVES = "(<RB>?<JJ.*|ORDINAL>)*"
_GRAMMAR = rf"""
DATE: {{<CD|ORDINAL>?<MONTH><CD|ORDINAL>?<,>?<ERA>?<YEAR><ERA>?}}
      {{<CD|ORDINAL>?<MONTH><CD|ORDINAL>?<ERA>?}}
      {{<ERA>?<YEAR><ERA>?}}
      {{<ERA><CD>|<CD><ERA>}}
NUMBER: {{<BOUND>*<SIGN>?<\$|\#>?<CD>+<UNIT>*}}
QUANTITY: {{<NUMBER><MEASURE>(<CC>?<NUMBER><MEASURE>)*}}
          {{<NUMBER><NNS>}}
ENTITY: {{<NNP.*>+(<POS|LINK>*<NNP.*>+)*}}
NAME: {{<ENTITY>(<OF><DT>?<ENTITY>)+}}
CHUNK: {{({_ADJECTIVES}<ORDINAL><CC|OR|TO>)?{_ADJECTIVES}(<NN.*|ENTITY><POS>?)*<NN.*|ENTITY>}}
LIST: {{{_THING}(<,><DT|PRP.*>?{_THING})*<,>?<CC|OR><DT|PRP.*>?{_THING}}}
      {{<DATE>(<,><DATE>)*<,>?<CC|OR|TO><DT>?<DATE>}}
PHRASE: {{{_THINGS}(<OF|IN><DT|PRP.*>?{_THINGS})+}}
NUMBER: {{<ORDINAL>}}
"""
_KINDS = {
    "DATE": "date",
    "NUMBER": "number",
    "QUANTITY": "number",
    "ENTITY": "name",
    "NAME": "name",
    "CHUNK": "phrase",
    "LIST": "phrase",
    "PHRASE": "phrase",
}
_PIECE = 300
"""Words that are divided together.  The chunker's time grows with the square of a long list, and
it gives up after five seconds; few sentences have so many."""
_IN_CHUNKS = re.compile(
    r"CC|CD|DT|IN|[JN].+|OF|OR|POS|PRP.*|RB|TO|[$#,]|BOUND|ERA|LINK|MEASURE|MONTH|ORDINAL|SIGN|"
    r"UNIT|YEAR"
)
"""Tags that the grammar has; between two others nothing is lost."""

_LINKS = frozenset("& de del della der den di da du la le van von bin ibn".split())
_LINKED = re.compile(r" (?:la |las |los |le |der |den )?[^\W\d_a-z]")
_LINKS_TO = re.compile(r"\b[A-Z][\w.]* (?:de |van |von )?$")
"""What stands behind and before a link of a name: "Charles de Gaulle", "Johnson & Son"."""


def propose_answers(passage: str) -> list[Answer]:
    """Answers that may be asked for, in the order they stand, each text once.

    Quantities are whole: with sign, currency, unit, the thing that is counted and a bound such as
    "more than".

    Returns:
        Spans of the kinds of :data:`qgen.settings.ANSWER_KINDS`; a span that is several of these is
        the innermost, such as the name that is all of a phrase.
    """
    return list(_answers(passage))


@once_a_passage
def _answers(passage: Passage) -> list[Answer]:
    text = passage.text
    found: dict[tuple[int, int], str] = {}
    bounds = [match.span() for match in BOUND.finditer(text)]
    for sentence in passage.tokens:
        leaves = [
            (
                (start, end),
                sentence[i - 1].tag
                if _in_name(text, sentence, i)
                else _refine(text, start, end, tag, bounds),
            )
            for i, (start, end, tag) in enumerate(sentence)
        ]
        if not leaves:
            continue
        # Subtrees come outermost first, so the last word on a span is the innermost chunk's.
        for chunk in _chunks(leaves):
            begin, end = chunk.leaves()[0][0][0], chunk.leaves()[-1][0][1]
            if re.search(r"\b(?:[ap]\.m|B\.C|A\.D)$", text[begin:end]) and text.startswith(
                ".", end
            ):
                end += 1  # one stop ends the sentence, too
            kind = _KINDS[chunk.label()]
            if kind == "phrase" and kind_by_form(text[begin:end]) == "date":
                kind = "date"  # "late 19th century"
            found[begin, end] = kind
    longest = {
        begin: (end, kind)
        for (begin, end), kind in sorted(found.items())
        if kind in {"number", "date"}
    }
    for match in ESTIMATE.finditer(text):
        if match.end() in longest:
            end, kind = longest[match.end()]
            found[match.start(), end] = kind
    found |= {(clause.start, clause.end): clause.kind for clause in propose_clauses(text)}
    dates = [span for span, kind in found.items() if kind == "date"]
    answers, seen = [], set()
    for (start, end), kind in sorted(found.items()):
        # The 7 of February 7, 2016, and the 12 of a footnote's [12].
        part = kind == "number" and any(a <= start and end <= b for a, b in dates)
        mark = text[start - 1 : start] == "[" and text[end : end + 1] == "]"
        words = text[start:end]
        if words.lower() not in seen and re.search(r"\w", words) and not part and not mark:
            seen.add(words.lower())
            answers.append(Answer(words, start, kind))
    return answers


def _chunks(leaves: list[tuple[tuple[int, int], str]]) -> Iterator[Tree]:
    """The chunks of a sentence, which is divided in pieces where it is very long."""
    begin = 0
    while begin < len(leaves):
        end = begin + _PIECE
        if end < len(leaves):
            places = range(end, begin + _PIECE // 2, -1)
            outside = (i for i in places if not _IN_CHUNKS.fullmatch(leaves[i - 1][1]))
            at_comma = (i for i in places if leaves[i - 1][1] == ",")
            end = next(outside, None) or next(at_comma, end)
        piece = _parser().parse(leaves[begin:end])
        yield from piece.subtrees(lambda tree: tree.label() in _KINDS)
        begin = end


@cache
def _parser() -> RegexpParser:
    from nltk.chunk.regexp import RegexpParser

    return RegexpParser(_GRAMMAR)


def _in_name(text: str, sentence: list[Token], i: int) -> bool:
    """Whether a number belongs to the name before it, as in "Apollo 11" and "Elizabeth I"."""
    if not i or sentence[i].tag not in {"CD", "PRP"}:
        return False
    before, token, *behind = sentence[i - 1 : i + 2]
    name, number = text[before.start : before.end], text[token.start : token.end]
    next_tag = behind[0].tag if behind else ""
    if not (before.tag.startswith("NN") and name[0].isupper()):
        return False
    if number == "I":
        noun = (usual_tag(name.lower()) or "NN").startswith("NN")  # not "Then I"
        return noun and next_tag not in {"VBP", "MD"}
    if not re.fullmatch(r"\d+(?:\.\d+)*", number) or name.lower().rstrip(".") in _BEFORE_NUMBER:
        return False
    counts = behind and text[behind[0].start : behind[0].end].lower() in UNITS | MONTHS
    return not (counts or next_tag == "CD")


_BEFORE_YEAR = re.compile(r"(?:^|\s)(?:in|since|by|until|from|of|after|before|during)\s+$", re.I)
_BEFORE_NUMBER = MONTHS | SHORT_MONTHS | ERAS | UNITS
"""What has a capital before a number that is not a part of a name: "Dec. 3", "AD 79"."""


def _is_quantity(text: str, start: int, end: int) -> bool:
    """Whether what has the form of a year counts what follows: "1500 soldiers", "1500 kg"."""
    behind = re.match(r"\s?([a-z/]+)\b", text[end:])
    if behind and behind[1] in UNITS:
        return True
    if behind and behind[1] in {"men", "women", "people", "children"}:
        return not _BEFORE_YEAR.search(text[max(0, start - 8) : start])
    plural = re.match(r"\s+([a-z]+s)\b", text[end:])
    return plural is not None and usual_tag(plural[1]) in {"NNS", None}


def _refine(text: str, start: int, end: int, tag: str, bounds: list[tuple[int, int]]) -> str:
    """The part of speech, or what a token is to an answer: MONTH, YEAR, UNIT, MEASURE, SIGN, BOUND,
    ERA, ORDINAL (in digits), LINK (inside a name), OF or OR."""
    token = text[start:end].lower()
    if any(a <= start and end <= b for a, b in bounds):
        return "BOUND"
    if token in MONTHS and (token != "may" or re.match(r"\s+\d", text[end:])):
        return "MONTH"
    if token.rstrip(".") in SHORT_MONTHS and re.match(r"\s+\d", text[end:]):
        return "MONTH"
    if token in ERAS:
        behind = re.search(r"\d\s*$", text[max(0, start - 5) : start])
        return "ERA" if behind or (text[start] == "A" and re.match(r"\s+\d", text[end:])) else "NN"
    if re.fullmatch(r"\d+(?:st|nd|rd|th)", token):
        return "ORDINAL"
    is_year = re.fullmatch(rf"{YEAR.pattern}(?:–(?:\d\d)?\d\d)?|(?:1\d|20)\d0s", token)
    if is_year and not _is_quantity(text, start, end):
        return "YEAR"
    if token in UNITS:
        before = re.search(r"[\w.,]*\s*$", text[max(0, start - 20) : start])
        if before and re.search(r"\d|^(?:per|cent|million|billion|hundred)\b", before[0]):
            return "MEASURE" if token in MEASURES and token != "cent" else "UNIT"
        if before and token in MEASURES and before[0].strip().lower() in NUMBER_WORDS:
            return "MEASURE"
    if token == "per" and re.match(r"\s+cent\b", text[end:]):
        return "UNIT"
    if token in {"-", "−", "+"} and re.match(r"[$£€¥]?\d", text[end:]):
        return "SIGN"
    if (
        token in _LINKS
        and _LINKED.match(text, end)
        and _LINKS_TO.search(text[max(0, start - 20) : start])
    ):
        return "LINK"
    return {"of": "OF", "or": "OR"}.get(token, tag)
