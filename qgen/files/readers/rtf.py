"""Rich text (RTF)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from striprtf.striprtf import rtf_to_text

from qgen.files.encoding import read_bytes
from qgen.files.readers.blocks import Block, LeftOut, blocks_of_table
from qgen.files.readers.marks import NOT_RAISED, RAISED, read_raised

_PROPERTIES = r"(?:\\(?!super\b)[a-z]+-?\d*[ ]?)*"
_RAISED = re.compile(
    rf"\{{{_PROPERTIES}\\super(?!\w){_PROPERTIES}\s?([^{{}}\\]{{1,12}})\}}"
    r"|\\super(?!\w)[ ]?([^{}\\]{1,12})\\(?:nosupersub|plain)(?!\w)"
)
_GROUP = r"\{(?:[^{}]|\{[^{}]*\})*\}"
_STYLES = re.compile(rf"\{{\\stylesheet(?:[^{{}}]|{_GROUP})*\}}")
_UNSEEN = re.compile(
    r"(?<!\\)\\(?:deleted|striked?|v)1?(?![a-z0-9])"
    rf"(?:[^{{}}]|{_GROUP})*?"
    r"(?=\\(?:deleted|striked?|v)(?![a-z])|\\plain(?![a-z])|\}|\Z)"
)
"""What is deleted, struck through or hidden, up to where that ends or its group does."""


def read_rtf(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a file in rich text, without what is deleted, struck through or hidden."""
    source = read_bytes(path).decode("cp1252", "replace")
    source = _STYLES.sub("{}", source)  # no text is struck through there
    for word, name in (("footnote", "note"), ("pict", "picture"), ("shptxt", "text box")):
        left_out[name] += len(re.findall(rf"\\{word}(?![a-z])", source))
    left_out["deletion"] += sum(one[:2] != "\\v" for one in _UNSEEN.findall(source))
    source = _UNSEEN.sub("", source)
    source = _RAISED.sub(lambda m: f"{{{RAISED}{m[1] or m[2]}{NOT_RAISED}}}", source)
    # The library puts the address of a link behind its text, and ends a paragraph with a line.
    source = re.sub(r"(\\fldinst\b[^}\"]{0,200})HYPERLINK", r"\1LINK", source, flags=re.I)
    source = re.sub(r"\\line(?![a-z])[ ]?", " ", source)
    text = rtf_to_text(source, errors="replace")
    text = read_raised(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    cells: list[str] = []
    for line in [*text.split("\n"), ""]:
        if "|" in line and line.rstrip().endswith("|"):
            cells += [cell.strip() for cell in line.split("|") if cell.strip()]
            continue
        yield from blocks_of_table(list(map(Block, cells)), left_out)
        cells = []
        yield Block(line.replace("\t", " "))
