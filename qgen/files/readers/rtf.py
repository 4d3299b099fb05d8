"""Rich text (RTF)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from striprtf.striprtf import destinations, font_table_group, rtf_to_text, specialchars

from qgen.files.encoding import read_bytes
from qgen.files.readers.blocks import Block, LeftOut, blocks_of_table
from qgen.files.readers.marks import ENDS, LOWERED, RAISED, read_raised
from qgen.files.readers.symbols import as_signs, signs_of

_TOKEN = re.compile(
    r"\\\*\\ud(?![A-Za-z]) ?"  # of what follows in Unicode
    r"|\\(?P<word>[A-Za-z]+)(?P<number>-?\d{1,10})? ?|\\'[0-9A-Fa-f]{2}|\\[^A-Za-z]|[{}]"
    r"|[^\\{}]+|\\",
    re.S,
)
_COUNTED = {
    "footnote": "note", "annotation": "comment", "pict": "picture", "shptxt": "text box",
    **{f"{part}{which}": part for part in ("header", "footer") for which in ("", "l", "r", "f")},
}  # fmt: skip
_FONT_NAME = re.compile(r"[ }]([^{}\\]+)(?:\{[^{}]*\})?\Z")
"""Behind what the table of fonts says of one, with another name for it at most."""
_COPIES = frozenset({"nonshppict", "shprslt", "listpicture"})
"""What has a picture that is there already, or that is the mark of an item."""
_UNREAD = frozenset({"deleted", "strike", "striked", "v"})
"""What is deleted, struck through or hidden."""
_OBJECTS = frozenset({"object", "result"})
"""What holds that which an embedded object shows, for programs that cannot open it."""
_SHIFTS = {"super": RAISED, "sub": LOWERED, "nosupersub": ""}
_CELLS = frozenset({"cell", "nestcell", "row"})
_SPACES = dict.fromkeys(("line", "column"), " ")
_SHOWN = specialchars | {"u": ""} | _SPACES
"""The words that show something, and what."""


@dataclass(frozen=True)
class _Group:
    """What holds to the end of a group.

    Attributes:
        unread: those of what is not read that are on.
        shift: the sign of what stands off the line.
        is_text: whether it belongs to the text, not to a table of styles or the like.
        is_copy: whether its pictures are counted elsewhere.
        signs: those of its font, where it has no letters.
        fallback: how many characters stand behind one in Unicode, for programs without it.
    """

    unread: frozenset[str] = frozenset()
    shift: str = ""
    is_text: bool = True
    is_copy: bool = False
    signs: str = ""
    fallback: int = 1

    def hides(self, is_space: bool) -> bool:
        """Whether something is not read; a space that is only struck through divides words."""
        return bool(self.unread & {"deleted", "v"} if is_space else self.unread)

    def after(self, piece: str, word: str | None, number: str | None) -> _Group:
        """The group behind a control word or sign."""
        if piece == r"\*" or (word in destinations and word not in _OBJECTS):
            return replace(self, is_text=False)
        if word in _COPIES:
            return replace(self, is_copy=True)
        if word == "plain":
            return replace(self, unread=frozenset(), shift="", signs="")
        if word == "uc":
            return replace(self, fallback=max(int(number or 1), 0))
        if word in _UNREAD:
            unread = self.unread - {word} if number == "0" else self.unread | {word}
            return replace(self, unread=unread)
        if word in _SHIFTS:
            return replace(self, shift="" if number == "0" else _SHIFTS[word])
        return self


def read_rtf(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a file in rich text, without what is deleted, struck through or hidden."""
    source = _marked(read_bytes(path).decode("cp1252", "replace"), left_out)
    # The library puts the address of a link behind its text, and ends a paragraph with a line.
    source = re.sub(r"(\\fldinst\b[^}\"]{0,200})HYPERLINK", r"\1LINK", source, flags=re.I)
    text = rtf_to_text(source, errors="replace")
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    cells: list[str] = []
    for line in map(read_raised, [*text.split("\n"), ""]):
        if "|" in line and line.rstrip().endswith("|"):
            cells += [cell.strip() for cell in line.split("|") if cell.strip()]
            continue
        yield from blocks_of_table(list(map(Block, cells)), left_out)
        cells = []
        yield Block(line.replace("\t", " "))


def _marked(source: str, left_out: LeftOut) -> str:
    """The source without what is not read, and with signs round what is raised or lowered; what is
    left out is counted."""
    pieces: list[str] = []
    groups = [_Group()]
    shift = ""  # of the text so far
    is_counted = False  # the deletion that goes on
    is_ansi = False  # whether the next group comes again in Unicode
    fallback = 0  # how many characters stand for one in Unicode that has come
    fonts = _fonts(source)
    position = 0
    while token := _TOKEN.match(source, position):
        position = token.end()
        piece, word, group = token[0], token["word"], groups[-1]
        fallback = 0 if word or piece in {"{", "}"} else fallback
        if piece == "{":
            groups.append(replace(group, is_text=group.is_text and not is_ansi))
            piece, is_ansi = r"{\*" if is_ansi else piece, False
        elif piece == "}":
            if len(groups) > 1:
                groups.pop()
        elif word == "bin":
            position += max(int(token["number"] or 0), 0)
            continue
        elif word == "upr" or piece.startswith(r"\*\ud"):
            is_ansi = word == "upr"
            continue
        elif piece != r"\*" and group.is_text and (not word or word in _SHOWN):
            name = word or (piece[1:] if piece.startswith("\\") else "")
            is_space = _SHOWN.get(name, piece).isspace()
            if group.hides(is_space) and word not in _CELLS:
                left_out["deletion"] += not (is_space or is_counted or group.unread == {"v"})
                is_counted = is_counted or not is_space
                continue
            is_counted = False
            if group.shift != shift:
                pieces.append(ENDS.get(shift, "") + group.shift)
                shift = group.shift
            piece = "{ }" if word in _SPACES else piece
            if group.signs and (not word or (word == "u" and token["number"])):
                piece, fallback = _shown_signs(piece, token["number"], group, fallback, left_out)
        else:
            if word in _COUNTED:
                left_out[_COUNTED[word]] += not group.is_copy
            if word in {"field", "mmath"} and group.is_text:
                pieces.insert(-1, ENDS.get(shift, ""))  # what it raises is of its own
                shift = ""
            if word == "mmath" and group.is_text and not group.unread:
                left_out["formula"] += 1
                pieces.insert(-1, "…")  # so that nobody takes what is left for the whole sentence
            groups[-1] = group.after(piece, word, token["number"])
            if word in _OBJECTS:
                continue
            if word == "objclass" and source.startswith("Equation", position) and groups[1:]:
                groups[-2] = replace(groups[-2], is_copy=True)
                if groups[-2].is_text and not groups[-2].unread:
                    left_out["formula"] += 1
                    pieces.insert(-2, "…")
            if word == "f":
                groups[-1] = replace(group, signs=signs_of(fonts.get(token["number"], "")))
        pieces.append(piece)
    return "".join(pieces)


def _fonts(source: str) -> dict[str, str]:
    """The names of the fonts, by their numbers."""
    fonts: dict[str, str] = {}
    for font in font_table_group(source).split(";"):
        number, name = re.search(r"\\f(\d+)", font), _FONT_NAME.search(font[-300:])
        if number and name:
            fonts[number[1]] = name[1]
    return fonts


def _shown_signs(
    piece: str, number: str | None, group: _Group, fallback: int, left_out: LeftOut
) -> tuple[str, int]:
    """A piece of text in a font of signs, with them in Unicode, and how many characters behind it
    stand for one that is in Unicode already."""
    if number:
        sign = as_signs(chr(int(number) & 0xFFFF), group.signs, left_out)
        return f"\\u{ord(sign)} ", group.fallback
    if re.match(r"\\(?!'..|[\\{}])", piece):  # a space, a hyphen, or no character at all
        return piece, 0
    text = chr(int(piece[2:], 16)) if piece.startswith("\\'") else piece.removeprefix("\\")
    text = re.sub(r"[\r\n]", "", text)
    kept = min(fallback, len(text))
    signs = as_signs(text[kept:], group.signs, left_out)
    shown = "".join(f"\\u{ord(sign)} " for sign in signs)
    before = piece if kept == len(text) else text[:kept]
    return before + (f"{{\\uc0{shown}}}" if shown else ""), fallback - kept
