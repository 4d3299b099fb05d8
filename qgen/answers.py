"""Answers of a passage: where a given one stands, and which ones to propose.

Proposed are dates, numbers, names and noun phrases, by nltk's chunker, and what the reader adds.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterable, Sequence

import nltk

from qgen.errors import QGenError
from qgen.model.reader import Window, best_spans, log_probability
from qgen.text import sentence_spans, splits_word, tagged_sentences
from qgen.types import Answer

# -- locating --------------------------------------------------------------------------------------

_QUOTES = "'\"‘’‚‛“”„‟«»‹›`´′″"
_ASCII = str.maketrans(dict.fromkeys("‘’‚‛`´′‹›", "'") | dict.fromkeys("“”„‟″«»", '"'))
_DASHES = re.compile(r"[\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")


def locate_answer(passage: str, answer: str, start: int | None = None) -> Answer:
    """The span of a passage that an answer names.

    Case, accents, Unicode composition, the shape of quotes and dashes, and the kind and number of
    white-space and zero-width characters may differ; quotes round the whole answer and punctuation
    at its ends may be missing from the passage.  Whole words come before parts of words, and what
    is written alike before what differs in form; of equals, the first counts.

    Args:
        passage: the text.
        answer: what to find in it.
        start: offset of its first character, if known; white space there is passed over.

    Returns:
        The passage's own text at its true offset.

    Raises:
        QGenError: the passage or the answer is empty, or the answer is not in the passage (at
            ``start``).
    """
    if not passage.strip():
        raise QGenError("the passage is empty")
    if not answer.strip():
        raise QGenError("the answer is empty")
    folded, offsets = _fold(passage)
    for form in _forms(answer):
        found = _occurrences(passage, folded, offsets, form, answer.strip())
        if start is not None:
            # The first character of the answer, not of the white space or quote before it.
            found = [span for span in found if _same_place(passage, start, span[0])]
        if found:
            begin, end = found[0]
            return Answer(passage[begin:end], begin)
    if start is None:
        raise QGenError(f"the answer {_shown(answer)} is not in the passage")
    try:
        where = f"; it stands at {locate_answer(passage, answer).start}"
    except QGenError:
        where = ""
    raise QGenError(
        f"the answer {_shown(answer)} is not in the passage at character {start}{where}"
    )


def _forms(answer: str) -> list[str]:
    """The folded answer, then without the quotes round it, then without punctuation at its ends."""
    whole = _fold(answer)[0].strip()
    unquoted = answer.strip().strip(_QUOTES)
    bare = re.sub(r"^\W+|\W+$", "", unquoted)
    forms = [whole, *(_fold(text)[0].strip() for text in (unquoted, bare))]
    return [form for form in dict.fromkeys(forms) if form]


def _fold(text: str) -> tuple[str, list[int]]:
    """The text as locating compares it, and for each of its characters the offset it came from."""
    folded: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if character in _INVISIBLE:
            continue
        if character.isspace():
            plain = "" if folded[-1:] == [" "] else " "
        else:
            plain = unicodedata.normalize("NFKD", character.translate(_ASCII)).casefold()
            plain = _DASHES.sub("-", plain).translate(_ASCII)
            plain = "".join(c for c in plain if not unicodedata.combining(c) and not c.isspace())
        folded += plain
        offsets += [offset] * len(plain)
    return "".join(folded), offsets


def _occurrences(
    passage: str, folded: str, offsets: list[int], form: str, exact: str
) -> list[tuple[int, int]]:
    """Where a folded answer stands in a folded passage, as spans of the passage, best first."""
    ranked = []
    at = folded.find(form)
    while at >= 0:
        begin, end = offsets[at], offsets[at + len(form) - 1] + 1
        while end < len(passage) and unicodedata.combining(passage[end]):
            end += 1
        text = passage[begin:end]
        likeness = 0 if text == exact else 1 if text.lower() == exact.lower() else 2
        last = at + len(form)
        inside = splits_word(folded, at) or splits_word(folded, last)
        joined = folded[at - 1 : at] == "-" or bool(re.match(r"[-']\w", folded[last : last + 2]))
        ranked.append((inside, likeness, joined, begin, end))
        at = folded.find(form, at + 1)
    return [(begin, end) for *_, begin, end in sorted(ranked)]


def _same_place(passage: str, start: int, found: int) -> bool:
    """Whether nothing but white space, quotes and marks lies between the two offsets."""
    between = passage[min(start, found) : max(start, found)]
    return 0 <= start < len(passage) and not re.search(r"\w", between)


def _shown(answer: str, limit: int = 60) -> str:
    return repr(answer if len(answer) <= limit else answer[: limit - 1] + "…")


# -- proposing -------------------------------------------------------------------------------------

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
COST_OF_WORD = 0.3
"""What each word of a proposed answer costs, in nats, when spans are ranked by the reader."""
SPANS = 40
"""Spans that the reader may add per window of a passage."""


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


def propose_spans(
    passage: str, windows: Sequence[Window], answers: Sequence[Answer]
) -> list[Answer]:
    """Answers ranked by how probable the reader finds it that a question would be asked for them.

    Args:
        passage: the text.
        windows: of the passage with no question, of :meth:`qgen.model.reader.Reader.windows`; the
            spans that they give most to are added.
        answers: by rule, as of :func:`propose_answers`.

    Returns:
        Those of both that do not cut a date or number of the rules, and lie in one sentence.
    """
    known = {(answer.start, answer.end): answer for answer in answers}
    ends = [end for _, end in sentence_spans(passage)]
    for _, begin, end in best_spans(passage, windows, SPANS * len(windows)):
        if not any(begin < stop < end for stop in ends):
            text = passage[begin:end]
            known.setdefault((begin, end), Answer(text, begin, _kind(text)))
    whole = [answer for answer in answers if answer.kind in {"date", "number"}]
    usable = [a for a in known.values() if not any(_cuts(a, other) for other in whole)]
    # Start and end are predicted apart, so that the start of one good answer and the end of another
    # make a span as probable as either: shorter ones come first.
    worth = {a: log_probability(windows, a) - COST_OF_WORD * len(a.text.split()) for a in usable}
    return sorted(usable, key=lambda answer: worth[answer], reverse=True)


def _kind(text: str) -> str:
    """The kind of a span that no rule found."""
    if re.search(r"\d", text):
        return "number"
    words = [word for word in text.split() if word[0].isalpha() and len(word) > 3]
    return "name" if words and all(word[0].isupper() for word in words) else "phrase"


def _cuts(answer: Answer, other: Answer) -> bool:
    """Whether an answer holds a part of another, but not all of it."""
    return answer.overlaps(other) and not (answer.start <= other.start and other.end <= answer.end)


def apart(answers: Iterable[Answer], count: int) -> list[Answer]:
    """The first ``count`` answers that share no character with one before them."""
    kept: list[Answer] = []
    for answer in answers:
        if len(kept) == count:
            break
        if not any(answer.overlaps(other) for other in kept):
            kept.append(answer)
    return kept


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
