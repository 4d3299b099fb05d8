"""PowerPoint's presentations (Office Open XML): the text of each slide, which is its page."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from qgen.errors import QGenError
from qgen.files.archives import Archive
from qgen.files.readers.blocks import Block, LeftOut, Tables
from qgen.files.readers.formulas import Formulas
from qgen.files.readers.marks import add_shifted, read_raised, sign_of
from qgen.files.readers.symbols import as_signs, signs_of
from qgen.files.readers.word import main_part
from qgen.files.readers.xml import elements, parse_part

_WHAT = "a presentation"
_TITLES = {"title", "ctrTitle"}
_FURNITURE = {"sldNum", "ftr", "dt", "hdr"}


def read_pptx(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of the slides that are shown, in their order; speakers' notes are left out."""
    with Archive(path, _WHAT) as archive:
        main = main_part(archive, "ppt/presentation.xml")
        content = archive.read_main(main)
        parts = _relations(archive, main)
        order = [
            parts.get(attributes.get("id", ""), "")
            for name, attributes in elements(archive, content)
            # Two attributes are called "id"; a section's list of its slides has but the number.
            if name == "sldId" and not attributes.get("id", "").isdigit()
        ]
        for number, part in enumerate(order, 1):
            slide = archive.read(part) if part else None
            if not slide:
                left_out["missing slide"] += 1
                continue
            target = _Slide(number, left_out)
            parse_part(archive, slide, target)
            if not target.shown:
                left_out["hidden slide"] += 1
                continue
            related = _relations(archive, part).values()
            left_out["diagram"] += sum("/diagrams/data" in name for name in related)
            for name in related:
                comments = archive.read(name) if "/comments/" in name else None
                left_out["comment"] += len(re.findall(rb"<(?:\w+:)?cm[\s/>]", comments or b""))
            notes = [name for name in related if "/notesSlides/" in name]
            left_out["speaker's note"] += any(_has_notes(archive, name) for name in notes)
            # Boxes stand in the order in which they were drawn, the title anywhere among them.
            yield from sorted(target.blocks, key=lambda block: not block.level)


def _has_notes(archive: Archive, name: str) -> bool:
    """Whether anything is written on a page of notes, which some programs make for every slide; or
    may be, where it is damaged."""
    page = _Slide(0, LeftOut())
    try:
        if part := archive.read(name):
            parse_part(archive, part, page)
    except QGenError:
        return True
    return any(block.item for block in page.blocks)


def _relations(archive: Archive, part: str) -> dict[str, str]:
    """The parts that a part refers to, by the identifiers it has for them."""
    folder, name = posixpath.split(part)
    found = elements(archive, archive.read(f"{folder}/_rels/{name}.rels"))
    return {
        attributes.get("Id", ""): posixpath.normpath(
            posixpath.join("/" + folder, attributes.get("Target", ""))
        ).lstrip("/")
        for element, attributes in found
        if element == "Relationship" and attributes.get("TargetMode") != "External"
    }


class _Slide:
    """What the parser tells of a slide, as blocks."""

    def __init__(self, number: int, left_out: LeftOut):
        self.blocks: list[Block] = []
        self.shown = True
        self._number, self._left_out = number, left_out
        self._text: list[str] = []  # of the paragraph; what stands in none is not read
        self._reads = self._struck = False
        self._depth = 0
        self._hidden = 0  # the depth of a shape that is not shown, with all in it
        self._shift = ""  # the sign of what stands off the line
        self._fonts = ("", "")  # the signs of the run's font, and of that for what is no letter
        self._place = ""  # what the shape is for
        self._tables = Tables(left_out)
        self._formulas = Formulas(left_out)

    def skips(self, name: str) -> bool:
        return name == "Fallback"  # the second form of a drawing

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._hidden:
            return
        if name == "cNvPr" and attributes.get("hidden") in {"1", "true"}:
            self._hidden = self._depth - 2  # of the shape round its properties
        elif name == "sld":
            self.shown = attributes.get("show", "1") not in {"0", "false"}
        elif name in {"sp", "pic", "graphicFrame"}:
            self._left_out["picture"] += name == "pic" and self._place != "object"
            self._place = ""
        elif name == "oleObj":  # some programs put its picture into it
            self._place = "object"
            is_formula = attributes.get("progId", "").startswith("Equation")
            self._left_out["formula" if is_formula else "picture"] += 1
        elif name == "ph":
            self._place = attributes.get("type", "body")
        elif name == "tbl":
            self.blocks = self._tables.begin(self.blocks)
        elif name == "chart":
            self._left_out["chart"] += 1
        elif name == "p":
            self._text = []
        elif name in {"r", "fld"}:
            self._shift, self._struck, self._fonts = "", False, ("", "")
        elif name == "rPr":
            self._struck = attributes.get("strike", "noStrike") != "noStrike"
            self._shift = sign_of(attributes.get("baseline", ""))
        elif name == "latin":
            self._fonts = signs_of(attributes.get("typeface", "")), self._fonts[1]
        elif name == "sym":
            self._fonts = self._fonts[0], signs_of(attributes.get("typeface", ""))
        elif name == "t":
            self._reads = True
        elif name == "br":
            self._text.append("\n")
        else:
            self._formulas.start(name, self._text)

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._hidden:
            self._hidden = self._hidden if self._depth >= self._hidden else 0
        elif name == "t":
            self._reads = False
        elif name == "graphicFrame":
            self._place = ""
        elif name == "p":
            text = read_raised("".join(self._text)).strip()
            if text and self._place not in _FURNITURE:
                level = int(self._place in _TITLES)
                self.blocks.append(Block(text, self._number, level, item=self._place == "body"))
        elif name == "tbl":
            self.blocks = self._tables.end(self.blocks)
        else:
            self._formulas.end(name, self._text)

    def data(self, text: str) -> None:
        if not self._reads or self._hidden:
            return
        self._left_out["deletion"] += self._struck
        if self._struck:
            return
        font, others = self._fonts
        if not font:  # what is typed behind such a sign may have its font as well, such as "café"
            parts = re.split(r"([\uf000-\uf0ff]+|(?<!\S)[\xa1-\xff]+(?!\S))", text)
            parts[1::2] = [as_signs(part, others, self._left_out) for part in parts[1::2]]
            text = "".join(parts)
        add_shifted(self._text, as_signs(text, font, self._left_out), self._shift)
