"""Dates, numbers, names and noun phrases of a passage that may be asked for, by nltk's chunker."""

from __future__ import annotations

import calendar
import re

import nltk

from qgen.english.text import tagged_sentences
from qgen.records import Answer

_MONTHS = {name.lower() for name in calendar.month_name if name} - {"may"}
_SMALLER = {
    "year": ("month", "week", "day"),
    "month": ("week", "day"),
    "week": ("day",),
    "day": ("hour",),
    "hour": ("minute",),
    "minute": ("second",),
    "mile": ("yard",),
    "foot": ("inch",),
    "stone": ("pound",),
    "pound": ("ounce", "penny"),
    "dollar": ("cent",),
    "euro": ("cent",),
}
"""The units that may follow another in one quantity."""
_MEASURES = frozenset(_SMALLER).union(*_SMALLER.values())
_UNITS = frozenset(
    "% percent cent am pm a.m. p.m. a.m p.m m cm mm km kg g mg lb oz l ml ft mph km/h °c °f "
    "degrees usd eur bc ad bce ce".split()
).union(_MEASURES)

# Stages apply in order; a later one may build on the chunks of an earlier one.
_THING = "<CHUNK|ENTITY|NAME|NUMBER|QUANTITY>"
_GRAMMAR = rf"""
DATE: {{<CD>?<MONTH><CD>?<,>?<YEAR>}}
      {{<CD>?<MONTH><CD>?}}
      {{<YEAR>}}
NUMBER: {{<SIGN>?<\$|\#>?<CD>+<UNIT>*}}
QUANTITY: {{<NUMBER><NNS>}}
ENTITY: {{<NNP.*>+(<POS>?<NNP.*>+)*}}
NAME: {{<ENTITY>(<OF><DT>?<ENTITY>)+}}
CHUNK: {{(<RB>?<JJ.*>)*(<NN.*|ENTITY><POS>?)*<NN.*|ENTITY>}}
       {{<VBN|VBG><CHUNK>}}
PHRASE: {{{_THING}<OF|IN|CC><DT|PRP.*>?{_THING}}}
"""
_KINDS = {
    "DATE": "date",
    "NUMBER": "number",
    "QUANTITY": "number",
    "ENTITY": "name",
    "NAME": "name",
    "CHUNK": "phrase",
    "PHRASE": "phrase",
}
_PARSER = nltk.RegexpParser(_GRAMMAR)


def propose_answers(passage: str) -> list[Answer]:
    """Answers that may be asked for, in the order they stand, each text once.

    Quantities are whole: with sign, currency, unit and the thing that is counted.

    Returns:
        Spans of the kinds of :data:`qgen.settings.ANSWER_KINDS`; a span that is several of these is
        the innermost, such as the name that is all of a phrase.
    """
    found: dict[tuple[int, int], str] = {}
    for sentence in tagged_sentences(passage):
        leaves = [((start, end), _refine(passage, start, end, tag)) for start, end, tag in sentence]
        if not leaves:
            continue
        # Subtrees come outermost first, so the last word on a span is the innermost chunk's.
        for chunk in _PARSER.parse(leaves).subtrees(lambda tree: tree.label() in _KINDS):
            first, last = chunk.leaves()[0][0], chunk.leaves()[-1][0]
            found[first[0], last[1]] = _KINDS[chunk.label()]
    found = _whole_quantities(passage, found)
    dates = [span for span, kind in found.items() if kind == "date"]
    answers, seen = [], set()
    for (start, end), kind in sorted(found.items()):
        text = passage[start:end]
        # The 7 of February 7, 2016, and the 12 of a footnote's [12].
        part = kind == "number" and any(a <= start and end <= b for a, b in dates)
        mark = passage[start - 1 : start] == "[" and passage[end : end + 1] == "]"
        if text.lower() not in seen and re.search(r"\w", text) and not part and not mark:
            seen.add(text.lower())
            answers.append(Answer(text, start, kind))
    return answers


def _whole_quantities(
    passage: str, found: dict[tuple[int, int], str]
) -> dict[tuple[int, int], str]:
    """The spans with those put together that are one quantity in two units, such as "two hours
    and five minutes", and with the stop of an "a.m." that ends its sentence."""
    whole: dict[tuple[int, int], str] = {}
    quantity: tuple[int, int] | None = None  # the last one with a unit
    for (start, end), kind in sorted(found.items(), key=lambda item: (item[0][0], -item[0][1])):
        if re.search(r"\b[ap]\.m$", passage[start:end]) and passage[end : end + 1] == ".":
            end += 1
        unit = _unit(passage[start:end]) if kind == "number" else ""
        if quantity and unit and start >= quantity[1]:
            joined = re.fullmatch(r",?\s+(and\s+)?", passage[quantity[1] : start])
            if joined and unit in _SMALLER.get(_unit(passage[quantity[0] : quantity[1]]), ()):
                del whole[quantity]
                start = quantity[0]
        if unit:
            quantity = start, end
        whole[start, end] = kind
    return whole


def _unit(quantity: str) -> str:
    """Its last word in the singular, if that is a measure."""
    word = quantity.lower().split()[-1]
    word = {"feet": "foot", "inches": "inch", "pence": "penny"}.get(word, word.removesuffix("s"))
    return word if word in _MEASURES else ""


def _refine(passage: str, start: int, end: int, tag: str) -> str:
    """The part of speech, or what a token is to an answer: MONTH, YEAR, UNIT, SIGN or OF."""
    token = passage[start:end].lower()
    if token in _MONTHS or (token == "may" and re.match(r"\s+\d", passage[end:])):
        return "MONTH"
    if re.fullmatch(r"1\d\d\d|20\d\d", token) and not re.match(
        r"\s+(?!and|or)[a-z]+s\b", passage[end:]
    ):
        return "YEAR"
    after_number = re.search(r"(?:\d|\b(?:per|cent|million|billion|hundred))\s*$", passage[:start])
    if token in _UNITS and after_number:
        return "UNIT"
    if token == "per" and re.match(r"\s+cent\b", passage[end:]):
        return "UNIT"
    if token in {"-", "−", "+"} and re.match(r"[$£€]?\d", passage[end:]):
        return "SIGN"
    return "OF" if token == "of" else tag
