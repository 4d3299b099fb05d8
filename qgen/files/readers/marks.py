"""Raised text: the marks of notes are left out, exponents and ordinals are not."""

from __future__ import annotations

import re

_RAISED = str.maketrans("0123456789+-−–n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ")
_MARK = re.compile(r"[\d\s,;*†‡§¶#–-]+|\(\d{1,3}\)|[a-z]|[ivx]{1,4}")
_EXPONENT = re.compile(r"[+\-−–]?\d{1,3}[+\-−–]?|[+\-−–n]")
_UNIT = re.compile(
    # A small number, such as 10; behind a larger one, which may be a year, stands a note's mark.
    r"(?:(?<![\d.,])\d{1,2}|\.\d+"
    # A unit or a variable: "350 m", "mc", "kg", "x"; no vowel is in it, so that it is no word.
    r"|(?<![^\W\d_])(?:[B-HJ-Zb-zα-ωµΑ-Ω]|[bcdfghjklmnpqrstvwxzµμ]{2,3})"
    r"|\d\s?(?:in|mi|a|acre))\s?"
)


def raised_text(before: str, text: str, linked: bool = False) -> str:
    """What is read where a text is set above the line.

    Args:
        before: the text in front of it.
        text: what is raised.
        linked: whether it is a link, as the marks of notes are.

    Returns:
        The text, with exponents as characters ("10⁶", "350 m²"); nothing for the mark of a note.
    """
    mark = text.strip()
    if linked or re.fullmatch(r"\[.*\]", mark):
        return "" if re.fullmatch(r"\W*\w{0,4}\W*|\[.*\]", mark) else text
    base = re.search(rf"{_UNIT.pattern}$", before[-12:])
    ion = re.fullmatch(r"\d?[+\-−–]", mark) and before[-1:].isalnum()
    isotope = mark.isdigit() and not before[-1:].strip()
    if (base and _EXPONENT.fullmatch(mark)) or ion or isotope:
        return mark.translate(_RAISED)
    if re.search(r"\d$", before) and re.fullmatch(r"[a-z]{1,2}", mark):
        return text  # 21st, and 1er in French
    return "" if _MARK.fullmatch(mark) else text
