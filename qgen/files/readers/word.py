"""Word's documents (Office Open XML), read as Word shows them with all changes accepted.

python-docx gives a paragraph's own runs alone: not the text of links, insertions, content controls
and text boxes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

from qgen.files.archives import Archive
from qgen.files.readers.blocks import Block, LeftOut, Tables
from qgen.files.readers.formulas import Formulas
from qgen.files.readers.marks import LINK, LOWERED, NO_LINK, RAISED, add_shifted, read_raised
from qgen.files.readers.symbols import as_signs, signs_of, symbol
from qgen.files.readers.xml import bases_first, elements, parse_part

_WHAT = "a Word document"
_SKIPPED = frozenset(
    # Deleted or moved away, also codes of fields, the second form of a drawing, readings in ruby.
    "del moveFrom delInstrText delText Fallback rt sectPr tblPr trPr tcPr sdtEndPr"
    " rPrChange pPrChange".split()
)
_HEADINGS = frozenset({"heading", "title", "subtitle"})
_LEFT_OUT = {
    "caption": "caption", "code": "line of code", "html preformatted": "line of code",
    "source code": "line of code", "macro": "line of code", "bibliography": "reference",
    "footnote text": "note", "endnote text": "note", "toc": "", "toc heading": "", "index": "",
    "index heading": "", "table of figures": "", "table of authorities": "", "toa heading": "",
    "footer": "", "header": "",
}  # fmt: skip
"""The names of styles, without numbers, whose paragraphs are left out, and what they are counted
as.  One that only begins so, such as "Code of Conduct", is somebody's own."""
_STYLES = _HEADINGS | _LEFT_OUT.keys()
_SHIFTS = {"superscript": RAISED, "subscript": LOWERED}
_OFF = frozenset({"0", "false", "off"})
"""What a property may have for no; without a value it is a yes."""


@dataclass
class _Style:
    name: str = ""
    parent: str = ""
    level: int | None = None  # of a heading; 0 for text, whatever the style is based on
    shift: str | None = None  # the sign of what stands off the line
    struck: bool | None = None
    hidden: bool | None = None


@dataclass
class _Paragraph:
    text: list[str] = field(default_factory=list)
    style: str = ""
    level: int | None = None
    item: bool = False
    goes_on: bool = False  # its mark is deleted, or it is a large initial: the next belongs to it


def read_docx(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a Word document."""
    with Archive(path, _WHAT) as archive:
        main = main_part(archive, "word/document.xml")
        content = archive.read_main(main)
        folder = posixpath.dirname(main)
        styles = _styles(archive, archive.read(f"{folder}/styles.xml"))
        for name in archive.names:
            kind = posixpath.basename(name).rstrip("0123456789.xml")
            if posixpath.dirname(name) == folder and kind in {"header", "footer"}:
                part = archive.read(name) or b""
                left_out[kind] += b"<w:t>" in part or b"<w:t " in part
    target = _Document(styles, counts := LeftOut())
    parse_part(archive, content, target)
    if target.in_code:  # at the end: a field without one is none (ECMA-376-1, 17.16.18)
        target = _Document(styles, counts := LeftOut(), {number for number, _ in target.fields})
        parse_part(archive, content, target)
    left_out.update(counts)
    yield from target.blocks


def main_part(archive: Archive, usual: str) -> str:
    """The name of the part that an Office document begins with."""
    for name, attributes in elements(archive, archive.read("_rels/.rels")):
        if name == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            target = attributes.get("Target", "").lstrip("/")
            if target in archive.names:
                return target
    return usual


def _styles(archive: Archive, content: bytes | None) -> dict[str, _Style]:
    """The styles by their identifiers, each with what it takes from the one it is based on."""
    styles: dict[str, _Style] = {}
    style = _Style()
    for name, attributes in elements(archive, content):
        value = attributes.get("val", "")
        if name == "style":
            style = styles.setdefault(attributes.get("styleId", ""), _Style())
        elif name == "name":
            style.name = _usual_name(value)
        elif name == "basedOn":
            style.parent = value
        elif name == "outlineLvl":
            style.level = _level(value)
        elif name == "vertAlign":
            style.shift = _SHIFTS.get(value, "")
        elif name in {"strike", "dstrike"}:
            style.struck = value not in _OFF
        elif name == "vanish":
            style.hidden = value not in _OFF
    for name in bases_first({name: style.parent for name, style in styles.items()}):
        style = styles[name]
        parent = styles.get(style.parent, _Style())
        style.level = parent.level if style.level is None else style.level
        style.shift = parent.shift if style.shift is None else style.shift
        style.struck = parent.struck if style.struck is None else style.struck
        style.hidden = parent.hidden if style.hidden is None else style.hidden
        if style.name not in _STYLES and parent.name in _STYLES:
            style.name = parent.name
    return styles


def _usual_name(name: str) -> str:
    """A style's name without its number: "heading" for "Heading 1"."""
    return re.sub(r"\s*\d+$", "", name.lower())


def _level(value: str) -> int | None:
    """The level of an outline, which Word counts from 0: its last is that of text, here 0."""
    return (int(value) + 1) % 10 if re.fullmatch(r"[0-9]", value) else None


class _Document:
    """What the parser tells of the main part, as blocks."""

    def __init__(
        self, styles: dict[str, _Style], left_out: LeftOut, endless: Set[int] = frozenset()
    ):
        self.blocks: list[Block] = []
        self._styles, self._left_out = styles, left_out
        self._open: list[str] = []  # the elements that the parser is in
        # Those open, a text box in one of another; the first is for what stands in none.
        self._paragraphs = [_Paragraph()]
        self._tables = Tables(left_out, frames=True)
        self._hidden = self._struck = self._reads = False
        self._signs = ""  # of the font, where it has no letters
        self._shift = ""  # the sign of what stands off the line
        self._before: list[str] = []  # the text of a paragraph that goes on in the next
        self._formulas = Formulas(left_out)
        self._placeholders: list[int] = []  # depths of controls that nobody has filled in
        # The fields that it is in: their numbers, and whether in code, theirs or of one round them.
        self.fields: list[tuple[int, bool]] = []
        self._begun, self._endless = 0, endless  # how many so far, and which have no end

    def skips(self, name: str) -> bool:
        # "ins", "del" and the like also stand in properties, where they hold no text.
        if name in {"del", "moveFrom"} and self._open[-2:] == ["pPr", "rPr"]:
            self._paragraphs[-1].goes_on = True
        elif name == "del" and self._open[-1:] not in (["rPr"], ["ctrlPr"]):
            self._left_out["deletion"] += 1
        return name in _SKIPPED

    def start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1] if self._open else ""
        self._open.append(name)
        value = attributes.get("val", "")
        paragraph = self._paragraphs[-1]
        text = paragraph.text
        if name == "p":
            self._paragraphs.append(_Paragraph(self._before))
            self._before = []
        elif name == "tbl":
            self._end_paragraph(_Paragraph(self._before))
            self._before = []
            self.blocks = self._tables.begin(self.blocks)
        elif name == "tc":
            self._tables.cell()
        elif name == "r":
            self._hidden = self._struck = False
            self._apply(paragraph.style)
            self._shift = self._signs = ""
        elif name == "t":
            self._reads = True
        elif name == "hyperlink":
            text.append(LINK)
        elif name == "pStyle":
            paragraph.style = value
        elif name == "numId":
            paragraph.item = value != "0"
        elif name == "outlineLvl":
            paragraph.level = _level(value)
        elif name == "framePr":
            paragraph.goes_on |= attributes.get("dropCap", "none") != "none"
        elif parent == "rPr" and self._open[-3:-2] == ["r"]:
            self._run_property(name, value or attributes.get("ascii", ""))
        elif name in {"tab", "ptab"} and parent == "r":
            self._write(" ")
        elif name in {"br", "cr"} and parent == "r":
            self._write("\n" if attributes.get("type", "textWrapping") == "textWrapping" else " ")
        elif name == "noBreakHyphen":
            self._write("-")
        elif name == "sym" and self._shows() and not self._struck:
            code = attributes.get("char", "")
            known = attributes.get("font") == "Symbol" and re.fullmatch("[0-9A-Fa-f]{2,4}", code)
            self._write(symbol(int(code, 16) if known else 0, self._left_out))
        elif name in {"fldChar", "fldSimple", "sdt"}:
            text.append("")  # a citation's mark is no part of an exponent before it
            self._field(attributes.get("fldCharType"))
        elif name in {"footnoteReference", "endnoteReference"}:
            self._left_out["note"] += 1
        elif name == "commentReference":
            self._left_out["comment"] += 1
        elif name in {"pic", "imagedata"}:
            self._left_out["picture"] += 1
        elif name == "OLEObject" and attributes.get("ProgID", "").startswith("Equation"):
            text.append("…")  # of MathType and the old editor; its picture has been counted
            self._left_out["picture"] -= self._left_out["picture"] > 0
            self._left_out["formula"] += 1
        elif name == "altChunk":
            self._left_out["embedded document"] += 1
        elif name == "showingPlcHdr" and value not in _OFF:
            self._placeholders.append(len(self._open) - 2)  # of the control round its properties
        elif name == "relIds":
            self._left_out["diagram"] += 1
        elif name == "chart":
            self._left_out["chart"] += 1
        else:
            self._formulas.start(name, text)

    def end(self, name: str) -> None:
        self._open.pop()
        if self._placeholders and len(self._open) < self._placeholders[-1]:
            self._placeholders.pop()
        if name == "t":
            self._reads = False
        elif name == "hyperlink":
            self._paragraphs[-1].text.append(NO_LINK)
        elif name == "p":
            self._end_paragraph(self._paragraphs.pop())
        elif name == "tbl":
            self.blocks = self._tables.end(self.blocks)
        elif name == "body":
            self._end_paragraph(_Paragraph(self._before))
        else:
            self._formulas.end(name, self._paragraphs[-1].text)

    def data(self, text: str) -> None:
        if self._open[-1:] == ["instrText"] and re.match(r"\s*EQ\b", text, re.I):
            self._paragraphs[-1].text.append("…")  # a formula, without a result beside its code
            self._left_out["formula"] += 1
        if not self._reads or not self._shows():
            return
        if self._struck:
            self._left_out["deletion"] += 1
            return
        self._write(as_signs(text, self._signs, self._left_out))

    @property
    def in_code(self) -> bool:
        """Whether the parser is in the code of a field."""
        return bool(self.fields) and self.fields[-1][1]

    def _shows(self) -> bool:
        """Whether what stands here is shown, if it is not struck through."""
        return not (self._hidden or self._placeholders or self.in_code)

    def _write(self, text: str) -> None:
        """Add what is shown; a space or a line break divides words, though it is struck through."""
        if self._shows() and not (self._struck and text.strip()):
            add_shifted(self._paragraphs[-1].text, text, self._shift)

    def _field(self, mark: str | None) -> None:
        """Note where a field begins, its result, and where it ends; its code may have others."""
        if mark == "begin":
            self._begun += 1
            self.fields.append((self._begun, self.in_code or self._begun not in self._endless))
        elif mark and self.fields:
            number, _ = self.fields.pop()
            if mark == "separate":
                self.fields.append((number, self.in_code))

    def _apply(self, name: str) -> None:
        """Set the run as the style of its paragraph or its own does."""
        style = self._styles.get(name, _Style())
        self._shift = style.shift or ""
        self._struck = self._struck if style.struck is None else style.struck
        self._hidden = self._hidden if style.hidden is None else style.hidden

    def _run_property(self, name: str, value: str) -> None:
        if name == "vertAlign":
            self._shift = _SHIFTS.get(value, "")
        elif name == "rStyle":
            self._apply(value)
        elif name in {"vanish", "webHidden"}:
            self._hidden = value not in _OFF
        elif name in {"strike", "dstrike"}:
            self._struck = value not in _OFF
        elif name == "rFonts":
            self._signs = signs_of(value)

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        if paragraph.goes_on:
            self._before = paragraph.text
            return
        text = read_raised("".join(paragraph.text)).strip()
        style = self._styles.get(paragraph.style, _Style(_usual_name(paragraph.style)))
        if not text:
            return
        level = style.level if paragraph.level is None else paragraph.level
        if level is None:
            level = int(style.name in _HEADINGS)
        if level:
            self.blocks.append(Block(" ".join(text.split()), level=level))
        elif style.name in _LEFT_OUT:
            if what := _LEFT_OUT[style.name]:
                self._left_out[what] += 1
        else:
            # "List Paragraph" is Word's for whatever is set in; an item of it has a number.
            listed = style.name.startswith("list") and "paragraph" not in style.name
            item = paragraph.item or listed
            self.blocks.append(Block(text, item=item))
