"""Markdown, in CommonMark and the dialects of Jekyll, kramdown, Pandoc and MyST, and notebooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt

from qgen.errors import QGenError
from qgen.files.encoding import decode_text, read_bytes
from qgen.files.readers.blocks import Block, LeftOut
from qgen.files.readers.html import html_blocks

_FRONT_MATTER = re.compile(
    # Begun by a key, and nothing but keys, comments and what is set in; else the line is a rule.
    r"\A\ufeff?(?:---[ \t]*\r?\n(?=(?:[ \t]*\r?\n|#[^\n]*\n)*+[^\s#:-])"
    r"(?>(?:[ \t#-][^\n]*|[^\s#:-][^\n:]{0,60}:(?:[ \t][^\n]*)?|)\r?\n)+?(?:---|\.\.\.)"
    r"|\+\+\+[ \t]*\r?\n.*?\r?\n\+\+\+)[ \t]*\r?\n",
    re.S,
)
_NOT_TEXT = re.compile(
    r"\{::?[^}\n]*\}"  # kramdown's attribute lists and options: {: .name}, {:toc}
    r"|(?<=[\])`*_\w\"])[ \t]?\{[#.][\w-][^}\n]*\}"  # Pandoc's: [text]{.smallcaps}
    r"|[ \t]+\{[#.][\w-][^}\n]*\}(?=[ \t]*$)"  # behind a heading
    r"|\{%.*?%\}|\{\{.*?\}\}"  # Liquid's tags
    r"|!\[\[[^\]\n]*\]\]|%%[^%\n]*%%|[ \t]\^[\w-]+[ \t]*$"  # Obsidian's files, comments, names
    r"|(?<=^> )\[!\w+\][+-]?[ \t]*"  # the kind of a call-out
    r"|(?:(?<=^[-*+] )|(?<=^\d[.)] ))\[[ xX]\][ \t]+"  # the box of a task
    r"|^:{3,}.*$"  # fences of Pandoc's divs
    r"|^%{3,}.*$",
    re.M,
)
_FOOTNOTE = re.compile(
    r"^ {0,3}\[\^[^\]\n]+\]:.*\n?(?:(?:[ \t]+\S.*|[ \t]*)\n?(?=[ \t]|\Z|\n))*", re.M
)
_INLINE_NOTE = re.compile(
    r"(?<=[\w.,;:!?)\"'”’*])\^\[(?:[^\[\]\n]|\n(?![ \t]*\n)|\[[^\[\]\n]*\])*\]"
)
"""Pandoc's, which may have links in it."""

_RAISED = re.compile(r"(?<=[^\s^\[])\^([^\s^\[\]]{1,12})\^(?!\^)")
"""Pandoc's "21^st^"; the mark of a note is in brackets."""
_LOWERED = re.compile(r"(?<=[^\W_])~([^\s~]{1,12})~(?!~)")

_LINK = re.compile(r"\[\[(?:[^\[\]|\n]*\|)?([^\[\]|\n]+)\]\]")
"""A wiki's and Obsidian's: [[page]], [[page|text]]."""
_MARKED = re.compile(r"(?<![=\w])==([^=\s][^=\n]*)==(?![=\w])")
_DEFINITION = re.compile(r"\n:[ \t]+(?=\S)")


def read_markdown(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a file in Markdown."""
    return markdown_blocks(decode_text(read_bytes(path)), left_out)


def markdown_blocks(source: str, left_out: LeftOut, page: int | None = None) -> Iterator[Block]:
    """The blocks of Markdown, all of them on one page of a document."""
    source = _FRONT_MATTER.sub("", source)
    source, notes = _FOOTNOTE.subn("", source)
    source, inline = _INLINE_NOTE.subn("", source)
    left_out["note"] += notes + inline
    source = _NOT_TEXT.sub("", source)
    source = _MARKED.sub(r"\1", _LINK.sub(r"\1", source))
    source = _DEFINITION.sub("\n\n", source)
    source = _RAISED.sub(r"<sup>\1</sup>", source)
    source = _LOWERED.sub(r"<sub>\1</sub>", source)
    page_source = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(source)
    return html_blocks(page_source, left_out, page)


def read_notebook(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The text cells of a Jupyter notebook; code is left out."""
    try:
        book = json.loads(decode_text(read_bytes(path)))
        cells = book["cells"] if "cells" in book else book["worksheets"][0]["cells"]
        sources = [(cell["cell_type"], "".join(cell.get("source", ""))) for cell in cells]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise QGenError(f"{path} is not a notebook") from error
    for kind, source in sources:
        if kind == "markdown":
            yield from markdown_blocks(source, left_out)
        elif kind in {"code", "raw"} and source.strip():
            left_out["cell with code" if kind == "code" else "raw cell"] += 1
