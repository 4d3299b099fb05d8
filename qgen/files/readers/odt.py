"""OpenDocument texts (LibreOffice Writer)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from qgen.errors import QGenError
from qgen.files.archives import Archive
from qgen.files.readers.blocks import Block, LeftOut, Tables
from qgen.files.readers.marks import LINK, NO_LINK, add_shifted, read_raised, sign_of
from qgen.files.readers.symbols import as_signs, signs_of
from qgen.files.readers.xml import bases_first, elements, parse_part

_WHAT = "an OpenDocument text"
_SKIPPED = {
    "note": "note", "deletion": "deletion", "change-info": "", "annotation": "comment",
    "table-of-content": "", "bibliography": "list of references", "alphabetical-index": "",
    "illustration-index": "", "table-index": "", "object-index": "", "user-index": "", "forms": "",
    "sequence-decls": "", "header": "header", "footer": "footer", "ruby-text": "", "title": "",
    "desc": "", "script": "",
}  # fmt: skip
"""Elements that are left out, and what they are counted as."""
_CAPTIONS = frozenset({"Caption", "Illustration", "Figure", "Table", "Drawing"})
_TITLES = frozenset({"Title", "Subtitle"})
_CODE = "Preformatted_20_Text"
_KINDS = _CAPTIONS | _TITLES | {_CODE}


def read_odt(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of an OpenDocument text, with tracked insertions, without deletions and what is
    hidden."""
    with Archive(path, _WHAT) as archive:
        content, common = archive.read_main("content.xml"), archive.read("styles.xml")
        parts = elements(archive, archive.read("META-INF/manifest.xml"))
        if any(name == "encryption-data" for name, _ in parts):
            raise QGenError(f"{path} is encrypted")
    formulas = {
        attributes.get("full-path", "").rstrip("/")
        for _, attributes in parts
        if attributes.get("media-type", "").endswith("opendocument.formula")
    }
    styles = _styles([*elements(archive, common), *elements(archive, content)])
    target = _Document(styles, formulas, left_out)
    parse_part(archive, content, target)
    yield from target.blocks


class _Look(NamedTuple):
    """How text is set; ``None`` for what a style does not say."""

    shift: str | None = None  # the sign of what stands off the line
    struck: bool | None = None
    hidden: bool | None = None
    signs: str | None = None  # of a font that has no letters

    def within(self, outer: _Look) -> _Look:
        """This look, with what it does not say as that round it has it."""
        return _Look(
            outer.shift if self.shift is None else self.shift,
            outer.struck if self.struck is None else self.struck,
            outer.hidden if self.hidden is None else self.hidden,
            outer.signs if self.signs is None else self.signs,
        )


@dataclass
class _Style:
    name: str = ""
    parent: str = ""
    look: _Look = field(default_factory=_Look)


def _styles(found: list[tuple[str, dict[str, str]]]) -> dict[str, _Style]:
    """The styles by their names, each with what it takes from those it is based on.

    Where somebody has changed how a paragraph looks, it has a style of its own, based on another.
    """
    styles: dict[str, _Style] = {}
    style = _Style()
    for name, attributes in found:
        if name == "style":
            style = _Style(attributes.get("name", ""), attributes.get("parent-style-name", ""))
            styles[style.name] = style
        elif name.endswith("-style"):
            style = _Style()  # what follows is of numbers, in lists or in cells, or for all styles
        elif name == "text-properties":
            style.look = _look(attributes)
    for name in bases_first({name: style.parent for name, style in styles.items()}):
        style = styles[name]
        parent = styles.get(style.parent, _Style(style.parent))
        style.look = style.look.within(parent.look)
        if style.name not in _KINDS and parent.name in _KINDS:
            style.name = parent.name
    return styles


def _look(properties: dict[str, str]) -> _Look:
    position = properties.get("text-position", "").split(" ")[0]
    line, display = properties.get("text-line-through-style"), properties.get("display")
    font = properties.get("font-name")  # "Symbol1" is another entry for "Symbol"
    return _Look(
        sign_of(position) if position else None,
        None if line is None else line != "none",
        None if display is None else display == "none",
        None if font is None else signs_of(font.rstrip("0123456789")),
    )


class _Document:
    """What the parser tells of the content, as blocks."""

    def __init__(self, styles: dict[str, _Style], formulas: set[str], left_out: LeftOut):
        self.blocks: list[Block] = []
        self._styles, self._formulas, self._left_out = styles, formulas, left_out
        self._names: list[str] = []  # of the paragraphs' styles
        self._texts: list[tuple[list[str], int]] = []  # of paragraphs, a box in one of another
        self._tables = Tables(left_out, frames=True)
        self._looks = [_Look("", False, False)]  # of the paragraphs and spans that are open
        self._hidden: list[int] = []  # depths of what is hidden, whatever look is in it
        self._open: list[str] = []  # the elements that the parser is in
        self._formula = False  # whether the frame has one

    def skips(self, name: str) -> bool:
        if name == "title" and self._open[-1:] and self._open[-1] in {"p", "h", "span", "a"}:
            return False  # a field with the document's; that of a picture stands in its frame
        if name == "image" and self._formula:
            return True  # of a formula, beside it
        if what := _SKIPPED.get(name):
            self._left_out[what] += 1
        return name in _SKIPPED

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(name)
        if name in {"p", "h"}:
            level = attributes.get("outline-level", "1")
            self._texts.append(([], max(int(level), 1) if name == "h" and level.isdigit() else 0))
            outer = _Look("", False, self._looks[-1].hidden)  # of a box that stands in a text
            self._names.append(self._begin(attributes, outer))
            if name == "p" and self._names[-1] in _TITLES:
                self._texts[-1] = ([], 1)
        elif name in {"section", "hidden-text", "hidden-paragraph", "variable-set"}:
            if "none" in attributes.get("display", "") or attributes.get("is-hidden") == "true":
                self._hide(name)
        elif name == "table":
            self.blocks = self._tables.begin(self.blocks)
        elif name == "table-cell":
            self._tables.cell()
        elif name == "span":
            self._begin(attributes, self._looks[-1])
        elif name == "a":
            self.data(LINK)
        elif name in {"reference-mark-start", "bookmark-start"} and self._texts:
            self._texts[-1][0].append("")  # a citation's mark is no part of an exponent before it
        elif name == "frame":
            self._formula = False
        elif name == "object" and attributes.get("href", "").removeprefix("./") in self._formulas:
            self._formula = True
            self._left_out["formula"] += 1
            self.data("…")  # so that nobody takes what is left for the whole sentence
        elif name == "image":
            self._left_out["picture"] += 1
        elif name in {"s", "tab"}:
            self.data(" ")
        elif name == "line-break":
            self.data("\n")

    def _begin(self, attributes: dict[str, str], outer: _Look) -> str:
        """Note the look of a paragraph or a span in what has that look; give its style's name."""
        name = attributes.get("style-name", "")
        style = self._styles.get(name, _Style(name))
        look = style.look.within(outer)
        unread = self._hidden or look.hidden or outer.struck
        self._left_out["deletion"] += bool(look.struck and not unread)
        self._looks.append(look)
        return style.name

    def _hide(self, name: str) -> None:
        """Read nothing more of the element; of the paragraph, where a field in it hides that."""
        depth = len(self._open) - 1
        if name == "hidden-paragraph" and self._texts:
            depth = max(i for i, open_ in enumerate(self._open) if open_ in {"p", "h"})
            self._texts[-1][0].clear()
        self._hidden.append(depth)

    def end(self, name: str) -> None:
        self._open.pop()
        while self._hidden and len(self._open) <= self._hidden[-1]:
            self._hidden.pop()
        if name in {"p", "h"}:
            pieces, level = self._texts.pop()
            style = self._names.pop()
            self._looks.pop()
            text = read_raised("".join(pieces)).strip()
            if text and style in _CAPTIONS:
                self._left_out["caption"] += 1
            elif text and style == _CODE:
                self.blocks.append(Block(text, preformatted=True))
            elif text:
                item = "list-item" in self._open and not level
                self.blocks.append(Block(text, level=level, item=item))
        elif name == "table":
            self.blocks = self._tables.end(self.blocks)
        elif name == "span":
            self._looks.pop()
        elif name == "a":
            self.data(NO_LINK)

    def data(self, text: str) -> None:
        look = self._looks[-1]
        if not self._texts or self._hidden or look.struck or look.hidden:
            return
        if text not in {"\n", " "}:
            text = " ".join(text.split("\n"))
        text = as_signs(text, look.signs or "", self._left_out)
        add_shifted(self._texts[-1][0], text, look.shift or "")
