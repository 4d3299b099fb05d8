"""Markdown, in CommonMark and the dialects of Jekyll, kramdown, Pandoc and MyST, and notebooks."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from markdown_it import MarkdownIt

from qgen.errors import QGenError
from qgen.files.encoding import decode_text, read_bytes
from qgen.files.readers.blocks import Block, LeftOut
from qgen.files.readers.html import html_blocks, is_formula
from qgen.files.readers.tex import formula_text

_FRONT_MATTER = re.compile(
    # Begun by a key, and nothing but keys, comments and what is set in; else the line is a rule.
    r"\A\ufeff?(?:---[ \t]*\r?\n(?=(?:[ \t]*\r?\n|#[^\n]*\n)*+[^\s#:-])"
    r"(?>(?:[ \t#-][^\n]*|[^\s#:-][^\n:]{0,60}:(?:[ \t][^\n]*)?|)\r?\n)+?(?:---|\.\.\.)"
    r"|\+\+\+[ \t]*\r?\n.*?\r?\n\+\+\+)[ \t]*\r?\n",
    re.S,
)
_NOT_TEXT = re.compile(
    r"\{::?[^}\n]*\}"  # kramdown's attribute lists and options: {: .name}, {:toc}
    r"|(?<=[\])*_\w\"\ufdd8])[ \t]?\{[#.][\w-][^}\n]*\}"  # Pandoc's: [text]{.smallcaps}
    r"|[ \t]+\{[#.][\w-][^}\n]*\}(?=[ \t]*$)"  # behind a heading
    # And a picture's: {width="5in" height="3in"}, {width=50%}.
    r"|(?<=\))\{(?:[\w-]+=\"[^\"{}]*\"\s*|(?:width|height)=[\w.%]+\s*)++\}"
    # Liquid's and Hugo's tags; a search ends where another begins, so that it is no long one.
    r"|\{%(?:[^%{\n]|%(?!\})|\{(?!%))*+%\}"
    # And what Handlebars prints nothing for.
    r"|\{\{(?:[<%#/!^]|else\b)(?:[^{}\n]|\{(?!\{)|\}(?!\}))*+\}\}"
    r"|!\[\[[^\]\n]*\]\]|%%[^%\n]*%%|[ \t]\^[\w-]+[ \t]*$"  # Obsidian's files, comments, names
    r"|(?<=^> )\[!\w+\][+-]?[ \t]*"  # the kind of a call-out
    r"|(?:(?<=^[-*+] )|(?<=^\d[.)] ))\[[ xX]\][ \t]+"  # the box of a task
    r"|^:{3,}.*$(?:\n:[\w-]+:.*$)*"  # fences of Pandoc's divs, and of MyST's, with their options
    r"|^</?aside>[ \t]*\r?$"  # Notion's call-outs
    r"|^\[(?:TOC|\[_TOC_\])\][ \t]*$"
    r"|^%{3,}.*$",
    re.M,
)
_FILLED_IN = re.compile(
    r"(\{)?\{\{(?![<%#/!^{]|else\b)(?:[^{}\n]|\{(?!\{)|\}(?!\}))*+\}\}(?(1)\}|)"
)
"""What Liquid and Jinja print, which only a run of them knows."""
_FIELD = "\ufdd9"
"""Its place, until it is known which of them are in the text; no text has it."""
_CALL_OUT_SIGN = re.compile(
    r"(^<aside>[ \t]*\r?\n)[^\w\s!-~\xa1-\xbf\u2010-\u205e\u20a0-\u20cf]{1,12}(?=\s)[ \t]*", re.M
)
"""Of Notion: symbols by themselves, no quotation marks, currencies or signs of Markdown."""
_FOOTNOTE = re.compile(
    r"^ {0,3}\[\^[^\]\n]+\]:.*\n?(?:(?:[ \t]+\S.*|[ \t]*)\n?(?=[ \t]|\Z|\n))*", re.M
)
_INLINE_NOTE = re.compile(
    r"(?<=[\w.,;:!?)\"'”’*])\^\[(?:[^\[\]\n]|\n(?![ \t]*\n)|\[[^\[\]\n]*\])*\]"
)
"""Pandoc's, which may have links in it."""

_RAISED = re.compile(r"(?<=[^\s^\[\\])\^([^\s^\[\]]{1,12})\^(?!\^)")
"""Pandoc's "21^st^"; the mark of a note is in brackets."""
_LOWERED = re.compile(r"(?<=[^\W_])~([^\s~]{1,12})~(?!~)")

_LINK = re.compile(r"\[\[(?:[^\[\]|\n]*\|)?([^\[\]|\n]+)\]\](?!\()")
"""A wiki's and Obsidian's: [[page]], [[page|text]]."""
_MARKED = re.compile(r"(?<![=\w])==([^=\s][^=\n]*)==(?![=\w])")
_DEFINITION = re.compile(r"\n:[ \t]+(?=\S)")

_ADMONITION = re.compile(
    r"^(?:!!!|\?\?\?\+?|===(?= *\"))[ \t]+[\w\"][^\n]*\n"
    r"((?:(?: {4}|\t)[^\n]*(?:\n|\Z)|[ \t\r]*\n)+)",
    re.M,
)
"""Of Python-Markdown, as MkDocs has them: a line that begins it, and a text that is set in."""
_DIRECTIVE = re.compile(
    r"\{(?:note|tip|hint|important|warning|caution|attention|danger|error|seealso"
    r"|admonition|dropdown|epigraph|exercise|prf:\w+)\}"
)
"""Those of MyST that hold text; it is fenced as code is."""
_FENCE = re.compile(r" {0,3}(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(`{3,}(?=[^`]*\Z)|~{3,})(.*)")
_OPTION = re.compile(r"[ \t]*:[\w-]+:")
_CITED = re.compile(r"\[(?P<before>[^\[\]@]{0,80}[\s;-])?-?@[\w{][^\[\]]{0,300}\](?![(\[:])")
"""Pandoc's: [@key, p. 3; @other]; in parentheses as it is printed."""
_CITES = re.compile(
    r"[\s-]*(?:\Z|(?:but |and )?(?:see|cf|e\.g|compare|also|following"
    r"|(?:as )?(?:cited|quoted|reviewed) in)\b)",
    re.I,
)
"""What tells a citation from a word to somebody, such as "[by @nasa]"."""
_NAMED = re.compile(
    r"(?<![\w@/`.])@(?:[A-Za-z][\w:-]*\d\d[a-z]?\b|(?:fig|tbl|tab|eq|sec|lst|thm)[-:][\w:-]*\w)"
    r"(?: \[[^\[\]\n]{0,80}\])?"
)
"""Of works with a year in the key, of figures and the like: "@doe99 says", "see @fig-one"."""
_FORMULA = re.compile(
    r"(?P<code>^[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(?P<fence>`{3,}+|~{3,}+)"
    r"[^`\n]*\n(?:.{0,20000}?\n)??[ \t>]*(?P=fence)"
    r"|(?<!`)(?P<ticks>`+)(?!`)(?:[^\n]|\n(?![ \t\r]*\n)){1,20000}?(?<!`)(?P=ticks)(?!`))"
    r"|\{(?P<role>[a-z]+(?::[a-z]+)?)\}`(?P<of>[^`\n]+)`"
    # By itself on its line, or in a paragraph.
    r"|(?P<begins>^[ \t>]*)\$\$(?:[ \t]*\r?\n[^$]{0,5000}\n[ \t>]*"
    r"|(?:[^$\n]|\n(?![ \t\r]*\n)){1,5000})\$\$(?=[ \t]*(?:[({][^\n]*)?\r?$)"
    r"|(?<![\\$])\$\$(?P<display>(?:[^$\n]|\n(?![ \t\r]*\n)){1,5000})\$\$"
    r"|^[ \t]*\\\[(?P<brackets>(?:[^\\]|\\[^\[\]]){1,5000})\\\][ \t]*\r?$"
    r"|\\begin\{(?P<kind>(?:equation|align|gather|multline|eqnarray)\*?)\}"
    r".{0,5000}?\\end\{(?P=kind)\}"
    r"|\\\((?P<inline>(?:[^\\\n]|\\[^()\n]){1,300}?)\\\)"
    # As Pandoc tells it from prices.
    r"|(?<![\w$\\])\$(?P<dollars>(?=[^\s$])(?:[^$\\\n]|\\.|\n(?![ \t]*\n)){1,300}?(?<!\s))\$"
    r"(?![\w$])",
    re.M | re.S,
)
"""TeX's formulas, displayed or in a line, MyST's roles, and code, in which there are none."""
_NO_TEXT = re.compile(r"(?:foot)?cite:(?:c?ts?|authors?|years?)|ref|numref|eq|doc")
"""Roles that show what only MyST's programs know."""
_PLACE = "\ufdd6"
"""Round the number of what is put back once the Markdown is read; no text has it."""
_CODE = "\ufdd8"
"""The same for code, in which nothing but Markdown is looked for."""


def read_markdown(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a file in Markdown."""
    return markdown_blocks(decode_text(read_bytes(path)), left_out)


def markdown_blocks(source: str, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of Markdown."""
    source = _FRONT_MATTER.sub("", re.sub(f"[{_PLACE}{_FIELD}{_CODE}]", "", source))
    source = _with_directives(_with_admonitions(source))
    source, formulas, codes = _without_formulas(source, left_out)
    source = _without_citations(source, left_out)
    source, notes = _FOOTNOTE.subn("", source)
    source, inline = _INLINE_NOTE.subn("", source)
    left_out["note"] += notes + inline
    source = _FILLED_IN.sub(_FIELD, source)
    source = _NOT_TEXT.sub("", _CALL_OUT_SIGN.sub(r"\1", source))
    source = _MARKED.sub(r"\1", _LINK.sub(r"\1", source))
    source = _DEFINITION.sub("\n\n", source)
    source = _RAISED.sub(r"<sup>\1</sup>", source)
    source = _LOWERED.sub(r"<sub>\1</sub>", source)
    source = re.sub(rf"{_CODE}(\d+){_CODE}", lambda m: codes[int(m[1])], source)
    page_source = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(source)
    page_source = re.sub(
        rf"{_PLACE}(\d+){_PLACE}", lambda m: html.escape(formulas[int(m[1])]), page_source
    )
    for block in html_blocks(page_source, left_out):
        left_out["template field"] += block.text.count(_FIELD)
        yield block._replace(text=block.text.replace(_FIELD, "…"))


def _with_admonitions(source: str) -> str:
    """The source with the text of admonitions as text, those in one another too."""
    for _ in range(3):
        before = source
        source = _ADMONITION.sub(lambda m: f"\n{dedent(m[1])}\n", source)
        if source == before:
            break
    return source


def _with_directives(source: str) -> str:
    """The source with the text of MyST's directives as text, those in one another too; a line at a
    time, so that time grows with the length alone."""
    lines: list[str] = []
    fences: list[tuple[str, bool]] = []  # that are open, and whether each is a directive's
    begins = False  # whether the line may be an option of a directive
    for line in source.split("\n"):
        if begins and _OPTION.match(line):
            continue
        begins = False
        fence = _FENCE.fullmatch(line.rstrip("\r"))
        ends = fence and fences and fence[1].startswith(fences[-1][0]) and not fence[2].strip()
        if ends:
            line = "" if fences.pop()[1] else line
        elif fence and (not fences or fences[-1][1]):
            begins = bool(_DIRECTIVE.match(fence[2]))
            fences.append((fence[1], begins))
            line = "" if begins else line
        lines.append(line)
    return "\n".join(lines)


def _without_formulas(source: str, left_out: LeftOut) -> tuple[str, list[str], list[str]]:
    """The source with places for its formulas, roles and code; what the first two show: of a
    formula in a line what LaTeX prints, of a displayed one a mark; and the code."""
    shown: list[str] = []
    codes: list[str] = []

    def keep(found: re.Match) -> str:
        if found["code"]:
            code = found[0][found.start("fence" if found["fence"] else "ticks") - found.start() :]
            codes.append(code)
            return f"{found[0].removesuffix(code)}{_CODE}{len(codes) - 1}{_CODE}"
        # Brackets may be escaped, and dollars may say what a meal costs.
        inside, display = found["brackets"] or found["inline"], found["display"]
        inside = display if display and display != display.strip() else inside
        if inside and not is_formula(inside):
            begin = len(found[0]) - len(found[0].lstrip()) + 2
            return found[0][:begin] + _FORMULA.sub(keep, found[0][begin:])
        if found["role"]:
            return _role(found["role"], found["of"], shown, left_out)
        formula = found["inline"] or found["dollars"]
        if not formula:
            left_out["formula"] += 1
        shown.append(formula_text(formula, left_out) if formula else "…")
        return f"{found['begins'] or ''}{_PLACE}{len(shown) - 1}{_PLACE}"

    return _FORMULA.sub(keep, source), shown, codes


def _role(name: str, of: str, shown: list[str], left_out: LeftOut) -> str:
    """What a role of MyST shows: nothing for a citation, a mark for a number or a name that only
    its programs know, else its text as it is, whatever signs of Markdown it has."""
    titled = re.fullmatch(r"(.+?)\s*<[^<>]*>", of)
    if _NO_TEXT.fullmatch(name) and not titled:
        return "…"
    if name.startswith(("cite", "footcite")):
        left_out["citation"] += 1
        return ""
    shown.append(formula_text(of, left_out) if name == "math" else titled[1] if titled else of)
    place = f"{_PLACE}{len(shown) - 1}{_PLACE}"
    if tag := {"sup": "sup", "superscript": "sup", "sub": "sub", "subscript": "sub"}.get(name):
        return f"<{tag}>{place}</{tag}>"
    return place


def _without_citations(source: str, left_out: LeftOut) -> str:
    """The source without Pandoc's citations; a link's text in brackets may look like one."""
    linked = set(re.findall(r"^ {0,3}(\[@[^\[\]\n]+\]):", source, re.M))
    cited = 0

    def drop(found: re.Match) -> str:
        nonlocal cited
        if found[0] in linked or not (
            _CITES.match(found["before"] or "") or re.search(r"[,;\d]", found[0])
        ):
            return found[0]
        cited += 1
        return ""

    source = _CITED.sub(drop, source)
    left_out["citation"] += cited
    return _NAMED.sub("…", source) if cited else source


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
