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

_SECTIONS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph",
             "subparagraph", "frametitle")  # fmt: skip
_CITATIONS = (
    "cite citep Citep citealp Citealp citealt Citealt citeyearpar parencite Parencite autocite"
    " Autocite footcite Footcite smartcite supercite nocite"
).split()
_DROPPED = (
    "label bibliography bibliographystyle vspace hspace caption thanks author date title maketitle"
    " tableofcontents index pagestyle thispagestyle usepackage newcommand renewcommand"
    " providecommand addbibresource printbibliography"
).split()
_NOTES = ("footnote", "footnotetext", "endnote", "marginpar", "sidenote", "todo")
_COUNTED = {"includegraphics": "picture", "input": "included file", "include": "included file",
            "subfile": "included file"}  # fmt: skip
_REFERENCES = dict.fromkeys("ref cref Cref autoref eqref pageref nameref vref".split(), "{") | (
    dict.fromkeys(
        "citet Citet textcite Textcite citeauthor Citeauthor citeyear citetitle fullcite".split(),
        "*[[{",
    )
)
"""What prints a number, a name or a title that only a run of LaTeX knows; with the arguments."""
_OURS = frozenset([*_SECTIONS, *_CITATIONS, *_DROPPED, *_NOTES, *_COUNTED, *_REFERENCES])
"""What keeps its meaning where a document changes how it looks."""
_TEXT_LAST = {
    "href": "{{", "hyperlink": "{{", "hypertarget": "{{", "textcolor": "[{{", "hyperref": "[{",
    "colorbox": "[{{", "fcolorbox": "[{[{{", "foreignlanguage": "[{{", "makebox": "[[{",
    "framebox": "[[{", "parbox": "[[[{{", "raisebox": "{[[{", "scalebox": "{[{", "rotatebox": "[{{",
    "resizebox": "*{{{", "num": "[{",
} | dict.fromkeys(
    "mbox texttt textsf textup textmd textnormal textsubscript path url".split(), "{"
)  # fmt: skip
"""What has its text in the last of its arguments, and which these are."""
_SYMBOLS = {
    "LaTeX": "LaTeX", "LaTeXe": "LaTeX2e", "TeX": "TeX", "BibTeX": "BibTeX", "XeTeX": "XeTeX",
    "pounds": "£", "euro": "€", "EUR": "€", "copyright": "©", "S": "§", "P": "¶", "slash": "/",
    "newline": " ", "linebreak": " ", "par": "\n\n", "today": "…",
}  # fmt: skip
_QUANTITIES = {"SI": "[{[{", "qty": "[{{", "si": "[{", "unit": "[{", "SIrange": "[{{{",
               "qtyrange": "[{{{"}  # fmt: skip
"""Those of siunitx: one or two numbers, then a unit of macros, such as ``\\kilo\\metre``."""
_PREFIX = re.compile(
    r"(?:yocto|zepto|atto|femto|pico|nano|micro|milli|centi|deci|dec?ca|hecto|kilo|mega|giga|tera"
    r"|peta|exa)"
)
_UNITS = {"percent": "%", "degree": "°", "degreeCelsius": "°C", "celsius": "°C"}
_ENVIRONMENTS = {
    "minipage": "[[[{", "multicols": "{[", "multicols*": "{[", "adjustwidth": "{{",
    "spacing": "{", "otherlanguage": "[{", "column": "[{", "columns": "[", "frame": "[",
    "list": "{{", "tcolorbox": "[", "itemize": "[", "enumerate": "[", "description": "[",
} | dict.fromkeys(
    "quote quotation verse center flushleft flushright abstract".split(), ""
)  # fmt: skip
"""Those that hold text, and their arguments, which are no part of it."""
_LEFT_OUT = {
    "table": "table", "table*": "table", "tabular": "table", "tabularx": "table",
    "longtable": "table", "figure": "figure", "figure*": "figure", "tikzpicture": "figure",
    "wrapfigure": "figure", "equation": "formula", "equation*": "formula", "align": "formula",
    "align*": "formula", "eqnarray": "formula", "eqnarray*": "formula", "gather": "formula",
    "gather*": "formula", "multline": "formula", "multline*": "formula", "displaymath": "formula",
    "verbatim": "block of code", "lstlisting": "block of code", "minted": "block of code",
    "algorithm": "block of code", "algorithmic": "block of code", "Shaded": "block of code",
    "thebibliography": "list of references", "comment": "",
}  # fmt: skip
_RAISED = re.compile(r"\ue002([^\ue002\ue003]*)\ue003")
_GROUP = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_DEFINITION = re.compile(
    r"\\(?:(?:new|renew|provide)command\*?|def)\s*(?:\{\s*)?\\([A-Za-z]+)\s*(?:\}\s*)?"
    rf"(?:\[(\d)\]\s*|((?:#\d)+)\s*)?{_GROUP}"
)
_MAX_BODY = 300
_MAX_DEPTH = 5
_MAX_GROWTH = 1 << 20
"""Of macros that are expanded: the characters of one, how deep they are in others, and the
characters of all, which otherwise can grow without end."""
_OTHER_DEFINITION = re.compile(r"^[ \t]*\\def\s*\\\w+[^{\n]*\{.*\}[ \t]*$", re.M)
_UNKNOWN = re.compile(r"\\([A-Za-z]+)\{\}")
"""What prints something, or nobody would end its name."""
_LAYOUT = frozenset("noindent hfill newpage clearpage smallskip medskip bigskip centering".split())
_SEVERAL_CITED = re.compile(r"\\([A-Za-z]*[cC]ite)s(?:\s*\[[^\]]{0,200}\]|\s*\{[^{}]{0,200}\})+")
_HEADING = re.compile(r"\ue000(\d)([^\ue001]*)\ue001")


def read_tex(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a LaTeX document; nothing that it includes is read."""
    source = decode_text(read_bytes(path))
    if body := re.search(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", source, re.S):
        text = body.group(1)
    else:
        text = source
    text = _with_raised(_converter(left_out).latex_to_text(_expanded(text, source)))
    position = 0
    for heading in _HEADING.finditer(text):
        yield from map(Block, text_blocks(text[position : heading.start()]))
        yield Block(" ".join(heading.group(2).split()), level=int(heading.group(1)))
        position = heading.end()
    yield from map(Block, text_blocks(text[position:]))


def _expanded(text: str, source: str) -> str:
    """A text with the macros expanded that the source defines, those within them too."""
    macros: dict[int, dict[str, str]] = {}
    for name, count, parameters, body in _DEFINITION.findall(re.sub(r"(?<!\\)%.*", "", source)):
        if len(body) <= _MAX_BODY and "@" not in body and name not in _OURS:
            macros.setdefault(int(count or len(parameters) // 2), {})[name] = body
    text = _OTHER_DEFINITION.sub("", _DEFINITION.sub("", text))
    left = _MAX_GROWTH

    def body_of(call: re.Match) -> str:
        nonlocal left
        given = call.groups()[1:]
        body = re.sub(
            r"#([1-9])",
            lambda m: given[int(m[1]) - 1] if int(m[1]) <= len(given) else "",
            macros[len(given)][call[1]],
        )
        left -= len(body)
        return body if left > 0 else call[0]

    for _ in range(_MAX_DEPTH):
        before = text
        for count, bodies in macros.items():
            call = rf"\\({'|'.join(bodies)})(?![A-Za-z])" + rf"\s*{_GROUP}" * count
            text = re.sub(call, body_of, text)
        if text == before:
            break
    return text


def _with_raised(text: str) -> str:
    """The text without the marks of notes that are set above the line."""
    pieces: list[str] = []
    position = 0
    for raised in _RAISED.finditer(text):
        pieces.append(text[position : raised.start()])
        pieces.append(raised_text("".join(pieces[-4:])[-12:], raised.group(1)))
        position = raised.end()
    return "".join([*pieces, text[position:]])


def _unit(source: str) -> str:
    """A unit of siunitx, its macros as their names: "kilometre per hour"."""

    def name(macro: re.Match) -> str:
        return _UNITS.get(macro[1], macro[1]) + " " * (not _PREFIX.fullmatch(macro[1]))

    return re.sub(r"\\([A-Za-z]+)\s*", name, re.sub(r"[{}]", "", source)).strip()


def _converter(left_out: LeftOut) -> Any:
    """What turns LaTeX into text, with headings between marks."""
    from pylatexenc import latex2text, latexwalker
    from pylatexenc.macrospec import EnvironmentSpec, MacroSpec

    def heading(level: int, node: Any, l2tobj: Any) -> str:
        return f"\n\n\ue000{level}{last_argument(node, l2tobj)}\ue001\n\n"

    def dropped(name: str, node: Any, l2tobj: Any) -> str:
        if name:
            left_out[name] += 1
        return "…" if name == "formula" else ""

    def last_argument(node: Any, l2tobj: Any) -> str:
        arguments = node.nodeargd.argnlist if node.nodeargd else []
        return l2tobj.nodelist_to_text(arguments[-1:]) if arguments and arguments[-1] else ""

    def raised(node: Any, l2tobj: Any) -> str:
        return f"\ue002{last_argument(node, l2tobj)}\ue003"

    def reference(node: Any, l2tobj: Any) -> str:
        return "…"

    def verbatim(node: Any, l2tobj: Any) -> str:
        return node.nodeargd.verbatim_text if node.nodeargd else ""

    def item(node: Any, l2tobj: Any) -> str:
        return f"\n\n* {last_argument(node, l2tobj)} "

    def quantity(node: Any, l2tobj: Any) -> str:
        if not node.nodeargd:
            return ""
        given = zip(node.nodeargd.argspec, node.nodeargd.argnlist, strict=False)
        *numbers, unit = [argument for kind, argument in given if kind == "{"]
        number = " to ".join(l2tobj.nodelist_to_text([one]) for one in numbers)
        return f"{number} {_unit(unit.latex_verbatim())}".lstrip()

    def block(node: Any, l2tobj: Any) -> str:
        # A group that an environment begins with may be its title.
        text, nodes = "", list(node.nodelist)
        titled = _ENVIRONMENTS.get(node.environmentname) is None or node.environmentname == "frame"
        while titled and nodes and nodes[0].isNodeType(latexwalker.LatexGroupNode):
            text += l2tobj.nodelist_to_text([nodes.pop(0)]) + "\n\n"
        return f"\n\n{text}{l2tobj.nodelist_to_text(nodes)}\n\n"

    shows: dict[str, Any] = {
        **{name: partial(heading, level) for level, name in enumerate(_SECTIONS, 1)},
        **dict.fromkeys([*_DROPPED, *_CITATIONS], partial(dropped, "")),
        **dict.fromkeys(_NOTES, partial(dropped, "note")),
        **{name: partial(dropped, counted) for name, counted in _COUNTED.items()},
        **dict.fromkeys(_TEXT_LAST, last_argument),
        **dict.fromkeys(_REFERENCES, reference),
        **dict.fromkeys(_QUANTITIES, quantity),
        **_SYMBOLS,
        "textsuperscript": raised,
        "verb": verbatim,
        "item": item,
    }
    arguments = {
        **dict.fromkeys(_SECTIONS, "*[{"),
        **dict.fromkeys(_CITATIONS, "*[[{"),
        **dict.fromkeys(_NOTES, "[{"),
        **dict.fromkeys(_SYMBOLS, ""),
        **_TEXT_LAST,
        **_REFERENCES,
        **_QUANTITIES,
        "textsuperscript": "{",
        "subfile": "{",
    }
    parsed = latexwalker.get_default_latex_context_db()
    parsed.add_context_category(
        "ours",
        prepend=True,
        macros=[MacroSpec(name, given) for name, given in arguments.items()],
        environments=[EnvironmentSpec(name, given) for name, given in _ENVIRONMENTS.items()],
    )
    shown = latex2text.get_default_latex_context_db()
    shown.add_context_category(
        "ours",
        prepend=True,
        macros=[latex2text.MacroTextSpec(name, show) for name, show in shows.items()],
        environments=[
            *(latex2text.EnvironmentTextSpec(name, block) for name in _ENVIRONMENTS),
            *(
                latex2text.EnvironmentTextSpec(name, partial(dropped, counted), discard=False)
                for name, counted in _LEFT_OUT.items()
            ),
        ],
    )
    shown.set_unknown_environment_spec(latex2text.EnvironmentTextSpec("", block))
    converter = latex2text.LatexNodes2Text(
        latex_context=shown, math_mode="text", keep_comments=False, strict_latex_spaces=False
    )
    convert = converter.nodelist_to_text

    def unknown(macro: re.Match) -> str:
        known = parsed.get_macro_spec(macro[1]) or shown.get_macro_spec(macro[1])
        if known or macro[1] in _LAYOUT:
            return macro[0]
        left_out["unknown macro"] += 1
        return "…"

    class _Converter:
        def latex_to_text(self, source: str) -> str:
            source = _UNKNOWN.sub(unknown, _SEVERAL_CITED.sub(r"\\\1{}", source))
            walker = latexwalker.LatexWalker(source, latex_context=parsed, tolerant_parsing=True)
            return convert(walker.get_latex_nodes()[0])

    return _Converter()
