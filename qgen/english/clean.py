"""Characters that programs leave in a text and no reader sees or types, mended or taken out.

Ligatures are written out, TeX's loose accents are put on their letters (an acute or grave one that
is typed for an apostrophe or a quote becomes one), and characters without a form (zero-width ones,
soft hyphens, controls, byte order marks) go.  What the program that wrote the text has lost is not
guessed at: :func:`has_lost_letters` says where it is.
"""

from __future__ import annotations

import re
import unicodedata

from qgen.english.locate import locate_answer
from qgen.records import Answer

_LIGATURES = dict(
    zip("\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06", "ff fi fl ffi ffl st st".split(), strict=True)
)
LOOSE = dict(
    zip(
        "`´¨ˆ˜ˇ˘˙˚˝¯¸˛",
        "\u0300\u0301\u0308\u0302\u0303\u030c\u0306\u0307\u030a\u030b\u0304\u0327\u0328",
        strict=True,
    )
)
"""Accents that stand by themselves, and those that combine with a letter."""
_MEANT_ALWAYS = "".join(LOOSE)[2:]
"""Those of them that are typed for nothing else."""

_BULLETS = "\uf06c\uf06e\uf071\uf076\uf0a7\uf0a8\uf0b7\uf0d8\uf0e0\uf0fc"
"""Those of the Symbol and Wingdings fonts, by which Word marks the items of a list."""

NOTE_MARK = re.compile(
    r"(?:(?i:\[(?:\d{1,3}(?:[,–-]\s?\d{1,3})*|n(?:ote|b)? ?\d+|\w+ needed|\^[^\]\[]{1,80})\])"
    # A letter right behind a word or its marks; "[t]he", "[a] ship", "claim[s]", "decide[d]",
    # "x[i]" and "plan[B]" are no notes.
    r"|(?:(?<=\w\w)|(?<=[.,;:!?)\]%”\"’']))\[(?!(?<=[a-z]\[)[nrsy]\]|(?<=e\[)d\])[a-z]\](?![a-z\d]))"
)
"""The mark of a note in brackets, such as "[12]", "[note 3]" and "[citation needed]"."""

_LETTER = r"[^\W\d_]"
_MEANT = (
    # None is between two of the same vowel ("ma´am", "Hawai`i").
    rf"(?!{'|'.join(f'(?<={vowel})[´`]{vowel}' for vowel in 'aeiou')})(?:"
    # On a vowel inside a word, but not in "o´er", "y´all" and "trompe l´oeil".
    rf"(?<={_LETTER})(?<!\bo)´(?=[eyı]|(?<!\b[dly]´)[aou]|(?<![aeiou]´)i)"
    r"|(?<=[A-Z][A-Z])´(?=[AEIOU])|(?<=[aeiou])´(?=[cnz](?:\b|sk))"  # "Petrovi´c", "Gda´nsk"
    # "Caf ´e" and "´Etienne"; "get ´em" has none, nor has what a quotation begins with.
    rf"|(?<!\w)´(?=[AEIOU]{_LETTER}|[aeou]\b|e(?![mr]\b))"
    r"(?!(?s:.{0,300}?)[\w.,;:!?]´(?! [eou]\b|\w))"
    # A space that may stand behind a quotation, or a plural's apostrophe, stays.
    r"|(?<=[^\W\d_s])´ (?=[eou]\b|ı)"
    # A grave one also opens code and quotations, so only inside a word; few languages have one on
    # another vowel than e, but at its end.
    rf"|(?<={_LETTER})(?<!\bo)`(?=ı|(?<!a`)e|(?<![aeiou]`)[aiou]\b))"
)
"""Where an acute or grave accent is one: both are also typed for apostrophes and quotes."""

_WINDOWS = "\x80\x82-\x84\x86-\x8c\x8e\x91-\x9c\x9e\x9f"
"""The controls that Windows-1252 has characters for, such as quotation marks: a program took its
bytes for those of Latin-1.  That of "…" is also a line end."""

_SEEN = re.compile(
    r"(?P<ligature>[\ufb00-\ufb06])"
    # With a space behind it not on a variable: "x¯ is".
    rf"|(?P<before>[{_MEANT_ALWAYS}]|(?<={_LETTER})(?<!\b{_LETTER})[{_MEANT_ALWAYS}] |{_MEANT})"
    rf"(?P<letter>{_LETTER})"
    # But behind a number an acute one is a prime: 5´10, 30´´.
    rf"|(?P<apostrophe>(?<!\d)(?<!\d´)´|´(?={_LETTER})|(?<={_LETTER})`(?={_LETTER}))"
    r"|(?P<after>[cCsStTeEaA])(?P<cedilla>[¸˛])"
    rf"|(?P<bullet>(?:(?<=\n)|^)[ \t]*[{_BULLETS}][ \t]*)"
    rf"|(?P<windows>[{_WINDOWS}])"
    # A soft hyphen that divides a word at the end of a line, which some programs write as "¬".
    rf"|(?P<divided>(?<={_LETTER})[\u00ad\u00ac][ \t]*\r?\n[ \t]*(?={_LETTER}))"
    # Controls but tab and line ends, what has no width, what ends a line in some fonts, tags and
    # variation selectors; then what has no form at all, which nothing stands beside.
    r"|(?P<gone>[\x01-\x08\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d\u00ad\u034f\u061c\u115f\u1160\u17b4"
    r"\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e0fff]+"
    # Joiners belong to emoji and to scripts that join letters: only beside others they go.
    r"|(?<![\u0600-\u1fff\u2070-\U000dffff])[\u200c\u200d]+"
    r"|[\u200c\u200d]+(?![\u0600-\u1fff\u2070-\U000dffff]))"
    rf"|(?P<odd>(?<!\w)[\x00\ue000-\uf8ff\ufffe\uffff\ufffd\U000f0000-\U0010ffff]+(?!\w))"
    r"|(?P<paragraph>[\x0b\u0085\u2028\u2029])"
)
_LOST = re.compile(r"[\x00\ue000-\uf8ff\ufffd\ufffe\uffff\U000f0000-\U0010ffff]")


def has_lost_letters(text: str) -> bool:
    """Whether a cleaned text still has characters that stand for letters nobody can know.

    Such as the NUL of "of\\0ce", where a PDF's font does not say which letters a ligature is.
    """
    return bool(_LOST.search(text))


def lost_letters_problem(passage: str) -> str | None:
    """Why a cleaned passage is not asked about; ``None`` where it has no lost letters."""
    if has_lost_letters(passage):
        return "the passage has characters that stand for lost letters, as copied from a PDF"
    return None


def clean_text(text: str) -> str:
    """The text with its characters mended; line ends stay, but those behind a soft hyphen."""
    return clean_with_offsets(text)[0]


class Mended:
    """A given text with its characters mended, in which what stood in that one is found.

    Attributes:
        text: the mended one.
    """

    def __init__(self, given: str):
        self.text, self._offsets = clean_with_offsets(given)

    @property
    def problem(self) -> str | None:
        """As of :func:`lost_letters_problem`."""
        return lost_letters_problem(self.text)

    def at(self, offset: int) -> int:
        """Where a character of the given text stands; an offset beyond its end stays."""
        if self._offsets and 0 <= offset < len(self._offsets):
            return self._offsets[offset]
        return offset

    def locate(self, answer: str, start: int | None = None) -> Answer:
        """As :func:`qgen.english.locate.locate_answer`, with ``start`` in the given text."""
        return locate_answer(
            self.text, clean_text(answer), None if start is None else self.at(start)
        )


def clean_with_offsets(text: str) -> tuple[str, list[int] | None]:
    """The cleaned text, and where in it each character of the given one has come to stand.

    Returns:
        The text, and one offset for each character and one for the end; ``None`` in their place
        where nothing has changed.
    """
    pieces: list[str] = []
    offsets: list[int] = []
    length = position = 0
    for match in _SEEN.finditer(text):
        mended = _mended(match)
        if mended is None:
            continue
        begin, end = match.span()
        pieces += [text[position:begin], mended]
        offsets += range(length, length + begin - position)
        length += begin - position
        offsets += [min(length + i, length + max(len(mended) - 1, 0)) for i in range(end - begin)]
        length += len(mended)
        position = end
    if not pieces:
        return text, None
    pieces.append(text[position:])
    offsets += range(length, length + len(text) - position + 1)
    return "".join(pieces), offsets


def _mended(match: re.Match) -> str | None:
    """What a match is replaced by; ``None`` where it is as it should be."""
    kind, found = match.lastgroup, match.group()
    if kind == "ligature":
        return _LIGATURES[found]
    if kind == "letter":
        return with_accent(match["letter"], match["before"])
    if kind == "cedilla":
        return with_accent(match["after"], match["cedilla"])
    if kind == "apostrophe":
        return "'"
    if kind == "windows":
        return found.encode("latin-1").decode("cp1252")
    return " " if kind == "paragraph" else ""


def with_accent(letter: str, mark: str) -> str | None:
    """The letter with an accent that stands by itself; ``None`` where no such letter is written."""
    base = {"ı": "i", "ȷ": "j"}.get(letter, letter)
    whole = unicodedata.normalize("NFC", base + LOOSE[mark.strip()])
    return whole if len(whole) == 1 else None
