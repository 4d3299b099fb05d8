"""Documents as paragraphs to ask about, whatever their format."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from qgen.errors import QGenError
from qgen.files.formats import DOCUMENT_SUFFIXES, ROW_SUFFIXES, kind_of
from qgen.files.lines import typed_blocks
from qgen.files.paragraphs import Paragraph, paragraphs
from qgen.files.readers.blocks import Block, LeftOut
from qgen.files.sandbox import read_blocks


@dataclass(frozen=True)
class Document(Sequence[Paragraph]):
    """The paragraphs of a document.

    Attributes:
        paragraphs: in the order in which they are read.
        left_out: how many things of each kind are no running text, such as ``{"table": 2}``.
    """

    paragraphs: tuple[Paragraph, ...]
    left_out: LeftOut = field(default_factory=LeftOut)

    @property
    def summary(self) -> str:
        """What is left out, such as ``"1 note, 2 tables"``; empty where nothing is."""
        return str(self.left_out)

    def __len__(self) -> int:
        return len(self.paragraphs)

    def __iter__(self) -> Iterator[Paragraph]:
        return iter(self.paragraphs)

    @overload
    def __getitem__(self, index: int) -> Paragraph: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Paragraph]: ...
    def __getitem__(self, index):
        return self.paragraphs[index]


def read_document(path: str | os.PathLike) -> Document:
    """The paragraphs of a document.

    What kind of document it is its content says, or else its suffix.  It is read in a process of
    its own (:mod:`qgen.files.sandbox`).

    Raises:
        QGenError: the type is unknown, the file cannot be read or takes too much time or memory,
            the library that reads it is not installed, or it has no prose.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    kind = suffix if suffix in {".gz", *ROW_SUFFIXES} - {".txt"} and not path.exists() else ""
    kind = kind or kind_of(path)
    if kind not in DOCUMENT_SUFFIXES:
        hint = ""
        if kind in ROW_SUFFIXES:
            hint = " (a file of rows is for `qgen batch`)"
        known = ", ".join(DOCUMENT_SUFFIXES)
        raise QGenError(f"{path}: unknown type of document{hint}; use one of {known}")
    blocks, left_out = read_blocks(path, kind)
    found = tuple(paragraphs(blocks, left_out))
    if not found:
        only = f": only {left_out}" if str(left_out) else ""
        raise QGenError(f"{path} holds no prose{only}")
    return Document(found, left_out)


def text_paragraphs(text: str) -> tuple[list[str], LeftOut]:
    """The paragraphs of a pasted text and what is left out of it: as of a document, or all of it
    where it is one line."""
    left_out = LeftOut()
    found = [each.text for each in paragraphs(map(Block, typed_blocks(text)), left_out)]
    if found or not text.strip():
        return found, left_out
    return [" ".join(text.split())], LeftOut()
