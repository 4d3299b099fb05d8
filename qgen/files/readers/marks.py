"""Raised text: the marks of notes are left out, exponents and ordinals are not.

A reader puts signs round what is raised and round links, and :func:`read_raised` takes them out.
"""

from __future__ import annotations

import re

RAISED, NOT_RAISED, LINK, NO_LINK = "\ufdd0\ufdd1\ufdd2\ufdd3"
"""What raised text and links begin and end with until they are read; no text has these."""
_SIGNS = dict.fromkeys(map(ord, (RAISED, NOT_RAISED, LINK, NO_LINK)))
_RAISED_TEXT = re.compile(
    rf"{LINK}(?P<link>(?:\s*{RAISED}[^{RAISED}{NOT_RAISED}{LINK}{NO_LINK}]*{NOT_RAISED})+)\s*{NO_LINK}"
    rf"|{RAISED}([^{RAISED}{NOT_RAISED}]*)"
)
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
    r"|(?<![^\W\d_])(?<!['’])(?!(?<=\d)(?:st|nd|rd|th)|(?<=\d0)s)(?:[α-ωΑ-Ω]{0,2}[^\W\d_]"
    r"|[bcdfghjklmnpqrstvwxzµμ]{3}|sin|cos|tan|sec|mol"
    # No word: a note may stand behind "it".
    r"|(?!am|be|by|do|go|he|if|i[nst]|a[nst]|me|my|no|o[fnrx]|so|to|up|us|we)[a-zµμ]{2})"
    r"|[\d½⅓⅔¼¾⅛](?!st|nd|rd|th)[a-z]{2,3}|[=+−·×√∫≈≤≥<>*]\s?[^\W\d_]{2,3}|\d\s?(?:in|acre)"
    # What stands between brackets if that is a formula, or one between bars.
    r"|\((?:[^\W\d_]|[^()]*(?:[+−=·×^]|\s[-–/]\s)[^()]*)\)|\|[^|\s]{1,5}\|)\s?$"
)
_SPELT = re.compile(r"(?<![^\W\d_])(?:[Nn]os?|[DJM]rs?|St|M(?:me|lle)|[a-z]th)$")
"""Words of which all but the first letter may be raised."""
_BEFORE = 24
"""How many characters before what is raised are looked at."""


def read_raised(text: str) -> str:
    """The text without the signs in it, and without the marks of notes.

    A mark may be a link whose whole text is raised, or have links inside of it.
    """
    pieces: list[str] = []
    position = 0
    for found in _RAISED_TEXT.finditer(text):
        pieces.append(text[position : found.start()].translate(_SIGNS))
        raised = found[2] if found["link"] is None else found["link"]
        linked = found["link"] is not None or LINK in raised
        pieces.append(raised_text("".join(pieces[-8:]), raised.translate(_SIGNS), linked))
        position = found.end()
    return "".join([*pieces, text[position:].translate(_SIGNS)])


def takes_exponent(before: str) -> bool:
    """Whether what is raised behind a text may be an exponent: a number, a variable, a unit."""
    return bool(_BASE.search(before[-_BEFORE:]))


def raised_text(before: str, text: str, linked: bool = False) -> str:
    """What is read where a text is set above the line.

    Args:
        before: the text in front of it.
        text: what is raised.
        linked: whether it is a link, as the marks of notes are.

    Returns:
        The text, with exponents as characters ("10⁶", "350 m²") or behind "^" ("e^x"); nothing for
        the mark of a note.
    """
    mark = text.strip()
    if linked or re.fullmatch(r"\[.*\]", mark):
        return "" if re.fullmatch(r"\W*\w{0,4}\W*|\[.*\]", mark) else text
    before = before[-_BEFORE:]
    base = takes_exponent(before)
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
    unit = re.search(r"(?:\d\s|[^\W\d_])[^\W\d_]$", before) and re.fullmatch(
        r"[a-f]|[ivx]{2,4}", mark
    )
    power = re.sub(r"\s+", "", mark)
    if base and _FORMULA.fullmatch(power) and not unit:
        return f"^{power}" if len(power) == 1 else f"^({power})"
    return "" if _MARK.fullmatch(mark) else text
