"""LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

from pylatexenc import latex2text, latexwalker
from pylatexenc.macrospec import EnvironmentSpec, MacroSpec

from qgen.files.encoding import decode_text, read_bytes
from qgen.files.lines import ends_sentence, text_blocks
from qgen.files.readers.blocks import Block, LeftOut
from qgen.files.readers.marks import NOT_RAISED, POWER, RAISED, keep_brackets, read_raised

_SECTIONS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph",
             "subparagraph", "frametitle")  # fmt: skip
_CITATIONS = (
    "cite citep Citep citealp Citealp citealt Citealt citeyearpar parencite Parencite autocite"
    " Autocite footcite Footcite smartcite supercite nocite"
).split()
_DROPPED = {
    "caption": "*[{", "author": "[{", "title": "[{", "usepackage": "[{", "printbibliography": "[",
    "addbibresource": "[{", "newtheorem": "*{[{[", "newacronym": "[{{{", "captionsetup": "[{",
    "setlist": "[{", "rule": "[{{", "acrodef": "{[{", "DeclareAcronym": "{{",
    "index": "[{", "vspace": "*{", "hspace": "*{", "addcontentsline": "{{{",
} | dict.fromkeys("newcommand renewcommand providecommand".split(), "*{[[{") | dict.fromkeys(
    "fontsize markboth addtocontents setlength addtolength setcounter addtocounter"
    " newglossaryentry".split(), "{{"
) | dict.fromkeys(
    "label bibliography bibliographystyle thanks date glossary pagestyle thispagestyle"
    " pagenumbering markright enlargethispage setstretch linespread stepcounter refstepcounter"
    " hypersetup geometry graphicspath hyphenation lstset phantom hphantom vphantom".split(), "{"
) | dict.fromkeys("maketitle tableofcontents selectfont makeglossaries".split(), "")  # fmt: skip
"""What prints nothing where it stands, or what is no running text; with the arguments."""
_NOTES = ("footnote", "footnotetext", "endnote", "marginpar", "sidenote", "todo", "note")
_COUNTED = {"includegraphics": "picture", "input": "included file", "include": "included file",
            "subfile": "included file"}  # fmt: skip
_REFERENCES = dict.fromkeys("ref cref Cref autoref eqref pageref nameref vref".split(), "{") | (
    dict.fromkeys(
        "citet Citet textcite Textcite citeauthor Citeauthor citeyear citetitle fullcite".split(),
        "*[[{",
    )
)
"""What prints a number, a name or a title that only a run of LaTeX knows; with the arguments."""
_OURS = frozenset(
    [*_SECTIONS, *_CITATIONS, *_DROPPED, *_NOTES, *_COUNTED, *_REFERENCES]
) - {"note"}  # fmt: skip
"""What keeps its meaning where a document changes how it looks; a macro "note" of its own may be
a paragraph of text."""
_TEXT_LAST = {
    "href": "{{", "hyperlink": "{{", "hypertarget": "{{", "textcolor": "[{{", "hyperref": "[{",
    "colorbox": "[{{", "fcolorbox": "[{[{{", "foreignlanguage": "[{{", "makebox": "[[{",
    "framebox": "[[{", "parbox": "[[[{{", "raisebox": "{[[{", "scalebox": "{[{", "rotatebox": "[{{",
    "resizebox": "*{{{", "num": "[{", "operatorname": "*{",
} | dict.fromkeys(
    "mbox texttt textsf textup textmd textnormal textsubscript".split(), "{"
)  # fmt: skip
"""What has its text in the last of its arguments, and which these are."""
_QUOTED = {"enquote": "*{", "textquote": "*[[{", "textcquote": "*[[{{", "blockquote": "*[[{",
           "blockcquote": "*[[{{"}  # fmt: skip
"""Those of csquotes, with their arguments."""
_SYMBOLS = {
    "LaTeX": "LaTeX", "LaTeXe": "LaTeX2e", "TeX": "TeX", "BibTeX": "BibTeX", "XeTeX": "XeTeX",
    "pounds": "£", "euro": "€", "EUR": "€", "copyright": "©", "S": "§", "P": "¶", "slash": "/",
    "degree": "°", "textcelsius": "°C", "celsius": "°C",
    "xspace": " ", "\n": " ", "newline": " ", "linebreak": " ", "par": "\n\n", "today": "…",
    "textless": "<", "textgreater": ">", "textbar": "|", "textunderscore": "_", "textminus": "−",
    "ne": "≠", "lt": "<", "gt": ">", "neg": "¬", "land": "∧", "lor": "∨", "gets": "←", "|": "‖",
    "iff": "⟺", "implies": "⟹", "bot": "⊥", "models": "⊨", "triangle": "△", "colon": ":",
    "bmod": " mod ", ">": " ", "enspace": " ", "thinspace": " ",
    "lbrack": "[", "rbrack": "]",
} | {
    name: name for name in "cot sec csc lg det dim ker gcd Pr arg deg hom Re Im".split()
}  # fmt: skip
_GROUP = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_FRACTIONS = {"frac": "{{", "dfrac": "{{", "tfrac": "{{", "cfrac": "[{{", "nicefrac": "[{{",
              "sfrac": "[{{"}  # fmt: skip
_QUANTITIES = {"SI": "[{[{", "qty": "[{{", "si": "[{", "unit": "[{", "SIrange": "[{{{",
               "qtyrange": "[{{{"}  # fmt: skip
"""Those of siunitx: one or two numbers, then a unit of macros, such as ``\\kilo\\metre``."""
_PREFIX = re.compile(
    r"(?:yocto|zepto|atto|femto|pico|nano|micro|milli|centi|deci|dec?ca|hecto|kilo|mega|giga|tera"
    r"|peta|exa)"
)
_QUANTITY = re.compile(
    rf"\\(?:{'|'.join(_QUANTITIES)})(?![A-Za-z])(?:\s*(?:\[[^\[\]]{{0,200}}\]|{_GROUP}))+"
)
_UNIT_POWER = re.compile(r"(?:\^|\\qgenpower)\s*(?:\{([^{}]*)\}|([^\s{}\\]))")
"""As it is written, and as a formula has it."""
_UNITS = {"percent": "%", "degree": "°", "degreeCelsius": "°C", "celsius": "°C"}
_ENVIRONMENTS = {
    "minipage": "[[[{", "multicols": "{[", "multicols*": "{[", "adjustwidth": "{{",
    "spacing": "{", "otherlanguage": "[{", "column": "[{", "columns": "[", "frame": "[",
    "list": "{{", "tcolorbox": "[", "displayquote": "[[", "itemize": "[",
    "enumerate": "[", "description": "[",
} | dict.fromkeys(
    "quote quotation verse center flushleft flushright abstract".split(), ""
)  # fmt: skip
"""Those that hold text, and their arguments, which are no part of it."""
_LEFT_OUT = {
    "table": "table", "table*": "table", "tabular": "table", "tabularx": "table",
    "longtable": "table", "figure": "figure", "figure*": "figure", "tikzpicture": "figure",
    "wrapfigure": "figure", "equation": "formula", "equation*": "formula", "align": "formula",
    "align*": "formula", "eqnarray": "formula", "eqnarray*": "formula", "gather": "formula",
    "flalign": "formula", "flalign*": "formula", "alignat": "formula", "alignat*": "formula",
    "IEEEeqnarray": "formula", "IEEEeqnarray*": "formula", "subequations": "formula",
    "tabular*": "table", "tblr": "table", "longtblr": "table", "wraptable": "table",
    "sidewaystable": "table", "sidewaysfigure": "figure", "Verbatim": "block of code",
    "gather*": "formula", "multline": "formula", "multline*": "formula", "displaymath": "formula",
    "math": "formula",
    "verbatim": "block of code", "lstlisting": "block of code", "minted": "block of code",
    "algorithm": "block of code", "algorithmic": "block of code", "Shaded": "block of code",
    "thebibliography": "list of references", "comment": "",
}  # fmt: skip
_QUOTATIONS = {"quote", "quotation", "verse", "displayquote"}
_QUOTE = "\ue004"
"""Where one begins or ends."""
_DECLARED = re.compile(
    r"\{\s*\\(?:bf|it|em|sc|tt|rm|sf|sl|\w+(?:series|shape|family)|tiny|\w*small|\w+size|large|Large"
    r"|LARGE|huge|Huge|color)(?![A-Za-z])"
)
"""A group that a declaration of how it looks begins."""
_GOES_ON = re.compile(r"[ \t]*[^\sA-Z\\{%]")
_DEFINITION = re.compile(
    r"\\(?:(?:new|renew|provide)command\*?|DeclareMathOperator\*?|def)\s*(?:\{\s*)?"
    r"\\([A-Za-z]+)\s*(?:\}\s*)?"
    rf"(?:\[(\d)\]\s*(?:\[([^\]]{{0,300}})\]\s*)?|((?:#\d)+)\s*)?{_GROUP}"
)
_MAX_BODY = 300
_MAX_DEPTH = 5
_MAX_GROWTH = 1 << 20
"""Of macros that are expanded: the characters of one, how deep they are in others, and the
characters of all, which otherwise can grow without end."""
_OTHER_DEFINITION = re.compile(r"^[ \t]*\\def\s*\\\w++[^{\n]*+\{.*\}[ \t]*$", re.M)
_CONDITIONAL = re.compile(
    # What has neither: a comment, an address, what is printed as it stands, a condition's name.
    r"\\[\\%]|%[^\n]*|\\(?:url|href|path|nolinkurl)\s*(?:\[[^\[\]\n]*\]\s*)?\{[^{}\n]*\}"
    r"|\\(?:verb(?![A-Za-z])|lstinline)\*?([^A-Za-z\s*{])[^\n]*?\1"
    r"|\\begin\s*\{([vV]erbatim|lstlisting|minted|comment)\}.*?(?:\\end\s*\{\2\}|\Z)"
    r"|\\(?:let\s*\\[A-Za-z@]+\s*=?|newif)\s*\\[A-Za-z@]+"
    r"|\\(?P<name>if[A-Za-z@]*|else|fi)(?![A-Za-z@])",
    re.S,
)
_IFS = frozenset(
    "if ifcat ifnum ifdim ifodd ifvmode ifhmode ifmmode ifinner ifvoid ifhbox ifvbox ifx ifeof"
    " iftrue iffalse ifcase ifdefined ifcsname ifpdf ifxetex ifluatex iftutex".split()
)
"""Conditions that end with "\\fi", TeX's and iftex's; those of other packages have arguments."""
_NEW_IF = re.compile(r"\\newif\s*\\(if[A-Za-z@]+)")
_SHOWN_ON = re.compile(  # of Beamer: on which slides something is shown
    r"(\\(?:item|only|onslide|uncover|visible|invisible|alert|pause|begin\{\w+\}))"
    r"\s*<(?![a-z]+\d*>)(?=[^<>\d+]{0,80}[\d+])[\d,|+.:a-z@ -]{1,80}>"
)
_ABBREVIATION = re.compile(
    r"\\(?:newacronym\s*(?:\[[^\]]{0,200}\])?\s*\{([^{}]+)\}\s*\{([^{}]+)\}"
    r"|acro(?:def)?\s*\{([^{}]+)\}\s*(?:\[([^\[\]]+)\])?"
    r"|newglossaryentry\s*\{([^{}]+)\}\s*\{[^{}]{0,200}?name\s*=\s*(?:\{([^{}]+)\}|([^{},]+)))"
)
"""What an abbreviation or a term is called, and how it is printed."""
_ENTRY = re.compile(rf"\\acro\s*\{{[^{{}}]*\}}\s*(?:\[[^\[\]]*\]\s*)?{_GROUP}")
"""Of a list of abbreviations; with less behind it, the macro is a document's own."""
_ABBREVIATED = re.compile(
    r"\\(?:[gG]ls(?:pl|xtrshort|entryshort|entrytext)?|[aA]c(?:p|s|f|sp)?|acr(?:short|full))\*?"
    r"\s*\{([^{}]+)\}"
)
_XSPACE = re.compile(r"\\xspace(?![A-Za-z])(?:\{\})?(?=[\s.,;:!?'’)\]}~/-])")
"""The space that is there already, or must not be."""
_UNKNOWN = re.compile(r"\\([A-Za-z]+)\{\}")
"""What prints something, or nobody would end its name."""
_HARMLESS = frozenset(
    "noindent hfill newpage clearpage smallskip medskip bigskip centering begin end left right"
    " middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm biggm Biggm"
    " displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits mathop mathrel mathbin"
    " mathord mathopen mathclose mathpunct mathstrut strut rm bf it sf tt cal boldsymbol bm pmb"
    " mathnormal mathds mathbbm boxed smash hbox nonumber notag ce ( ) /".split()
)
"""What a formula may have though the library does not know it: what stands in it, or behind it, is
shown, and nothing is lost with the rest."""
_MATRICES = frozenset("pmatrix bmatrix smallmatrix psmallmatrix bsmallmatrix".split())
_NO_LINE = frozenset(
    "underbrace overbrace underbracket overbracket undergroup overgroup overline underline widehat"
    " widetilde overrightarrow overleftarrow st".split()
)
"""What the library shows as if nothing were written over or under it; and what in a formula is a
document's own "such that"."""
_CHEMISTRY = re.compile(r"\^\d+[-+]|>\[")
"""What mhchem reads otherwise: a charge without braces, a reaction's conditions."""
_ACCENTS = frozenset("hat bar tilde vec dot ddot check acute grave breve mathring".split())
_ONE_LETTER = re.compile(r"\s*\S?[\u0300-\u036f\u20d0-\u20ff]*\s*")
_SEVERAL_CITED = re.compile(r"\\([A-Za-z]*[cC]ite)s(?:\s*\[[^\]]{0,200}\]|\s*\{[^{}]{0,200}\})+")
_ADDRESS = re.compile(r"\\(?:url|href|path|nolinkurl)\s*(?:\[[^\[\]\n]*\]\s*)?\{[^{}\n]*\}")
_SMALL_SIGN = re.compile(r"\^\s*(\{?)\s*((?:\\(?:circ|prime)(?![A-Za-z])\s*)+)")
"""What is raised by itself: "^\\circ" and "^{\\circ}"."""
_PRIMES = re.compile(rf"\\(?:text[a-z]*|[mh]box)\s*{_GROUP}|(?<!\\)'+")
"""And text in a formula, in which they are quotation marks."""
_SCRIPT = re.compile(
    rf"(?<!\\)([\^_])\s*(?:{_GROUP}"
    # A macro with its arguments: "\mathrm{T}", "\frac{1}{2}" and "\frac12".
    r"|(\\[a-z]?frac\s*\d\s*\d|\\[A-Za-z]+(?:\{[^{}]*\})*|[^\s{}\\$&~%]))"
)
_UP = re.compile(rf"{RAISED}[^{RAISED}{NOT_RAISED}]*{NOT_RAISED}")
_INNER = re.compile(rf"\([^()]*\)|{_UP.pattern}")
_ONE = re.compile(
    r"\d[\d.,]*[!%]?\^?|[√∛∜]?#!?(?:\^#?)?|\|[^|]*\||‖[^‖]*‖|\S"
    # A name with its index, power and argument.
    r"|[^\W\d_][\w\u0300-\u036f\u20d0-\u20ff′″‴]*(?:(?<=_)#)?\^?#?!?\^?"
)
"""What nothing else is below a fraction's line for, once "#" and "^" are what is enclosed and what
is raised in it."""
_FRACTION = "\ue005"
"""Where one begins or ends."""
_BESIDE = re.compile(rf"(?<=[\w)\]!{NOT_RAISED}]){_FRACTION}+(?=[\w(\[√∛∜∫∑∏∂{{])")
"""Where another thing would be taken for a part of it."""
_SEVERAL = re.compile(r"\S\s*[-+−±=<>≤≥≠/·×*,→∈|]|\S\s+\S")
"""What is more than one number or variable, once what is enclosed or raised in it is taken out."""
_HEADING = re.compile(r"\ue000(\d)([^\ue001]*)\ue001")


def read_tex(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a LaTeX document; nothing that it includes is read."""
    source = decode_text(read_bytes(path))
    if body := re.search(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", source, re.S):
        text = body.group(1)
    else:
        text = source
    text = _with_abbreviations(text, source)
    text = _SHOWN_ON.sub(r"\1", _without_false(text, source))
    text = _ENTRY.sub("", _expanded(text, source))
    text = _with_quotations(read_raised(_Converter(left_out).text_of(text)))
    position = 0
    for heading in _HEADING.finditer(text):
        yield from map(Block, text_blocks(text[position : heading.start()]))
        yield Block(" ".join(heading.group(2).split()), level=int(heading.group(1)))
        position = heading.end()
    yield from map(Block, text_blocks(text[position:]))


def _with_abbreviations(text: str, source: str) -> str:
    """A text with the abbreviations and terms of its glossary in place of what they are called."""
    names: dict[str, str] = {}
    for found in _ABBREVIATION.finditer(source):
        name, *printed = filter(None, found.groups())
        names[name] = printed[0] if printed else name
    return _ABBREVIATED.sub(lambda m: names.get(m[1], m[0]), text)


def _without_false(text: str, source: str) -> str:
    """A text without what stands between "\\iffalse" and its "\\else" or "\\fi"."""
    if "\\iffalse" not in text:
        return text
    conditions = _IFS.union(_NEW_IF.findall(source))
    kept: list[str] = []
    depth = 0  # within one that is false, of those in its first part
    printed = [False]  # of those round this place: whether it is the second part of a false one
    position = 0
    for found in _CONDITIONAL.finditer(text):
        name = found["name"]
        if depth:
            depth += (name in conditions) - (name == "fi")
            is_else = name == "else" and depth == 1
            if depth == 0 or is_else:
                position = found.end()
                printed += [True] * is_else
                depth = 0
        elif name == "iffalse":
            kept.append(text[position : found.start()])
            position = found.start()  # without an end, it is text
            depth = 1
        elif name in conditions:
            printed.append(False)
        elif name == "fi" and len(printed) > 1 and printed.pop():
            kept.append(text[position : found.start()])
            position = found.end()
    return "".join([*kept, text[position:]])


def formula_text(formula: str, left_out: LeftOut) -> str:
    """What a formula in a line shows, such as "E = mc²" for ``E = mc^2``; for one that is not
    whole, or has what no line can show, a mark, which is counted."""
    shown, counted = "%s", LeftOut()
    if _is_whole(formula):
        with suppress(Exception):  # of a library that did not expect it, or it nests too deep
            shown = " ".join(read_raised(_Converter(counted).text_of(f"${formula}$")).split())
    # What the library prints where arguments are missing; the second is the formula's end.
    missing = ("%s" in shown and r"\%" not in formula) or shown.count("$") > formula.count(r"\$")
    left_out.update({"formula": 1} if missing else counted)
    return "…" if missing else shown


def _is_whole(formula: str) -> bool:
    """Whether a formula's braces, and the brackets of its macros' arguments, come in pairs, and it
    has nothing that ends it."""
    if re.search(r"(?<!\\)(?:\\\\)*[%$]", formula):
        return False
    open_: list[str] = []
    for found in re.finditer(r"\\([A-Za-z]+|.)\s*(\[?)|[{}\]]", formula, re.S):
        name, bracket = found.groups()
        if name:
            if bracket and "[" in _arguments_of(name):
                open_.append("[")
        elif found[0] == "{":
            open_.append("{")
        elif found[0] == "}":
            if not open_ or open_.pop() != "{":
                return False
        elif open_[-1:] == ["["]:
            open_.pop()
    return not open_


def _arguments_of(name: str) -> str:
    spec = _PARSED.get_macro_spec(name)
    return getattr(spec and spec.args_parser, "argspec", None) or ""


def _expanded(text: str, source: str) -> str:
    """A text with the macros expanded that the source defines, those within them too."""
    # By how many arguments they have, and whether the first is optional: what it then is.
    macros: dict[tuple[int, bool], dict[str, tuple[str, str | None]]] = {}
    for definition in _DEFINITION.finditer(re.sub(r"(?<!\\)%.*", "", source)):
        name, count, default, parameters, body = definition.groups()
        if len(body) <= _MAX_BODY and "@" not in body and name not in _OURS:
            kind = int(count or len(parameters or "") // 2), default is not None
            macros.setdefault(kind, {})[name] = (body, default)
    text = _OTHER_DEFINITION.sub("", _DEFINITION.sub("", text))
    left = _MAX_GROWTH

    def body_of(bodies: dict[str, tuple[str, str | None]], call: re.Match) -> str:
        nonlocal left
        body, default = bodies[call[1]]
        given = [default or "" if one is None else one for one in call.groups()[1:]]
        body = re.sub(
            r"#([1-9])", lambda m: given[int(m[1]) - 1] if int(m[1]) <= len(given) else "", body
        )
        left -= len(body)
        return body if left > 0 else call[0]

    for _ in range(_MAX_DEPTH):
        before = text
        for (count, optional), bodies in macros.items():
            call = rf"\\({'|'.join(bodies)})(?![A-Za-z])"
            call += r"(?:\s*\[([^\]]{0,300})\])?" * optional
            call += rf"\s*{_GROUP}" * (count - optional)
            text = re.sub(call, partial(body_of, bodies), text)
        if text == before:
            break
    return _XSPACE.sub("", text)


def _prepared(formula: str) -> str:
    """A formula with what is raised or lowered in it as macros' arguments: exponents, indices, and
    marks of notes where it begins with one, such as "$^1$"; and with its primes and degrees as
    characters."""
    formula = re.sub(r"\\(?:left|right)\s*\.", "", formula)
    formula = _SMALL_SIGN.sub(
        lambda m: m[1] + "".join(m[2].replace(r"\circ", "°").replace(r"\prime", "'").split()),
        formula,
    )
    formula = _PRIMES.sub(
        lambda m: m[0] if m[0][0] == "\\" else "′″‴⁗"[len(m[0]) - 1 : len(m[0])] or m[0], formula
    )
    formula = re.sub(
        rf"^([$\\(\[]+\s*(?:\{{\}})?\s*)(?=\^){_SCRIPT.pattern}",
        r"\1\\textsuperscript{\3\4}",
        formula,
    )
    names = {"^": "qgenpower", "_": "qgenindex"}
    for _ in range(_MAX_DEPTH):
        formula = _SCRIPT.sub(lambda m: rf"\{names[m[1]]}{{{m[2] or ''}{m[3] or ''}}}", formula)
    return formula


def _with_quotations(text: str) -> str:
    """The text with its quotations as paragraphs, but those within a sentence as part of it."""
    pieces = text.split(_QUOTE)
    joined = pieces[:1]
    for before, after in pairwise(pieces):
        apart = ends_sentence(before.rstrip()) and not after.lstrip()[:1].islower()
        joined += ["\n\n" if apart else " ", after]
    return "".join(joined)


def _unit(source: str) -> str:
    """A unit of siunitx, its macros as their names: "kilometre per hour"."""

    def name(macro: re.Match) -> str:
        return _UNITS.get(macro[1], macro[1]) + " " * (not _PREFIX.fullmatch(macro[1]))

    source = _UNIT_POWER.sub(rf"{RAISED}{POWER}\1\2{NOT_RAISED}", source)
    source = re.sub(r"\\([%&#$_])|[{}]", r"\1", source.replace(r"\qgenindex", "_"))
    source = re.sub(r"~|\\[,;:!]", " ", source)
    return re.sub(r"\\([A-Za-z]+)\s*", name, source).strip()


def _heading(level: int, node: Any, l2tobj: _Converter) -> str:
    return f"\n\n\ue000{level}{_last_argument(node, l2tobj)}\ue001\n\n"


def _dropped(name: str, node: Any, l2tobj: _Converter) -> str:
    if name:
        l2tobj.left_out[name] += 1
    return "…" if name == "formula" else ""


def _given(node: Any, l2tobj: _Converter) -> list[str]:
    """The texts of a macro's arguments, an optional one that is missing as an empty one.

    Raises:
        KeyError: one is missing.
    """
    given = (node.nodeargd and node.nodeargd.argnlist) or []
    kinds = _arguments_of(node.macroname)
    if [kind for kind, one in zip_longest(kinds, given) if kind == "{" and not one]:
        raise KeyError(node.macroname)
    return [l2tobj.nodelist_to_text([one]) if one else "" for one in given]


def _last_of(node: Any) -> Any:
    arguments = node.nodeargd.argnlist if node.nodeargd else []
    return arguments[-1] if arguments else None


def _last_argument(node: Any, l2tobj: _Converter) -> str:
    last = _last_of(node)
    return l2tobj.nodelist_to_text([last]) if last else ""


def _source_of_argument(node: Any) -> str:
    last = _last_of(node)
    return last.latex_verbatim().removeprefix("{").removesuffix("}") if last else ""


def _raised(mark: str, node: Any, l2tobj: _Converter) -> str:
    return f"{mark}{_last_argument(node, l2tobj)}{NOT_RAISED}"


def _as_one(text: str) -> str:
    """A part of a formula, in parentheses unless it holds together in a line."""
    return f"({text})" if _SEVERAL.search(_INNER.sub("", text)) else text


def _fraction(node: Any, l2tobj: _Converter) -> str:
    *_, above, below = _given(node, l2tobj)
    outline = below
    for _ in range(_MAX_DEPTH):
        outline = re.sub(r"\([^()]*\)", "#", _UP.sub("^", outline))
    below = below if _ONE.fullmatch(outline) else f"({below})"
    return f"{_FRACTION}{_as_one(above)}/{below}{_FRACTION}"


def _root(node: Any, l2tobj: _Converter) -> str:
    degree, of = _given(node, l2tobj)
    sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree)
    # "2⁵√(x)" would be something else.
    return f"{sign}({of})" if sign else f"({of})^(1/{_as_one(degree)})"


def _index(node: Any, l2tobj: _Converter) -> str:
    index = _last_argument(node, l2tobj)
    return f"_({index})" if RAISED in index else f"_{_as_one(index)}"


def _angle(node: Any, l2tobj: _Converter) -> str:
    parts = zip(_last_argument(node, l2tobj).split(";"), "°′″", strict=False)
    return "".join(f"{number}{sign}" for number, sign in parts if number)


def _quoted(node: Any, l2tobj: _Converter) -> str:
    return f"“{_last_argument(node, l2tobj)}”"


def _address(node: Any) -> str:
    return re.sub(r"\\([%#&_])", r"\1", _source_of_argument(node))


def _formula(node: Any, l2tobj: _Converter) -> str:
    return l2tobj.nodelist_to_text(_nodes_of(f"${_source_of_argument(node)}$"))


def _verbatim(node: Any) -> str:
    return node.nodeargd.verbatim_text if node.nodeargd else ""


def _item(node: Any, l2tobj: _Converter) -> str:
    return f"\n\n* {_last_argument(node, l2tobj)} "


def _quantity(node: Any, l2tobj: _Converter) -> str:
    if not node.nodeargd:
        return ""
    given = zip(node.nodeargd.argspec, node.nodeargd.argnlist, strict=False)
    *numbers, unit = [argument for kind, argument in given if kind == "{"]
    number = " to ".join(l2tobj.nodelist_to_text([one]) for one in numbers)
    return f"{number} {_unit(unit.latex_verbatim())}".lstrip()


def _block(node: Any, l2tobj: _Converter) -> str:
    # A group that an environment begins with may be its title, unless a sentence begins so.
    text, nodes = "", list(node.nodelist)
    titled = _ENVIRONMENTS.get(node.environmentname) is None or node.environmentname == "frame"
    while titled and nodes and nodes[0].isNodeType(latexwalker.LatexGroupNode):
        follows = nodes[1].latex_verbatim() if len(nodes) > 1 else ""
        if _DECLARED.match(nodes[0].latex_verbatim()) or _GOES_ON.match(follows):
            break
        text += l2tobj.nodelist_to_text([nodes.pop(0)]) + "\n\n"
    return f"\n\n{text}{l2tobj.nodelist_to_text(nodes)}\n\n"


def _quotation(node: Any, l2tobj: _Converter) -> str:
    return f"{_QUOTE}{l2tobj.nodelist_to_text(node.nodelist)}{_QUOTE}"


_MACROS: list[tuple[dict[str, str], Any]] = [
    *(({name: "*[{"}, partial(_heading, level)) for level, name in enumerate(_SECTIONS, 1)),
    *(({name: ""}, symbol) for name, symbol in _SYMBOLS.items()),
    (_DROPPED | dict.fromkeys(_CITATIONS, "*[[{"), partial(_dropped, "")),
    (dict.fromkeys(_NOTES, "[{"), partial(_dropped, "note")),
    (dict.fromkeys(("sout", "xout", "st"), "{"), partial(_dropped, "deletion")),
    (_TEXT_LAST, _last_argument),
    (_QUOTED, _quoted),
    (_REFERENCES, "…"),
    (_QUANTITIES, _quantity),
    (dict.fromkeys(("url", "path", "nolinkurl"), "{"), _address),
    (_FRACTIONS, _fraction),
    (dict.fromkeys(("binom", "dbinom", "tbinom"), "{{"), "(%s choose %s)"),
    ({"sqrt": "[{"}, _root),
    ({"pmod": "{"}, " (mod %s)"),
    ({"ang": "[{"}, _angle),
    ({"numrange": "[{{"}, "%(2)s to %(3)s"),
    ({"textsuperscript": "{"}, partial(_raised, RAISED)),
    ({"qgenpower": "{"}, partial(_raised, RAISED + POWER)),
    ({"qgenindex": "{"}, _index),
    ({"ensuremath": "{"}, _formula),
    ({"subfile": "{"}, ""),  # shown as those that are counted
]
"""Macros with their arguments, and what they print."""
_SHOWS = {
    **{name: show for macros, show in _MACROS for name in macros},
    **{name: partial(_dropped, counted) for name, counted in _COUNTED.items()},
    "verb": _verbatim,
    "item": _item,
}
"""These, and others whose arguments the library knows."""
_PARSED = latexwalker.get_default_latex_context_db()
_PARSED.add_context_category(
    "ours",
    prepend=True,
    macros=[MacroSpec(name, given) for macros, _ in _MACROS for name, given in macros.items()],
    environments=[EnvironmentSpec(name, given) for name, given in _ENVIRONMENTS.items()],
)
_SHOWN = latex2text.get_default_latex_context_db()
_SHOWN.add_context_category(
    "ours",
    prepend=True,
    macros=[latex2text.MacroTextSpec(name, show) for name, show in _SHOWS.items()],
    environments=[
        *(
            latex2text.EnvironmentTextSpec(name, _quotation if name in _QUOTATIONS else _block)
            for name in _ENVIRONMENTS
        ),
        *(
            latex2text.EnvironmentTextSpec(name, partial(_dropped, counted), discard=False)
            for name, counted in _LEFT_OUT.items()
        ),
    ],
)
_SHOWN.set_unknown_environment_spec(latex2text.EnvironmentTextSpec("", _block))


def _nodes_of(source: str) -> list[Any]:
    walker = latexwalker.LatexWalker(source, latex_context=_PARSED, tolerant_parsing=True)
    return walker.get_latex_nodes()[0]


def _is_known(macro: str) -> bool:
    return bool(macro in _HARMLESS or (_SHOWN.get_macro_spec(macro) and macro not in _NO_LINE))


class _Converter(latex2text.LatexNodes2Text):
    """The library's, with headings between marks, the exponents of formulas, and counts."""

    def __init__(self, left_out: LeftOut):
        super().__init__(
            latex_context=_SHOWN, math_mode="text", keep_comments=False, strict_latex_spaces=False
        )
        self.left_out = left_out

    def text_of(self, source: str) -> str:
        # In an address a percent sign begins no comment.
        source = _ADDRESS.sub(lambda m: re.sub(r"(?<!\\)%", r"\\%", m[0]), source)
        source = _UNKNOWN.sub(self._unknown, _SEVERAL_CITED.sub(r"\\\1{}", source))
        return _BESIDE.sub(" ", self.nodelist_to_text(_nodes_of(source))).replace(_FRACTION, "")

    def _unknown(self, macro: re.Match) -> str:
        if _is_known(macro[1]) or _PARSED.get_macro_spec(macro[1]):
            return macro[0]
        self.left_out["unknown macro"] += 1
        return "…"

    def macro_node_to_text(self, node: Any) -> str:
        try:
            if node.macroname in _ACCENTS and not _ONE_LETTER.fullmatch(_last_argument(node, self)):
                return _dropped("formula", node, self)
            return super().macro_node_to_text(node)
        except KeyError:  # an argument is missing that the library counts on
            return _dropped("formula", node, self)

    def math_node_to_text(self, node: Any) -> str:
        source = node.latex_verbatim()
        macros = re.findall(r"\\([A-Za-z]+|.)", _QUANTITY.sub("", source), re.S)
        environments = re.findall(r"\\begin\s*\{([^{}]*)\}", source)
        known = all(map(_is_known, macros)) and _MATRICES.issuperset(environments)
        known = known and not ("ce" in macros and _CHEMISTRY.search(source))
        if not known or getattr(node, "displaytype", "") == "display":
            return _dropped("formula", node, self)
        inner = _nodes_of(_prepared(source))
        same = len(inner) == 1 and type(inner[0]) is type(node)
        return keep_brackets(super().math_node_to_text(inner[0] if same else node))
