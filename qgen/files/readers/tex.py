"""LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from qgen.files.encoding import decode_text
from qgen.files.lines import text_blocks
from qgen.files.readers.blocks import Block, LeftOut, read_bytes
from qgen.files.readers.marks import raised_text

_SECTIONS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph")
_DROPPED = (
    "cite citep citet citealp citealt citeauthor citeyear parencite autocite footcite nocite label"
    " includegraphics bibliography bibliographystyle vspace hspace caption thanks author date title"
    " maketitle tableofcontents index pagestyle thispagestyle input include usepackage newcommand"
    " renewcommand addbibresource printbibliography"
).split()
_NOTES = ("footnote", "footnotetext", "endnote", "marginpar", "sidenote", "todo")
_TEXT_LAST = {"href": "{{", "hyperlink": "{{", "hypertarget": "{{", "textcolor": "[{{",
              "hyperref": "[{", "textsubscript": "{"}  # fmt: skip
"""What has its text in the last of its arguments, and which these are."""
_LEFT_OUT = {
    "table": "table", "table*": "table", "tabular": "table", "tabularx": "table",
    "longtable": "table", "figure": "figure", "figure*": "figure", "tikzpicture": "figure",
    "wrapfigure": "figure", "equation": "formula", "equation*": "formula", "align": "formula",
    "align*": "formula", "eqnarray": "formula", "gather": "formula", "multline": "formula",
    "verbatim": "block of code", "lstlisting": "block of code", "minted": "block of code",
    "algorithm": "block of code", "algorithmic": "block of code", "Shaded": "block of code",
    "thebibliography": "list of references", "comment": "",
}  # fmt: skip
_RAISED = re.compile(r"\ue002([^\ue002\ue003]*)\ue003")
_DEFINITION = re.compile(r"^[ \t]*\\def\s*\\\w+[^{\n]*\{.*\}[ \t]*$", re.M)
_HEADING = re.compile(r"\ue000(\d)([^\ue001]*)\ue001")


def read_tex(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a LaTeX document; nothing that it includes is read."""
    source = decode_text(read_bytes(path))
    if body := re.search(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", source, re.S):
        source = body.group(1)
    source = _DEFINITION.sub("", source)
    text = _with_raised(_converter(left_out).latex_to_text(source))
    position = 0
    for heading in _HEADING.finditer(text):
        yield from map(Block, text_blocks(text[position : heading.start()]))
        yield Block(" ".join(heading.group(2).split()), level=int(heading.group(1)))
        position = heading.end()
    yield from map(Block, text_blocks(text[position:]))


def _with_raised(text: str) -> str:
    """The text without the marks of notes that are set above the line."""
    pieces: list[str] = []
    position = 0
    for raised in _RAISED.finditer(text):
        pieces.append(text[position : raised.start()])
        pieces.append(raised_text("".join(pieces[-4:])[-12:], raised.group(1)))
        position = raised.end()
    return "".join([*pieces, text[position:]])


def _converter(left_out: LeftOut) -> Any:
    """What turns LaTeX into text, with headings between marks."""
    from pylatexenc import latex2text, latexwalker
    from pylatexenc.macrospec import MacroSpec

    def heading(level: int, node: Any, l2tobj: Any) -> str:
        arguments = [a for a in node.nodeargd.argnlist if a is not None] if node.nodeargd else []
        title = l2tobj.nodelist_to_text([arguments[-1]]) if arguments else ""
        return f"\n\n\ue000{level}{title}\ue001\n\n"

    def dropped(name: str, node: Any, l2tobj: Any) -> str:
        if name:
            left_out[name] += 1
        return ""

    def last_argument(node: Any, l2tobj: Any) -> str:
        arguments = node.nodeargd.argnlist if node.nodeargd else []
        return l2tobj.nodelist_to_text(arguments[-1:]) if arguments and arguments[-1] else ""

    def raised(node: Any, l2tobj: Any) -> str:
        return f"\ue002{last_argument(node, l2tobj)}\ue003"

    def reference(node: Any, l2tobj: Any) -> str:
        return "…"  # a number that only a run of LaTeX knows

    parsed = latexwalker.get_default_latex_context_db()
    parsed.add_context_category(
        "left out",
        prepend=True,
        macros=[
            *(
                MacroSpec(name, "*[[{")
                for name in _DROPPED
                if name.startswith(("cite", "par", "auto", "foot", "no"))
            ),
            *(MacroSpec(name, "[{") for name in _NOTES),
            *(MacroSpec(name, arguments) for name, arguments in _TEXT_LAST.items()),
            MacroSpec("textsuperscript", "{"),
            *(
                MacroSpec(name, "{")
                for name in ("ref", "cref", "Cref", "autoref", "eqref", "pageref")
            ),
        ],
    )
    shown = latex2text.get_default_latex_context_db()
    shown.add_context_category(
        "left out",
        prepend=True,
        macros=[
            *(
                latex2text.MacroTextSpec(name, partial(heading, level))
                for level, name in enumerate(_SECTIONS, 1)
            ),
            *(latex2text.MacroTextSpec(name, partial(dropped, "")) for name in _DROPPED),
            *(latex2text.MacroTextSpec(name, partial(dropped, "note")) for name in _NOTES),
            *(latex2text.MacroTextSpec(name, last_argument) for name in _TEXT_LAST),
            latex2text.MacroTextSpec("textsuperscript", raised),
            *(
                latex2text.MacroTextSpec(name, reference)
                for name in ("ref", "cref", "Cref", "autoref", "eqref", "pageref")
            ),
        ],
        environments=[
            latex2text.EnvironmentTextSpec(name, partial(dropped, counted), discard=False)
            for name, counted in _LEFT_OUT.items()
        ],
    )
    converter = latex2text.LatexNodes2Text(
        latex_context=shown, math_mode="text", keep_comments=False, strict_latex_spaces=False
    )
    convert = converter.nodelist_to_text

    class _Converter:
        def latex_to_text(self, source: str) -> str:
            walker = latexwalker.LatexWalker(source, latex_context=parsed, tolerant_parsing=True)
            return convert(walker.get_latex_nodes()[0])

    return _Converter()
