"""Numbers, dates and units, as every module tells them; and the kind of an answer by its form."""

from __future__ import annotations

import calendar
import re

MONTHS = frozenset(name.lower() for name in calendar.month_name if name)
SHORT_MONTHS = frozenset(name[:3] for name in MONTHS) - {"may"} | {"sept"}
ERAS = frozenset("bc ad bce ce b.c. a.d. b.c a.d".split())
NUMBER_WORDS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NUMBERS = {word: i for i, word in enumerate(NUMBER_WORDS, 1)} | {
    word: 10 * i for i, word in enumerate(TENS, 2)
}
DIGITS = r"\d+(?:,\d{3})*(?:\.\d+)?"
"""A number in digits."""
YEAR = re.compile(r"(?<![\d,.$£€])(?:1\d\d\d|20\d\d)(?![\d,%]|\.\d)")
MEASURES = frozenset(
    "years months weeks days hours minutes seconds miles yards feet inches stones pounds ounces "
    "pence dollars cents euros year month week day hour minute second mile yard foot inch stone "
    "pound ounce penny dollar cent euro".split()
)
"""Those of which two make one quantity, such as "5 feet 4 inches"."""
UNITS = MEASURES | frozenset(
    "% percent am pm a.m. p.m. a.m p.m m cm mm km kg g mg lb oz l ml ft mph km/h °c °f degrees usd "
    "eur".split()
)
_FIRST = rf"(?=\s+(?:[$£€]?\d|(?:a|half|{'|'.join(NUMBER_WORDS)})\b))"
BOUND = re.compile(
    rf"\b(?:over|under|nearly|almost|(?:more|less|fewer) than|at (?:least|most)|up to){_FIRST}",
    re.I,
)
"""What makes another quantity of the number behind it: "more than 300" is not 300."""
ESTIMATE = re.compile(
    r"\b(?:about|around|approximately|roughly|some|an estimated|circa|ca?\.|early|mid|late) ", re.I
)
"""What a number or date may be given with or without: of SQuAD's answers about one in four has it
before a number, and of those with "early" or "late" two in three."""


_NAME = re.compile(r"[A-Z][^\W\d_]*-?\d")
"""How a word with a digit begins that is no number: "COVID-19", "B52"."""


_CALENDAR = MONTHS | SHORT_MONTHS | ERAS | {"century", "centuries", "millennium", "millennia"}
_DATE_PART = re.compile(r"\d{1,4}(?:st|nd|rd|th|s)?|the|early|mid|late")


def number_of(written: str) -> float:
    """The number that digits or words tell, such as "1,200.5" or "twenty-five"."""
    if written[-1].isdigit():
        return float(written.replace(",", "").replace("−", "-"))
    return float(sum(_NUMBERS[word] for word in re.split("[- ]", written.lower())))


def kind_by_form(text: str) -> str:
    """What a span looks like by itself: "date", "number", "name" or "phrase"."""
    words = re.split(r"[\s,–-]+", text.lower().strip(" ,"))
    named = any(word.rstrip(".") in _CALENDAR for word in words)
    if (YEAR.search(text) or (named and re.search(r"\d", text))) and all(
        word.rstrip(".") in _CALENDAR or _DATE_PART.fullmatch(word) for word in words
    ):
        return "date"
    if any(re.search(r"\d", word) and not _NAME.match(word) for word in text.split()):
        return "number"
    words = [word for word in text.split() if word[0].isalpha() and re.search(r"\w{4}|\d", word)]
    return "name" if words and all(word[0].isupper() for word in words) else "phrase"
