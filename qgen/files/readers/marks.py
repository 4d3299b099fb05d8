"""Raised and lowered text: the marks of notes are left out, exponents, ordinals and indices not.

A reader puts signs round what is raised or lowered and round links, and :func:`read_raised` takes
them out.
"""

from __future__ import annotations

import re

RAISED, NOT_RAISED, LINK, NO_LINK, POWER = "\ufdd0\ufdd1\ufdd2\ufdd3\ufdd4"
LOWERED, NOT_LOWERED = "\ufdda\ufddb"
"""What raised text, links and lowered text begin and end with until they are read, and what raised
text has in it that is an exponent for sure; no text has these characters."""
KEPT = "\ufddc"
"""What stands before a raised character that is an exponent, and before what a formula has in
brackets, until the marks of notes have been left out."""
ENDS = {RAISED: NOT_RAISED, LOWERED: NOT_LOWERED}
_SIGN = re.compile(f"([{RAISED}{NOT_RAISED}{LINK}{NO_LINK}{POWER}{LOWERED}{NOT_LOWERED}])")
_RAISED_LINK = re.compile(
    f"{LINK}((?:\\s*{RAISED}[^{RAISED}{NOT_RAISED}{LINK}{NO_LINK}]*{NOT_RAISED})+)\\s*{NO_LINK}"
)
_INDEXED = re.compile(f"{LOWERED}[^{LOWERED}{NOT_LOWERED}]*{NOT_LOWERED}$")
"""An index behind which an exponent may stand, which is that of what has the index."""
_MAX_DEPTH = 4
"""How deep raised and lowered text may stand in one another."""
_TO_RAISED = str.maketrans("0123456789+-−–n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻ⁿ")
_MARK = re.compile(r"[\d\s,;*†‡§¶#–-]+|(?:\(\d{1,3}\))+|[a-z](?:[,;]\s*[a-z])*|[ivx]{1,4}")
_EXPONENT = re.compile(r"[+\-−–]?\d{1,3}[+\-−–]?|[+\-−–n]")
_FORMULA = re.compile(
    r"[+\-−–]?\d+[./]\d+|(?=.*[^\W\d_])(?!\([^+\-−–]*\)|.*[A-Za-z]{3}|TM|SM)[\w+\-−–/·.()]{1,12}"
)
"""An exponent for which there are no characters: "x", "iπ", "n+1", "(n+1)", "1/2"."""
_OPERATOR = re.compile(r"[+\-−–/·×,=<>*^²³¹⁰-ⁿ]")
"""What an index may have that its end must be told of: "n+1", "i,j"; "max" and "2.5" have none."""
_INDEX = re.compile(r"[\w+\-−–/·×=<>*^()][\w+\-−–/·×,=<>*^().]{0,11}(?<![,.])")
_BASE = re.compile(
    # A small number, such as 10; behind a larger one, which may be a year, stands a note's mark.
    r"(?:(?<![\d.,])\d{1,2}|\.\d+|⁻"
    # A unit or variables: "350 m", "kg", "mc", "πr", "ax"; not the end of "21st" and "1990s".
    r"|(?<![^\W\d_])(?<![^\W\d_]['’])(?!(?<=\d)(?:st|nd|rd|th)|(?<=\d0)s)(?:[α-ωΑ-Ω]{0,2}[^\W\d_]"
    r"|[bcdfghjklmnpqrstvwxzµμ]{3}|a?(?:sin|cos|tan|cot|sec|csc)h?|mol|[kMGTmµμ]?(?:Hz|eV)"
    # No word: a note may stand behind "it".
    r"|(?!am|be|by|do|go|he|if|i[dnst]|a[dlnst]|me|my|no|o[fnrx]|so|to|up|us|we)[a-zµμ]{2})"
    r"|[\d½⅓⅔¼¾⅛](?!st|nd|rd|th)[a-z]{2,3}|[=+−·×√∫≈≤≥<>*]\s?[^\W\d_]{2,3}"
    r"|\d\s?(?:in|acre|AU)|\bper (?:second|met(?:er|re)|foot|yard|mile|inch|year|day)"
    # What stands between brackets if that is a formula, without words, years, pages and equations
    # ("1939 – 1945", "n = 25"); or one between bars.
    r"|\((?:[^\W\d_]|[+\-−–]\s?\d[\d.,]*|\d{1,2}/\d{1,3}|(?!\d*(?:st|nd|rd|th)\))\d{1,3}[a-z]{1,2}"
    r"|(?!.*(?:(?!sin|cos|tan|log|exp)[^\W\d_]{3}|\d{4}|\.\s|=))(?:[^()]|\([^()]*\))*[^\s(]"
    r"(?:\s?[+−·×^]|\s[-–/]\s|(?<=[\d)])/(?=[\d(]))\s?[^\s)](?:[^()]|\([^()]*\))*)\)"
    r"|\|[^|\s]{1,5}\|)\s?$"
)
_NAME = re.compile(r"(?<![^\W\d_])[A-Z][^\W\d_]{2,} [AI]$")
"""What ends like a variable and is none, such as "World War I" and "Plan A"."""
_SPELT = re.compile(r"(?<![^\W\d_])(?:[Nn]os?|[DJM]rs?|St|M(?:me|lle)|[a-z]th)$")
"""Words of which all but the first letter may be raised."""
_BEFORE = 24
"""How many characters before what is raised are looked at."""
_BRACKET = re.compile(r"\[(?=[\w^])")


def read_raised(text: str) -> str:
    """The text without the signs in it, and without the marks of notes.

    A mark may be a link whose whole text is raised, or have links inside of it.
    """
    text = _RAISED_LINK.sub(lambda m: f"{RAISED}{LINK}{_SIGN.sub('', m[1])}{NOT_RAISED}", text)
    open_: list[list[str]] = [[]]  # the pieces of the line, and of what stands off it

    def end_shifted() -> None:
        sign, *pieces = open_.pop()
        shifted = "".join(pieces)
        line = "".join(piece[-_BEFORE:] for piece in open_[-1][-_BEFORE:])
        inside, before = _SIGN.sub("", shifted), _SIGN.sub("", line)
        if sign == LOWERED:
            read = f"{LOWERED}{lowered_text(before, inside).rstrip()}{NOT_LOWERED}"
        else:
            indexed = _SIGN.sub("", _INDEXED.sub("", line))
            before = indexed if takes_exponent(indexed) else before
            read = raised_text(before, inside, LINK in shifted, POWER in shifted).rstrip()
        # The space divides words, though it is raised as well.
        open_[-1].append(read + inside[len(inside.rstrip()) :])

    for piece in filter(None, _SIGN.split(text)):
        if piece in ENDS and len(open_) < _MAX_DEPTH:
            open_.append([piece])
        elif piece in ENDS.values() and len(open_) > 1:
            end_shifted()
        else:
            open_[-1].append(piece)
    while len(open_) > 1:
        end_shifted()
    return _SIGN.sub("", "".join(open_[0]))


def sign_of(position: str) -> str:
    """The sign of what is set off the line: "super", "sub", or how far, as "30000" or "-33%"."""
    position = position.rstrip("%")
    if position == "sub" or position.startswith("-"):
        return LOWERED
    return RAISED if position == "super" or (position.isdigit() and int(position) > 0) else ""


def add_shifted(text: list[str], piece: str, sign: str) -> None:
    """Add a piece of a run to a text: on the line, or as the sign says, raised or lowered, then
    together with what stands so before it, as programs divide "n+1"."""
    if not sign:
        text.append(piece)
    elif text[-1:] == [ENDS[sign]]:
        text[-1:] = [piece, ENDS[sign]]
    else:
        text += [sign, piece, ENDS[sign]]


def takes_exponent(before: str) -> bool:
    """Whether what is raised behind a text may be an exponent: a number, a variable, a unit."""
    before = before[-_BEFORE:].replace(KEPT, "")
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
        is_mark = re.fullmatch(r"\W*\w{0,4}\W*|\[.*\]|" + _MARK.pattern, mark)
        return "" if is_mark else text
    before, mark = before[-_BEFORE:].replace(KEPT, ""), mark.replace(KEPT, "")
    base = power or takes_exponent(before)
    if power and re.fullmatch(r"[∘°′″‴]+", mark):  # raised by themselves
        return mark.replace("∘", "°")
    # Behind words too: "Na⁺", "day⁻¹".
    signed = re.fullmatch(r"\d?[+\-−–]|[\-−–]\d{1,2}", mark) and before[-1:].isalnum()
    isotope = mark.isdigit() and not before[-1:].strip()
    if (base and _EXPONENT.fullmatch(mark)) or signed or isotope:
        read = mark.translate(_TO_RAISED)
        return KEPT + read if base or signed else read
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


def keep_brackets(formula: str) -> str:
    """A formula, of which nothing in brackets is the mark of a note: "[0, 1]", "[n]"."""
    return _BRACKET.sub(f"[{KEPT}", formula)


def lowered_text(before: str, text: str, formula: bool = False) -> str:
    """What is read where a text is set below the line.

    Args:
        before: the text in front of it.
        text: what is lowered.
        formula: whether it is an index for sure.

    Returns:
        The text, an index of several parts behind "_", so that it ends where it ends: "x_(n+1)".
    """
    text = text.replace(KEPT, "")
    index = re.sub(r" ?([^\w\s]) ?", r"\1", " ".join(text.split()))
    unclear = _OPERATOR.search(index) or (formula and not re.fullmatch(r"\w*", index))
    if not unclear or not (formula or (_INDEX.fullmatch(index) and re.search(r"[\w)\]]$", before))):
        return text
    return f"_{index}" if re.fullmatch(r"\([^()]*\)", index) else f"_({index})"
