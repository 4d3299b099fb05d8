"""Word's documents (Office Open XML), read as Word shows them with all changes accepted.

python-docx gives a paragraph's own runs alone: not the text of links, insertions, content controls
and text boxes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qgen.errors import QGenError
from qgen.files.archives import Archive
from qgen.files.readers.blocks import Block, LeftOut, is_prose_of_table
from qgen.files.readers.marks import raised_text
from qgen.files.readers.xml import elements, parse_part

_WHAT = "a Word document"
_SKIPPED = frozenset(
    # Deleted or moved away, codes of fields, the second form of a drawing, and readings in ruby.
    "del moveFrom instrText delInstrText delText Fallback rt sectPr tblPr trPr tcPr sdtEndPr"
    " rPrChange pPrChange".split()
)
_STYLES = ("heading", "title", "subtitle", "toc", "caption", "code", "html preformatted",
           "source code", "macro", "bibliography", "index", "table of", "footer", "header",
           "footnote text", "endnote text")  # fmt: skip


@dataclass
class _Style:
    name: str = ""
    parent: str = ""
    level: int = 0
    raised: bool | None = None


@dataclass
class _Paragraph:
    text: list[str] = field(default_factory=list)
    style: str = ""
    level: int = 0


@dataclass
class _Table:
    before: list[Block]
    cells: int = 0


def read_docx(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a Word document."""
    with Archive(path, _WHAT) as archive:
        main = main_part(path, archive, "word/document.xml", _WHAT)
        content = archive.read(main)
        if content is None:
            raise QGenError(f"{path} is not {_WHAT}")
        folder = posixpath.dirname(main)
        styles = _styles(path, archive.read(f"{folder}/styles.xml"))
        for name in archive.names:
            kind = posixpath.basename(name).rstrip("0123456789.xml")
            if posixpath.dirname(name) == folder and kind in {"header", "footer"}:
                part = archive.read(name) or b""
                left_out[kind] += b"<w:t>" in part or b"<w:t " in part
    target = _Document(styles, left_out)
    parse_part(path, content, target, _WHAT)
    yield from target.blocks


def main_part(path: Path, archive: Archive, usual: str, what: str) -> str:
    """The name of the part that an Office document begins with."""
    for name, attributes in elements(path, archive.read("_rels/.rels"), what):
        if name == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            target = attributes.get("Target", "").lstrip("/")
            if target in archive.names:
                return target
    return usual


def _styles(path: Path, content: bytes | None) -> dict[str, _Style]:
    """The styles by their identifiers, each with what it takes from the one it is based on."""
    styles: dict[str, _Style] = {}
    style = _Style()
    for name, attributes in elements(path, content, _WHAT):
        value = attributes.get("val", "")
        if name == "style":
            style = styles.setdefault(attributes.get("styleId", ""), _Style())
        elif name == "name":
            style.name = value.lower()
        elif name == "basedOn":
            style.parent = value
        elif name == "outlineLvl" and value.isdigit() and int(value) < 9:
            style.level = int(value) + 1
        elif name == "vertAlign":
            style.raised = value == "superscript"
    for style in styles.values():
        seen = {style.parent}
        parent = styles.get(style.parent)
        while parent is not None:
            style.level = style.level or parent.level
            style.raised = parent.raised if style.raised is None else style.raised
            if not style.name.startswith(_STYLES) and parent.name.startswith(_STYLES):
                style.name = parent.name
            if parent.parent in seen:
                break
            seen.add(parent.parent)
            parent = styles.get(parent.parent)
    return styles


class _Document:
    """What the parser tells of the main part, as blocks."""

    def __init__(self, styles: dict[str, _Style], left_out: LeftOut):
        self.blocks: list[Block] = []
        self._styles, self._left_out = styles, left_out
        self._open: list[str] = []  # the elements that the parser is in
        self._paragraphs: list[_Paragraph] = []
        self._tables: list[_Table] = []
        self._raised = self._hidden = self._reads = False
        self._links = 0
        self._field: list[str] = []  # the codes of the fields that the text is in
        self._placeholders: list[int] = []  # depths of controls that nobody has filled in

    def skips(self, name: str) -> bool:
        # "ins", "del" and the like also stand in properties, where they hold no text.
        return name in _SKIPPED

    def start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1] if self._open else ""
        self._open.append(name)
        value = attributes.get("val", "")
        text = self._paragraphs[-1].text if self._paragraphs else []
        if name == "p":
            self._paragraphs.append(_Paragraph())
        elif name == "tbl":
            self._tables.append(_Table(self.blocks))
            self.blocks = []
        elif name == "tc" and self._tables:
            self._tables[-1].cells += 1
        elif name == "r":
            self._raised = self._hidden = False
        elif name == "t":
            self._reads = True
        elif name == "hyperlink":
            self._links += 1
        elif name == "pStyle" and self._paragraphs:
            self._paragraphs[-1].style = value
        elif name == "outlineLvl" and self._paragraphs and value.isdigit() and int(value) < 9:
            self._paragraphs[-1].level = int(value) + 1
        elif parent == "rPr" and self._open[-3:-2] == ["r"]:
            self._run_property(name, value)
        elif name in {"tab", "ptab"} and parent == "r":
            text.append(" ")
        elif name in {"br", "cr"} and parent == "r":
            text.append("\n" if attributes.get("type", "textWrapping") == "textWrapping" else " ")
        elif name == "noBreakHyphen":
            text.append("-")
        elif name in {"footnoteReference", "endnoteReference"}:
            self._left_out["note"] += 1
        elif name == "commentReference":
            self._left_out["comment"] += 1
        elif name in {"pic", "imagedata"}:
            self._left_out["picture"] += 1
        elif name == "altChunk":
            self._left_out["embedded document"] += 1
        elif name == "showingPlcHdr" and value not in {"0", "false"}:
            self._placeholders.append(len(self._open) - 2)  # of the control round its properties
        elif name == "sup" and "oMath" in self._open:
            text.append("^")

    def end(self, name: str) -> None:
        self._open.pop()
        if self._placeholders and len(self._open) < self._placeholders[-1]:
            self._placeholders.pop()
        if name == "t":
            self._reads = False
        elif name == "hyperlink":
            self._links -= 1
        elif name == "p" and self._paragraphs:
            self._end_paragraph(self._paragraphs.pop())
        elif name == "tbl" and self._tables:
            self._end_table(self._tables.pop())

    def data(self, text: str) -> None:
        if not self._reads or self._hidden or not self._paragraphs:
            return
        if self._placeholders:
            return
        pieces = self._paragraphs[-1].text
        if self._raised:
            text = raised_text("".join(pieces[-4:])[-12:], text, self._links > 0)
        pieces.append(text)

    def _run_property(self, name: str, value: str) -> None:
        if name == "vertAlign":
            self._raised = value == "superscript"
        elif name == "rStyle":
            self._raised = bool(self._styles.get(value, _Style()).raised)
        elif name in {"vanish", "webHidden"}:
            self._hidden = value not in {"0", "false"}

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        text = "".join(paragraph.text).strip()
        style = self._styles.get(paragraph.style, _Style(paragraph.style.lower()))
        if not text:
            return
        level = paragraph.level or style.level
        if level or style.name.startswith(("heading", "title", "subtitle")):
            self.blocks.append(Block(" ".join(text.split()), level=level or 1))
        elif style.name.startswith("bibliography"):
            self._left_out["reference"] += 1
        elif not style.name.startswith(_STYLES):
            self.blocks.append(Block(text))

    def _end_table(self, table: _Table) -> None:
        found, self.blocks = self.blocks, table.before
        texts = [block.text for block in found if not block.level]
        if table.cells == 1 or is_prose_of_table(texts):  # a frame round a text, or a layout
            self.blocks += found
        elif found:
            self._left_out["table"] += 1
