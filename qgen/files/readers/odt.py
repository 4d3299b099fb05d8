"""OpenDocument texts (LibreOffice Writer)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qgen.errors import QGenError
from qgen.files.archives import Archive
from qgen.files.readers.blocks import Block, LeftOut, Tables
from qgen.files.readers.marks import LINK, NO_LINK, NOT_RAISED, RAISED, read_raised
from qgen.files.readers.xml import elements, parse_part

_WHAT = "an OpenDocument text"
_SKIPPED = {
    "note": "note", "tracked-changes": "", "annotation": "comment", "table-of-content": "",
    "bibliography": "list of references", "alphabetical-index": "", "illustration-index": "",
    "table-index": "", "object-index": "", "user-index": "", "forms": "", "sequence-decls": "",
    "header": "header", "footer": "footer", "ruby-text": "", "title": "", "desc": "",
}  # fmt: skip
"""Elements that are left out, and what they are counted as."""
_CAPTIONS = frozenset({"Caption", "Illustration", "Figure", "Table", "Drawing"})
_TITLES = frozenset({"Title", "Subtitle"})


def read_odt(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of an OpenDocument text, with tracked insertions, without deletions and what is
    hidden."""
    with Archive(path, _WHAT) as archive:
        content = archive.read_main("content.xml")
        parts = elements(archive, archive.read("META-INF/manifest.xml"))
        if any(name == "encryption-data" for name, _ in parts):
            raise QGenError(f"{path} is encrypted")
    formulas = {
        attributes.get("full-path", "").rstrip("/")
        for _, attributes in parts
        if attributes.get("media-type", "").endswith("opendocument.formula")
    }
    found = elements(archive, content)
    # Where somebody has changed how a paragraph looks, it has a style of its own, based on another.
    based = {
        attributes.get("name", ""): attributes.get("parent-style-name", "")
        for name, attributes in found
        if name == "style"
    }
    target = _Document(*_marking_styles(found), based, formulas, left_out)
    parse_part(archive, content, target)
    yield from target.blocks


def _marking_styles(
    found: list[tuple[str, dict[str, str]]],
) -> tuple[set[str], set[str], set[str]]:
    """The names of the styles that set text above the line, strike it through, and hide it."""
    raised: set[str] = set()
    struck: set[str] = set()
    hiding: set[str] = set()
    style = ""
    for name, attributes in found:
        if name == "style":
            style = attributes.get("name", "")
        elif name == "list-style":
            style = ""  # what follows is of its numbers
        elif name == "text-properties" and style:
            position = attributes.get("text-position", "")
            first = position.split(" ")[0].rstrip("%")
            if first == "super" or (first.isdigit() and int(first) > 0):
                raised.add(style)
            if attributes.get("text-line-through-style", "none") != "none":
                struck.add(style)
            if attributes.get("display") == "none":
                hiding.add(style)
    return raised, struck, hiding


class _Document:
    """What the parser tells of the content, as blocks."""

    def __init__(
        self,
        raised: set[str],
        struck: set[str],
        hiding: set[str],
        based: dict[str, str],
        formulas: set[str],
        left_out: LeftOut,
    ):
        self.blocks: list[Block] = []
        self._based, self._formulas = based, formulas
        self._styles: list[str] = []  # of the paragraphs
        self._raised_styles, self._struck_styles, self._hiding_styles = raised, struck, hiding
        self._left_out = left_out
        self._texts: list[tuple[list[str], int]] = []  # of paragraphs, a box in one of another
        self._tables = Tables(left_out, frames=True)
        self._spans: list[tuple[bool, bool]] = [(False, False)]  # raised, or not read
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
            style = attributes.get("style-name", "")
            self._spans.append((False, self._spans[-1][1] or style in self._hiding_styles))
            self._styles.append(self._based.get(style) or style)
            if name == "p" and self._styles[-1] in _TITLES:
                self._texts[-1] = ([], 1)
        elif name == "section":
            self._spans.append((False, self._spans[-1][1] or attributes.get("display") == "none"))
        elif name == "table":
            self.blocks = self._tables.begin(self.blocks)
        elif name == "table-cell":
            self._tables.cell()
        elif name == "span":
            style, unread = attributes.get("style-name", ""), self._spans[-1][1]
            strikes = style in self._struck_styles
            self._left_out["deletion"] += strikes and not unread
            unread = unread or strikes or style in self._hiding_styles
            self._spans.append((style in self._raised_styles, unread))
            self.data(RAISED * self._spans[-1][0])
        elif name == "a":
            self.data(LINK)
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

    def end(self, name: str) -> None:
        self._open.pop()
        if name in {"p", "h"} and self._texts:
            pieces, level = self._texts.pop()
            style = self._styles.pop()
            self._spans.pop()
            text = read_raised("".join(pieces)).strip()
            if text and style in _CAPTIONS:
                self._left_out["caption"] += 1
            elif text and style == "Preformatted_20_Text":
                self.blocks.append(Block(text, preformatted=True))
            elif text:
                item = "list-item" in self._open and not level
                self.blocks.append(Block(text, level=level, item=item))
        elif name == "table":
            self.blocks = self._tables.end(self.blocks)
        elif name == "span":
            self.data(NOT_RAISED * self._spans[-1][0])
            self._spans.pop()
        elif name == "section":
            self._spans.pop()
        elif name == "a":
            self.data(NO_LINK)

    def data(self, text: str) -> None:
        if not self._texts:
            return
        if self._spans[-1][1]:
            return
        if text not in {"\n", " "}:
            text = " ".join(text.split("\n"))
        self._texts[-1][0].append(text)
