"""Near values: a quantity or date with other numbers, in the same form, unit and precision."""

from __future__ import annotations

import calendar
import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from itertools import pairwise
from operator import add, mul

from qgen.english.dictionary import inflections, usual_tag
from qgen.english.quantities import DIGITS, MONTHS, NUMBER_WORDS, TENS, number_of
from qgen.english.words import with_article

_MEASURED = (
    r"\s?(?:[kcm]?m|k?g|ft|lbs?|oz|mph|km/h|feet|foot|miles?|yards?|(?:kilo)?met(?:er|re)s?|acres?"
    r"|hectares?|tons?|tonnes?|pounds|dollars|euros|people|men|women)\b"
)
_YEAR = re.compile(rf"(?<![\d,.$£€])(?:1\d\d\d|20\d\d)(?![\d%]|[,.]\d|{_MEASURED})")
"""Also before a comma, as in "1914, 1918 and 1939", unlike that of :mod:`qgen.english.quantities`,
with which the fitness of statements was fitted."""
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first"
).split()
_FRACTIONS = (
    "one-tenth one-fifth one-quarter one-third two-fifths one-half three-fifths two-thirds "
    "three-quarters four-fifths nine-tenths"
).split()
# "a" beside "i": a long s is no s here, for no list below has the words that are written with it.
_FRACTION = re.compile(
    r"\b(?ai:(?:one|two|three|four|five|six|seven|nine)[ -](?:half|thirds?|fourths?|quarters?|"
    r"fifths?|sixths?|eighths?|tenths?)|half|a quarter|a third|a half)\b(?=\s+(?ai:of)\b|\s*$)"
)
_WORDS = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
_WORD = re.compile(rf"\b(?ai:(?P<tens>{'|'.join(TENS)})(?:-(?P<unit>{_WORDS}))?|(?:{_WORDS}))\b")
_ORDINAL = re.compile(
    rf"\b(?:(?ai:{'|'.join(_ORDINALS[::-1])})|\d{{1,2}}(?ai:st|nd|rd|th))\b"
    r"(?!-(?ai:party|class|hand|rate|person|degree|world|aid|born|string|ever)\b)"
)
"""Not that of "third-party" and "first-class"."""
_CENTURY = re.compile(r"\b(?:centur|millenni)", re.I)
_DIGITS = re.compile(rf"(?<![\w.,])(?<![A-Za-z]-){DIGITS}(?![\d\w])(?!-[A-Z])")
_GLUED = re.compile(
    r"(?<![\w.,])\d+(?:\.\d+)?(?=(?:%|°|ºC|k?m|cm|mm|kg|g|mg|[ap]m|bn|m|ft|s)\b|[%°])|"
    rf"(?:(?<=[$£€¥+−–])|(?<=[^\w\s]-)|(?<=\s-)|(?<=^-)){DIGITS}"
)
_NUMBER = re.compile(f"{_GLUED.pattern}|{_DIGITS.pattern}")
_TIME = re.compile(r"\b(\d{1,2})(:\d\d)?(?=\s?(?:[ap]\.?m\b|o['’]clock))", re.I)
_CLOCK = re.compile(r"(?<![\w:.,])\d{1,2}(?=:[0-5]\d(?::[0-5]\d)?(?![\w:]))")
"""The hours of a time without "a.m.", or of one that something took."""
_POWER = re.compile(r"(?<=\d)(\s?\^\s?[({]?[-−+]?)(\d{1,3})(?![\d.,]\d|\d)")
_LEAP_DAY = re.compile(r"(?=.*\bFeb)(?=.*\b29(?:th)?\b)", re.S)
_ERA = re.compile(r"\b(?:B\.?C\.?(?:E\.?)?)(?!\w)")
_SHORT_RANGE = re.compile(r"\b(1\d\d\d|20\d\d)([–/-])(\d\d)\b(?![/-]?\d)")
_LONG_MONTH = rf"\b(?:{'|'.join(m.capitalize() for m in sorted(MONTHS))})\b"
_SHORT_MONTH = r"\b(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b"
_MONTH = re.compile(rf"{_LONG_MONTH}|{_SHORT_MONTH}(?=\.?\s\d)")
_DATE = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\b(?! {_ERA.pattern})", re.I)
_IN_NAME = re.compile(r"(?!(?:In|On|At|From|By|Early|Late|Mid|About)\b)[A-Z][a-z]")
_DAY = re.compile(rf"\b(?:{'|'.join(calendar.day_name)})\b", re.I)
_BOUNDED = re.compile(r"\s*(?:%|per ?cent)|-year-old|\s*years old", re.I)
_LATEST = 2025
"""The last year that another date may have, unless the passage's own is later."""


def shape(text: str) -> str:
    """What must be equal of two values for one to stand in for the other: unit and form; empty
    for a text that is no value, such as "COVID-19" or "the oldest car"."""
    if _FRACTION.fullmatch(text.strip()):
        return "fraction"
    if len(re.findall(r"\b[A-Z]", _DAY.sub("", _MONTH.sub("", text)))) > 2:
        return ""  # "2001: A Space Odyssey"
    found = _YEAR.sub("<year>", text)
    if found == text and not (_NUMBER.search(text) or _TIME.search(text)):
        words = len(text.split())
        named = _ORDINAL.search(text) and (_CENTURY.search(text) or words <= 3)
        month = _MONTH.search(text) and not _IN_NAME.search(_MONTH.sub("", text))
        if not (named or month or _DAY.fullmatch(text.strip()) or _is_counted(text)):
            return ""
        if words > 6:
            return ""
    found = _MONTH.sub("<month>", _DAY.sub("<day>", _CLOCK.sub("<hour>", found)))
    found = _ORDINAL.sub("<ordinal>", _NUMBER.sub("#", found))
    return _WORD.sub("<word>", found).lower()


def _is_counted(text: str) -> bool:
    """Whether a text is a number in words, or begins with one that counts what follows."""
    match = _WORD.search(text)
    if not match or re.match(r"one (?:of|who|that|which)\b|the one\b", text, re.I):
        return False
    before = text[: match.start()].strip().lower()
    return not before or before in {"about", "around", "at least", "more than", "nearly", "almost",
                                    "over", "up to", "some", "the", "only", "fewer than",
                                    "less than", "approximately", "roughly"}  # fmt: skip


def is_near(first: str, second: str) -> bool:
    """Whether two values of one form are near enough to be confused: years within sixty years of
    one another, other numbers within five times, and both with decimals or neither."""
    written = list(zip(_DIGITS.findall(first), _DIGITS.findall(second), strict=False))
    if any(("." in a) != ("." in b) for a, b in written):
        return False  # "23 species" and "21.8"
    pairs = [(number_of(a), number_of(b)) for a, b in written]
    if _YEAR.search(first):
        return all(abs(a - b) <= 60 for a, b in pairs)
    return all(min(a, b) * 5 >= max(a, b) for a, b in pairs)


MORE = (
    "(?:more|greater|older|longer|later|higher|larger|deeper|taller|heavier|faster|bigger|wider|"
    "warmer|hotter) than"
)
LESS = (
    "(?:less|fewer|smaller|younger|shorter|earlier|lower|lighter|slower|colder|cooler|cheaper|"
    "narrower) than"
)
_NOT = r"(?<!\bno )(?<!\bnot )"
# No bound is what "after Henry 5" has.
_NEAR = rf"\b(?-i:[^,.;:\dA-Z]{{0,12}}(?:{_LONG_MONTH}|{_SHORT_MONTH})?\.?\s?)\Z"
_LEAST = re.compile(
    rf"\b(?:over|above|exceed(?:s|ed|ing)?|after|at least|upwards of|minimum of|"
    rf"{_NOT}{MORE}|"
    rf"(?:no|not) {LESS}){_NEAR}",
    re.I,
)
_MOST = re.compile(
    rf"\b(?:under|below|before|at most|up to|maximum of|{_NOT}{LESS}|(?:no|not) {MORE}){_NEAR}",
    re.I,
)
"""What makes the value behind it a bound, below and above."""
_VALUE = r"[\w.,%-]+(?: \w+){0,2},? "
_ALONE = r"\b(?! (?:the|an?|than)\b| [$£€]?\d)"  # no bound is what "and over 50 men" has
LEAST_BEHIND = re.compile(
    rf"{_VALUE}(?:(?:or|and) (?:more|above|over|older|up|upwards?|higher|greater)|"
    rf"or (?:later|longer|larger)){_ALONE}",
    re.I,
)
MOST_BEHIND = re.compile(
    rf"{_VALUE}(?:(?:or|and) (?:under|below|younger)|"
    rf"or (?:less|fewer|lower|smaller|earlier|shorter)){_ALONE}",
    re.I,
)
"""A value and what behind it makes it a bound, below and above: "12 years or older"."""


def implied(before: str, text: str, other: str, after: str = "") -> bool:
    """Whether another value is right because a bound is: who has "over 90 %" has over 80 %.

    Args:
        before: what stands before the value.
        text: the value, which may begin with the words that make it a bound.
        other: another of its form.
        after: what stands behind the value.
    """
    number, another = first_number(text), first_number(other)
    if not number or not another:
        return False
    years = [_YEAR.findall(each) for each in (text, other)]
    if all(len(found) == 1 for found in years):  # of "May 8, 1945" not the day
        places = (number[0], another[0])
        number, another = ((at, float(y)) for at, [y] in zip(places, years, strict=True))
    lead, rest = before[-40:] + text[: number[0]], text[number[0] :] + after[:40]
    if _LEAST.search(lead) or LEAST_BEHIND.match(rest):
        return another[1] < number[1]
    return bool(_MOST.search(lead) or MOST_BEHIND.match(rest)) and another[1] > number[1]


def first_number(text: str) -> tuple[int, float] | None:
    """Where the first number of a text begins, in digits or words, and the number: of "two million"
    two, of "a third of it" a third."""
    if part := _FRACTION.match(text.strip()):
        above, below = _PARTS_OF[part[0].lower().replace("-", " ").replace("a ", "one ")]
        return 0, above / below
    found = re.search(rf"{DIGITS}|{_WORD.pattern}", text)
    if not found:
        return None
    is_negative = re.search(r"(?:^|[\s(])[-−–]$", text[: found.start()])
    return found.start(), -number_of(found[0]) if is_negative else number_of(found[0])


_PARTS_OF = {"half": (1, 2)} | {
    f"{word} {name}{plural}": (above, below)
    for above, word in enumerate(NUMBER_WORDS[:9], 1)
    for below, names in {
        2: ["half"], 3: ["third"], 4: ["fourth", "quarter"], 5: ["fifth"], 6: ["sixth"],
        8: ["eighth"], 10: ["tenth"],
    }.items()
    for name in names
    for plural in ("", "s")
}  # fmt: skip
"""Fractions in words, as what stands above and below the line."""


def near_values(text: str) -> Iterator[str]:
    """The same quantity or date with other values, in the same form; the text itself never.

    The first three lie below and above it in numbers that its own letters tell, so that the right
    one is not always in the middle.
    """
    draw = random.Random(text.lower())
    seen = {text}
    for value in map(with_article, _near(text, draw)):
        if value not in seen:
            seen.add(value)
            yield value


def _near(text: str, draw: random.Random) -> Iterator[str]:
    if match := _FRACTION.search(text):
        yield from _fractions(text, match, draw)
    elif _TIME.search(text):
        yield from _hours(text, draw)
    elif _CLOCK.search(text):
        yield from _clocks(text, draw)
    elif _YEAR.search(text):
        yield from _years(text, draw)
    elif _ORDINAL.search(text) and not _MONTH.search(text):
        yield from _ordinals(text, draw)
    elif _MONTH.search(text):
        yield from _months(text, draw)
    elif match := _DAY.search(text):
        days = [_in_case_of(day, match[0]) for day in calendar.day_name]
        draw.shuffle(days)
        yield from (text[: match.start()] + day + text[match.end() :] for day in days)
    elif _POWER.search(text):
        yield from _powers(text, draw)
    elif match := _RATIO.search(text):
        yield from _ratios(text, match, draw)
    elif match := _COMPOUND.search(text):
        larger, smaller = text[: match.end()], text[match.end() :]
        yield from (value + smaller for value in _numbers(larger, draw))
    elif _NUMBER.search(text):
        yield from _numbers(text, draw)
    elif match := _WORD.search(text):
        yield from _number_words(text, match, draw)


def _below_and_above(below: Sequence, above: Sequence, draw: random.Random) -> list:
    """Values of both sides, nearest first on each: of the first three so many below as is drawn."""
    low = draw.randint(0, 3)
    low = min(low, len(below))
    low = max(low, 3 - len(above))
    first = [*below[:low], *above[: 3 - low]]
    draw.shuffle(first)
    return [*first, *below[low:], *above[3 - low :]]


_FOUR = (1, 2, 3, 4)


def _shifted(
    draw: random.Random,
    shift: Callable[[int], str | None],
    below: Sequence[int] = _FOUR,
    above: Sequence[int] = _FOUR,
) -> Iterator[str]:
    """The values at these steps, as ``shift`` makes them, or does not."""
    lower = [v for step in below if (v := shift(-step))]
    higher = [v for step in above if (v := shift(step))]
    yield from _below_and_above(lower, higher, draw)


def _spaced(unit: int, draw: random.Random, most: int) -> list[int]:
    """Four steps outwards, each some units beyond the one before."""
    steps, at = [], 0
    for _ in _FOUR:
        at += unit * draw.randint(1, most)
        steps.append(at)
    return steps


def _years(text: str, draw: random.Random) -> Iterator[str]:
    years = [int(year) for year in _YEAR.findall(text)]
    latest = (
        max(*years, _LATEST, date.today().year - 1) if len(years) > 1 else max(years[0], _LATEST)
    )
    if re.search(r"\d0['’]?s\b", text):
        unit = 10
    elif _ERA.search(text) or (len(years) > 1 and all(year % 50 == 0 for year in years)):
        unit = 100 if all(year % 100 == 0 for year in years) else 10
    else:
        unit = 1 if years[0] >= 1900 else 2 if years[0] >= 1700 else 5
    leap = bool(_LEAP_DAY.match(text))
    if leap:
        unit = 4

    def shift(step: int) -> str | None:
        if max(years) + step > latest or min(years) + step < 1000:
            return None
        if leap and not all(calendar.isleap(year + step) for year in years):
            return None
        if short := _SHORT_RANGE.search(text):
            end = int(short[3]) + step
            if not 0 <= end < 100 or (int(short[1]) + step) // 100 != int(short[1]) // 100:
                return None
            moved = f"{int(short[1]) + step}{short[2]}{end:02}"
            return text[: short.start()] + moved + text[short.end() :]
        return _YEAR.sub(lambda match: str(int(match[0]) + step), text)

    most = 2 if unit >= 10 or leap else 5
    yield from _shifted(draw, shift, _spaced(unit, draw, most), _spaced(unit, draw, most))


def _ordinals(text: str, draw: random.Random) -> Iterator[str]:
    most = 21 if _CENTURY.search(text) else 99

    def number(word: str) -> int:
        return (
            int(re.sub(r"\D", "", word)) if word[0].isdigit() else _ORDINALS.index(word.lower()) + 1
        )

    def shift(step: int) -> str | None:
        def moved(match: re.Match) -> str:
            value = number(match[0]) + step
            if match[0][0].isdigit():
                return f"{value}{ordinal_ending(value)}"
            return _in_case_of(_ORDINALS[value - 1], match[0])

        values = [number(word) + step for word in _ORDINAL.findall(text)]
        words = not any(word[0].isdigit() for word in _ORDINAL.findall(text))
        if min(values) < 1 or max(values) > (min(most, len(_ORDINALS)) if words else most):
            return None
        return _ORDINAL.sub(moved, text)

    yield from _shifted(draw, shift)


def ordinal_ending(value: int) -> str:
    """Of a number written in digits: "st", "nd", "rd" or "th"."""
    return (
        "th" if value % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    )


def _months(text: str, draw: random.Random) -> Iterator[str]:
    """All months of the text by the same step."""
    names, short_names = list(calendar.month_name), [m[:3] for m in calendar.month_name]
    first, *others = _MONTH.finditer(text)
    # The day is before the month if anything is: "44" is the year of "15 March 44 BC".
    before = _DATE.findall(text[: first.start()])
    days = before if before and not others else _DATE.findall(text)
    day = max((int(d) for d in days if int(d) <= 31), default=1)

    def shift(step: int) -> str | None:
        found = (first, *others)
        months = [(short_names.index(m[0][:3]) + step - 1) % 12 + 1 for m in found]
        if names[5] in {names[m] for m in months} and any(m[0] not in names for m in found):
            return None  # "May" has no short form
        if day > min(calendar.monthrange(2024, month)[1] for month in months):
            return None
        moved = iter(months)
        return _MONTH.sub(lambda m: (names if m[0] in names else short_names)[next(moved)], text)

    steps = [-4, -3, -2, -1, 1, 2, 3, 4]
    draw.shuffle(steps)
    yield from filter(None, map(shift, steps))


_HOUR = re.compile(
    rf"{_TIME.pattern}|(?<![\w.,:])(1[0-2]|[1-9])(:\d\d)?"
    r"(?=(?:\s?[–—-]\s?|\s(?:to|and|or|until)\s)\d{1,2}(?::\d\d)?\s?(?:[ap]\.?m\b|o['’]clock))",
    re.I,
)
"""Of a time, or of one before it that goes with its "a.m."."""


def _hours(text: str, draw: random.Random) -> Iterator[str]:
    """All hours of the text by the same step, their order as it is."""

    def moved(hour: str, step: int) -> int:
        return (int(hour) + step - 1) % 12 + 1

    hours = [m[1] or m[3] for m in _HOUR.finditer(text)]

    def shift(step: int) -> str | None:
        apart = [moved(b, step) - moved(a, step) for a, b in pairwise(hours)]
        if apart != [int(b) - int(a) for a, b in pairwise(hours)]:
            return None
        return _HOUR.sub(lambda m: f"{moved(m[1] or m[3], step)}{m[2] or m[4] or ''}", text)

    yield from _shifted(draw, shift)


def _clocks(text: str, draw: random.Random) -> Iterator[str]:
    """All hours of the text by the same step, on the clock of twelve or of twenty-four hours."""
    hours = _CLOCK.findall(text)
    padded = any(len(hour) == 2 and hour[0] == "0" for hour in hours)
    highest = max(map(int, hours))
    least = 0 if padded or highest > 12 or min(map(int, hours)) == 0 else 1
    most = next(most for most in (12 if least else 23, 23, 59, 99) if highest <= most)

    def shift(step: int) -> str | None:
        if min(map(int, hours)) + step < least or highest + step > most:
            return None
        return _CLOCK.sub(lambda hour: f"{int(hour[0]) + step:0{2 if padded else 1}}", text)

    yield from _shifted(draw, shift)


def _powers(text: str, draw: random.Random) -> Iterator[str]:
    """All exponents of the text by the same step: "10^6", "10^7"."""

    def shift(step: int) -> str | None:
        if min(int(power[2]) for power in _POWER.finditer(text)) + step < 1:
            return None
        return _POWER.sub(lambda power: f"{power[1]}{int(power[2]) + step}", text)

    yield from _shifted(draw, shift)


def _fractions(text: str, match: re.Match, draw: random.Random) -> Iterator[str]:
    own = match[0].lower()
    same = {
        "half": "one-half",
        "a quarter": "one-quarter",
        "a third": "one-third",
        "a half": "one-half",
    }
    spaced = "-" not in own
    values = [
        f
        for f in _FRACTIONS
        if f != same.get(own, own.replace(" ", "-").replace("fourth", "quarter"))
    ]
    draw.shuffle(values)
    for value in values:
        if own in same:
            value = value.replace("one-half", "half").replace("one-", "a ")
        written = value.replace("-", " ") if spaced else value
        yield text[: match.start()] + _in_case_of(written, match[0]) + text[match.end() :]


_RATIO = re.compile(
    r"(?<![\w.,:/])(\d+(?:\.\d+)?)(\s(?:out of|in|of)\s|[:/])(?=(\d+(?:\.\d+)?)(?!\.?\d|[:/]))"
)
"""Two numbers of which one is a part of the other, or that are compared: "20 in 100", "16:9"."""


def _ratios(text: str, match: re.Match, draw: random.Random) -> Iterator[str]:
    """With another first number: the same factor for both would give the same ratio."""
    first, whole = number_of(match[1]), number_of(match[3])
    rest = text[match.end(1) :]
    for value in _numbers(text[: match.end(1)], draw):
        number = first_number(value)
        if number and (first > whole or number[1] < whole):
            yield value + rest


_FACTORS = ((0.8, 0.7, 0.6, 0.5, 0.4, 0.25), (1.2, 1.3, 1.5, 1.7, 2.0, 2.5, 3.0))
"""By which the values below a number, and above it, differ from it.  No measurement is recorded."""


def _numbers(text: str, draw: random.Random) -> Iterator[str]:
    """All numbers of the text by the same factor: as many decimals, as round, as many zeros."""
    numbers = _NUMBER.findall(text)
    plain = [number_of(number) for number in numbers]
    if not math.isfinite(max(plain) * 10):
        return  # of hundreds of digits: there is no such float
    is_small = all(value == int(value) and value <= 12 for value in plain)
    bounded = any(_BOUNDED.match(text[m.end() :]) for m in _NUMBER.finditer(text))
    least = 0 if min(plain) <= 0 else 1 if all(v == int(v) for v in plain) else 0.001

    def changed(change: Callable[[float], float], is_round: bool) -> str | None:
        values = [change(value) for value in plain]
        written = [_written(v, model, is_round) for v, model in zip(values, numbers, strict=True)]
        back = [number_of(number) for number in written]
        if any(a == b for a, b in zip(back, plain, strict=True) if b) or min(back) < least:
            return None
        if len(back) > 1 and sorted(back) != back and sorted(plain) == plain:
            return None
        if len(set(back)) < len(set(plain)):
            return None  # "80–80%"
        if bounded and max(plain) <= 100 <= max(back):
            return None
        if min(back) == 1 != min(plain):
            return None  # "1 years"
        parts = iter(written)
        return _agreeing(text, _NUMBER.sub(lambda _: next(parts), text))

    def plus(*steps: float, is_round: bool = True) -> list[str | None]:
        return [changed(partial(add, step), is_round) for step in steps]

    def times(*factors: float, is_round: bool = True) -> list[str | None]:
        return [changed(partial(mul, factor), is_round) for factor in factors]

    if is_small:
        below, above = plus(-1, -2, -3, -4), plus(1, 2, 3, 4)
    elif _MIXED.search(text):  # "1 year to 18 months": as many times as much of both
        below = [] if any(v % 2 for v in plain) else times(0.5, is_round=False)
        above = times(2, 3, 4, is_round=False)
    elif width := _width(text, plain):
        # As round as the width makes it: 85 of "90–95" must not become 80.
        below = plus(*(-s * width for s in (1, 2, 3)), is_round=False)
        above = plus(*(s * width for s in (1, 2, 3)), is_round=False)
    elif bounded and 80 < max(plain) <= 100:
        below, above = times(0.95, 0.9, 0.85, 0.75, 0.7), plus(2, 4, 7, is_round=False)
    else:
        low, high = (sorted(draw.sample(side, 4), key=lambda f: abs(f - 1)) for side in _FACTORS)
        below, above = times(*low), times(*high)
    yield from _below_and_above(list(filter(None, below)), list(filter(None, above)), draw)


_PARTS = {
    "years?": "months?|weeks?|days?",
    "months?": "weeks?|days?",
    "weeks?": "days?",
    "days?": "hours?|minutes?",
    "hours?": "minutes?|seconds?",
    "minutes?|degrees?": "minutes?|seconds?",
    "hrs?|h": "mins?|min|m",
    "mins?": "secs?|s",
    "ft": "in",
    "lbs?": "oz",
    "miles?": "yards?|feet",
    "feet|foot": "inch(?:es)?",
    "stones?": "pounds?",
    "pounds?": "ounces?|pence",
}
_WITH_PART = "|".join(
    rf"(?:{unit})(?=(?:,? and|,)? \d[\d.]* (?:{part})\b)" for unit, part in _PARTS.items()
)
_COMPOUND = re.compile(
    rf"(?<![\d.,])(?<!between )(?:\d[\d,]* (?:{_WITH_PART})\b|\d['’′](?=\s?\d))"
    r"(?!.*(?:\bto\b|[–—]))"
)
"""The larger unit of a quantity that has two: the hours of "2 hours and 15 minutes"."""

_MIXED = re.compile(
    r"(?P<between>\bbetween\s)?\d[\d,.]*\s?(?P<unit>[a-z]*[a-rt-z])s?"
    r"\s?(?:[–—-]|\bto\b|(?(between)and\b|(?!)))\s?\d[\d,.]*\s?(?!(?P=unit)s?\b)[a-z]+",
    re.I,
)
"""A range of two units."""


def _width(text: str, values: Sequence[float]) -> float:
    """Of the range that a text is; 0 where it is none, or so wide that to move it would give
    nothing like it ("between 54 and 78 minutes" for "between 6 and 30 minutes")."""
    is_range = len(values) == 2 and re.search(r"\d\D{0,12}(?:[–—-]|\bto\b|\band\b)\D{0,3}\d", text)
    return values[1] - values[0] if is_range and values[0] < values[1] < 3 * values[0] else 0


def _written(value: float, model: str, is_round: bool = True) -> str:
    """A value as a number is written: commas, decimals and, if round, zeros at the end."""
    plain = model.replace(",", "")
    decimals = len(plain.partition(".")[2])
    if is_round and not decimals:
        zeros = len(plain) - len(plain.rstrip("0")) if float(plain) else 0
        digits = len(str(abs(int(value))))
        value = round(value, -min(zeros, max(0, digits - 1)))
    commas = "," in model or (value >= 10_000 and float(plain) < 10_000)
    return f"{value:,.{decimals}f}" if commas else f"{value:.{decimals}f}"


def _number_words(text: str, match: re.Match, draw: random.Random) -> Iterator[str]:
    if _SEVERAL.search(text):
        yield from _several_words(text, draw)
        return
    if match["tens"]:
        at = TENS.index(match["tens"].lower())
        values = [tens + (f"-{match['unit']}" if match["unit"] else "") for tens in TENS]
        below, above = values[:at][::-1], values[at + 1 :]
    else:
        at = NUMBER_WORDS.index(match[0].lower())
        behind = text[match.end() :]
        first = 0 if re.match(r"\s*(?:hundred|thousand|million|billion)", behind) else 1
        first = 0 if match[0] == text else first
        below, above = NUMBER_WORDS[first:at][::-1], NUMBER_WORDS[at + 1 :]
        if re.match(r"\s*o['’]clock", behind):
            above = [word for word in above if NUMBER_WORDS.index(word) < 12]
        if re.match(r"\s*hundred", behind):
            above = [word for word in above if NUMBER_WORDS.index(word) < 9]
        whole = re.match(rf"\s+(?:out of|in)\s+({_WORDS})\b", behind, re.I)
        if whole:  # "six out of five"
            above = above[: max(0, NUMBER_WORDS.index(whole[1].lower()) - at - 1)]
    for value in _below_and_above(below[:4], above[:4], draw):
        yield _agreeing(
            text, text[: match.start()] + _in_case_of(value, match[0]) + text[match.end() :]
        )


_NUMBER_WORD = _WORD.pattern.replace("?P<tens>", "").replace("?P<unit>", "")
_SEVERAL = re.compile(
    rf"{_NUMBER_WORD}(?:\s+(?:hundred|thousand|million|billion))?\s+(?:or|to|and)\s+{_NUMBER_WORD}"
)
"""Numbers that go together: "one or two", "one hundred to two hundred"."""


def _several_words(text: str, draw: random.Random) -> Iterator[str]:
    """All numbers in words of a text by the same step: "one or two", "three or four"."""
    words = [match[0].lower() for match in _WORD.finditer(text)]
    known = next((known for known in (NUMBER_WORDS, _ROUND) if set(words) <= set(known)), None)
    if not known:
        return

    def shift(step: int) -> str | None:
        places = [known.index(word) + step for word in words]
        if min(places) < 0 or max(places) >= len(known):
            return None
        moved = iter(places)
        return _WORD.sub(lambda m: _in_case_of(known[next(moved)], m[0]), text)

    yield from _shifted(draw, shift, (1, 2, 3), (1, 2, 3))


_ROUND = ["ten", *TENS]
"""Numbers in words of a pair such as "twenty or thirty"."""
_NO_THINGS = frozenset("percent per million billion hundred thousand dozen".split())
_ONE = re.compile(r"(?<![\w.,])(?:one|1)\s+([a-z].*)", re.I)


def _agreeing(text: str, other: str) -> str:
    """The other with the plural of what the text has one of: "one mile", "two miles"."""
    one = _ONE.search(text)
    words = one[1].split(" ") if one else []
    tags = [usual_tag(word) or "NN" for word in words]
    at = next((i for i, tag in enumerate(tags) if not tag.startswith(("JJ", "VBN"))), 0)
    if not words or words[at].lower() in _NO_THINGS or not tags[at].startswith("NN"):
        return other
    while at + 1 < len(words) and tags[at + 1].startswith("NN"):
        at += 1  # of "one school bus"
    counted = " ".join(words[: at + 1])
    words[at] = inflections(words[at], "NOUN").get("NNS", (words[at],))[0]
    return re.sub(
        rf"(?<=\s){re.escape(counted)}(?!\w)", lambda _: " ".join(words[: at + 1]), other, count=1
    )


def _in_case_of(text: str, model: str) -> str:
    if model.isupper() and len(model) > 1:
        return text.upper()
    return text[:1].upper() + text[1:] if model[:1].isupper() else text.lower()
