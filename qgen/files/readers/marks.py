"""Raised text: the marks of notes are left out, exponents and ordinals are not.

A reader puts signs round what is raised and round links, and :func:`read_raised` takes them out.
"""

from __future__ import annotations

import re

RAISED, NOT_RAISED, LINK, NO_LINK, POWER = "\ufdd0\ufdd1\ufdd2\ufdd3\ufdd4"
"""What raised text and links begin and end with until they are read, and what raised text has in
it that is an exponent for sure; no text has these characters."""
_SIGN = re.compile(f"([{RAISED}{NOT_RAISED}{LINK}{NO_LINK}{POWER}])")
_RAISED_LINK = re.compile(
    f"{LINK}((?:\\s*{RAISED}[^{RAISED}{NOT_RAISED}{LINK}{NO_LINK}]*{NOT_RAISED})+)\\s*{NO_LINK}"
)
_MAX_DEPTH = 4
"""How deep raised text may stand in raised text."""
_TO_RAISED = str.maketrans("0123456789+-−–n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ")
_MARK = re.compile(r"[\d\s,;*†‡§¶#–-]+|\(\d{1,3}\)|[a-z]|[ivx]{1,4}")
_EXPONENT = re.compile(r"[+\-−–]?\d{1,3}[+\-−–]?|[+\-−–n]")
_FORMULA = re.compile(
    r"[+\-−–]?\d+[./]\d+|(?=.*[^\W\d_])(?!\(|.*[A-Za-z]{3}|TM|SM)[\w+\-−–/·.()]{1,12}"
)
"""An exponent for which there are no characters: "x", "iπ", "n+1", "1/2"."""
_BASE = re.compile(
    # A small number, such as 10; behind a larger one, which may be a year, stands a note's mark.
    r"(?:(?<![\d.,])\d{1,2}|\.\d+|⁻"
    # A unit or variables: "350 m", "kg", "mc", "πr", "ax"; not the end of "21st" and "1990s".
    r"|(?<![^\W\d_])(?<![^\W\d_]['’])(?!(?<=\d)(?:st|nd|rd|th)|(?<=\d0)s)(?:[α-ωΑ-Ω]{0,2}[^\W\d_]"
    r"|[bcdfghjklmnpqrstvwxzµμ]{3}|sin|cos|tan|sec|mol"
    # No word: a note may stand behind "it".
    r"|(?!am|be|by|do|go|he|if|i[dnst]|a[dlnst]|me|my|no|o[fnrx]|so|to|up|us|we)[a-zµμ]{2})"
    r"|[\d½⅓⅔¼¾⅛](?!st|nd|rd|th)[a-z]{2,3}|[=+−·×√∫≈≤≥<>*]\s?[^\W\d_]{2,3}|\d\s?(?:in|acre)"
    # What stands between brackets if that is a formula, without words, years, pages and equations
    # ("1939 – 1945", "n = 25"); or one between bars.
    r"|\((?:[^\W\d_]|(?![^()]*(?:(?!sin|cos|tan|log|exp)[^\W\d_]{3}|\d{4}|\.\s|=))"
    r"[^()]*[^\s()](?:\s?[+−·×^]|\s[-–/]\s)\s?[^\s()][^()]*)\)|\|[^|\s]{1,5}\|)\s?$"
)
_NAME = re.compile(r"(?<![^\W\d_])[A-Z][^\W\d_]{2,} [AI]$")
"""What ends like a variable and is none, such as "World War I" and "Plan A"."""
_SPELT = re.compile(r"(?<![^\W\d_])(?:[Nn]os?|[DJM]rs?|St|M(?:me|lle)|[a-z]th)$")
"""Words of which all but the first letter may be raised."""
_BEFORE = 24
"""How many characters before what is raised are looked at."""


def read_raised(text: str) -> str:
    """The text without the signs in it, and without the marks of notes.

    A mark may be a link whose whole text is raised, or have links inside of it.
    """
    text = _RAISED_LINK.sub(lambda m: f"{RAISED}{LINK}{_SIGN.sub('', m[1])}{NOT_RAISED}", text)
    open_: list[list[str]] = [[]]  # the pieces of the line, and of what is raised in it

    def end_raised() -> None:
        raised = "".join(open_.pop())
        before = _SIGN.sub("", "".join(open_[-1][-8:]))
        read = raised_text(before, _SIGN.sub("", raised), LINK in raised, POWER in raised)
        open_[-1].append(read)

    for piece in _SIGN.split(text):
        if piece == RAISED and len(open_) < _MAX_DEPTH:
            open_.append([])
        elif piece == NOT_RAISED and len(open_) > 1:
            end_raised()
        else:
            open_[-1].append(piece)
    while len(open_) > 1:
        end_raised()
    return _SIGN.sub("", "".join(open_[0]))


def takes_exponent(before: str) -> bool:
    """Whether what is raised behind a text may be an exponent: a number, a variable, a unit."""
    before = before[-_BEFORE:]
    return bool(_BASE.search(before)) and not _NAME.search(before)


def raised_text(before: str, text: str, linked: bool = False, power: bool = False) -> str:
    """What is read where a text is set above the line.

    Args:
        before: the text in front of it.
        text: what is raised.
        linked: whether it is a link, as the marks of notes are.
        power: whether it stands behind something in a formula, where there are no marks.

    Returns:
        The text, with exponents as characters ("10⁶", "350 m²") or behind "^" ("e^x"); nothing for
        the mark of a note.
    """
    mark = text.strip()
    if linked or re.fullmatch(r"\[.*\]", mark):
        return "" if re.fullmatch(r"\W*\w{0,4}\W*|\[.*\]", mark) else text
    before = before[-_BEFORE:]
    base = power or takes_exponent(before)
    if power and re.fullmatch(r"[∘°′″‴]+", mark):  # raised by themselves
        return mark.replace("∘", "°")
    # Behind words too: "Na⁺", "day⁻¹".
    signed = re.fullmatch(r"\d?[+\-−–]|[\-−–]\d{1,2}", mark) and before[-1:].isalnum()
    isotope = mark.isdigit() and not before[-1:].strip()
    if (base and _EXPONENT.fullmatch(mark)) or signed or isotope:
        return mark.translate(_TO_RAISED)
    variable = base and re.fullmatch(r"[i-mp-qt-z]", mark)
    if re.search(r"\d$", before) and re.fullmatch(r"[a-z]{1,2}", mark) and not variable:
        return text  # 21st, and 1er in French
    if _SPELT.search(before[-2:] + mark):
        return text
    # Behind a unit, "a" is a note's.
    unit = re.search(r"(?:\d\s|[^\W\d_])[^\W\d_]$", before)
    note = unit and re.fullmatch(r"[a-f]|[ivx]{2,4}", mark)
    exponent = re.sub(r"\s+", "", mark)
    if power or (base and _FORMULA.fullmatch(exponent) and not note):
        short = len(exponent) == 1 or re.fullmatch(r"\([^()]*\)", exponent)
        return f"^{exponent}" if short else f"^({exponent})"
    return "" if _MARK.fullmatch(mark) else text
