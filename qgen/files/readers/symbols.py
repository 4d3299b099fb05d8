"""Text in fonts that show signs for letters: Symbol, and those of pictures, such as Wingdings."""

from __future__ import annotations

import re

from qgen.files.readers.blocks import LeftOut

_PICTURES = r"wingdings(?: ?[23])?|webdings|(?:itc )?zapf ?dingbats|monotype sorts"
_FONT = re.compile(rf"(?P<symbol>symbol(?: ?mt)?)|{_PICTURES}", re.I)
SYMBOL, PICTURES = "symbol", "pictures"
_SYMBOLS = (
    dict(
        zip(
            [*range(0x41, 0x5B), *range(0x61, 0x7B)],
            "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖαβχδεφγηιϕκλμνοπθρστυϖωξψζ",
            strict=True,
        )
    )
    | dict(
        zip(
            [*range(0xA2, 0xA6), *range(0xAB, 0xBD)],
            "′≤⁄∞↔←↑→↓°±″≥×∝∂•÷≠≡≈…",
            strict=True,
        )
    )
    | {ord(character): character for character in "!#%&()+,./0123456789:;<=>?[]_{|}"}
    | {0xD7: "⋅", 0xD6: "√", 0xD0: "∠", 0xCE: "∈", 0xC5: "⊕", 0xC6: "∅", 0xDE: "⇒", 0x2D: "−"}
    | {0x22: "∀", 0x24: "∃", 0x27: "∋", 0x2A: "∗", 0x40: "≅", 0x7E: "∼", 0xA0: " "}
)
"""Those of the font Symbol that texts have."""


def signs_of(font: str) -> str:
    """Which signs a font shows; empty where it shows letters."""
    found = _FONT.fullmatch(font.strip(" \"'"))
    return "" if not found else SYMBOL if found["symbol"] else PICTURES


def as_signs(text: str, signs: str, left_out: LeftOut) -> str:
    """What a text shows in a font of such signs.

    Of pictures they are characters of private use, as Word writes them too: what stands by itself
    is no text, and what marks an item is known for that (:mod:`qgen.english.clean`).
    """
    if signs == SYMBOL:
        return re.sub(r"[!-\xff\uf000-\uf0ff]", lambda m: symbol(ord(m[0]), left_out), text)
    return re.sub(r"[!-\xff]", lambda m: chr(0xF000 | ord(m[0])), text) if signs else text


def symbol(code: int, left_out: LeftOut) -> str:
    """A character of the font Symbol; a mark where nobody knows it."""
    if known := _SYMBOLS.get(code & 0xFF):
        return known
    left_out["symbol"] += 1
    return "…"
