"""Web pages: an event of the parser at a time, so that time grows with the size of the page alone.

A tree of a page that nests elements some ten thousand deep takes seconds to walk.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from qgen.files.encoding import detect_encoding, read_bytes
from qgen.files.lines import ends_sentence
from qgen.files.readers.blocks import Block, LeftOut, Tables
from qgen.files.readers.main_text import main_text
from qgen.files.readers.marks import (
    LINK,
    LOWERED,
    NO_LINK,
    NOT_LOWERED,
    NOT_RAISED,
    RAISED,
    read_raised,
)
from qgen.files.readers.symbols import as_signs, signs_of
from qgen.files.readers.tex import formula_text

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SKIPPED_BLOCKS = frozenset(
    "nav footer aside dialog menu iframe object video canvas textarea".split()
)
_SKIPPED = _SKIPPED_BLOCKS | frozenset(
    "script style template title button svg math select audio rt rp label".split()
)
_DELETED = frozenset({"del", "s", "strike"})
_COUNTED = {"figure": "figure", "img": "picture"}
_BLOCKS = frozenset(
    "p div li blockquote dd dt section article main body html ul ol dl header figcaption hr address"
    " aside details summary caption center fieldset hgroup form".split()
)
_ITEMS = frozenset({"li", "dd"})
_SHIFTED = {"sup": (RAISED, NOT_RAISED), "sub": (LOWERED, NOT_LOWERED)}
_SKIPPED_ROLES = frozenset(
    "navigation banner contentinfo complementary search dialog doc-footnote doc-endnote"
    " doc-endnotes doc-toc doc-index doc-bibliography doc-noteref doc-backlink doc-pagebreak"
    " doc-pullquote".split()
)
_SKIPPED_TYPES = re.compile(
    r"(?<!\S)(?:footnotes?|endnotes?|rearnotes?|notes?|annotations?|toc|index|noteref|pagebreak"
    r"|pullquote)(?!\S)"
)
_NOTE_TYPES = re.compile(r"(?<!\S)(?:doc-)?(?:(?:foot|end|rear)?notes?)(?!\S)")
"""What tells, as a type or a role, that an element has notes."""
_SKIPPED_CLASSES = re.compile(  # MediaWiki's, Sphinx's and other programs' own
    r"(?:^|\s)(?:mw-editsection|navbox|reflist|references|toc|hatnote|headerlink|noprint"
    r"|sr-only|screen-reader-text|visually-hidden|footnotes?|footnote-ref"
    # Notes: of LaTeXML and Tufte within the text that has them, of Word and LibreOffice behind it.
    r"|ltx_note|sidenote|margin-?note|Mso(?:Footnote|Endnote|Comment)Text|sd(?:foot|end)note[\w-]*"
    r"|MathJax_Preview|pg-boilerplate|page-?num(?:ber)?|pageno|line-?num(?:ber)?|lineno"
    r"|cookie-?(?:bar|banner|consent|law|message|notice|popup|policy)[\w-]*"
    r"|breadcrumbs?|site-header|site-footer|share-buttons?)(?:\s|$)"
)


MAX_DEPTH = 100
MAX_ELEMENTS = 50_000
"""What a web page may have at most for its main text to be looked for; articles nest 30 deep."""

_FORMULA = re.compile(r"(?:^|[\s-])(?:math|tex|latex)\b")
_DRAWN = re.compile(r"(?:^|\s)(?:katex|MathJax(?:_SVG|_CHTML)?(?:_Display)?)(?:\s|$)")
"""A formula as KaTeX and MathJax draw it, once for the eyes and once as MathML."""
_FAMILY = re.compile(r"(?<![\w-])font-family\s*:\s*([^;,]+)", re.I)
_LITERAL = frozenset({"code", "kbd", "samp", "tt"})
"""In what of a line no script looks for formulas."""
_BACKSLASH = "\ufdd5"
"""What stands for one in such an element until formulas are read; no text has it."""
_TEX = re.compile(
    rf"\\\((?P<inline>(?:[^\\{_BACKSLASH}]|\\[^()]){{1,300}}?)\\\)"
    rf"|\\\[(?P<brackets>(?:[^\\{_BACKSLASH}]|\\[^\[\]]){{1,5000}})\\\]"
    r"|\\begin\{(?P<kind>(?:equation|align|gather|multline|eqnarray)\*?)\}"
    r"(?s:.{0,5000}?)\\end\{(?P=kind)\}"
)
"""One that a script of the page draws, as the page has it."""
_FORMULA_SIGN = re.compile(
    r"\\[A-Za-z]|\^|\w_[\w{\\]|=|<(?![A-Za-z/][^<>]*>)|\s>\s|\A\s*[^\W\d_]['′]?\s*\Z"
)
_BACK = re.compile(
    r"#_?(?:ftnt_ref|cmnt_ref|(?:ftn|edn|fn|cite_|(?:foot|end)?note[-_]?)ref"
    r"|(?:foot|end)note[-_]anchor|sd(?:foot|end)note\d+anc|fnanchor)",
    re.I,
)
"""A link from a note back to its mark, as Google Docs, Word, LibreOffice, Pandoc and makers of
books write it."""
_GOES_BACK = "\ufdd7"
"""Where such a link stands; no text has it."""
_RAISED_BACK = re.compile(f"({RAISED}[^{RAISED}{NOT_RAISED}{_GOES_BACK}]*){_GOES_BACK}")
_NOTE_NAME = re.compile(
    r"_?(?:user-content-)?(?:ftnt?|fn|edn|en|cite_note|(?:foot|end)?note)(?![a-z])", re.I
)
"""What the item of a list is called that is a note."""


def read_html(path: Path, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of a web page's main text."""
    return web_page_blocks(decode_html(read_bytes(path)), left_out)


def decode_html(content: bytes) -> str:
    """A page's text, in the encoding that it names, unless it clearly is in another."""
    encoding = detect_encoding(content)
    named = re.search(
        rb"(?:<\?xml[^>]+encoding|<meta[^>]+charset)=[\"']?\s*([\w-]+)", content[:4096], re.I
    )
    if encoding == "cp1252" and named:
        with suppress(LookupError, UnicodeError):  # nobody knows it, or it is not one of text
            name = codecs.lookup(named.group(1).decode("ascii")).name
            # As browsers do: who names a part of Windows-1252 has it all.
            if name not in {"iso8859-1", "ascii"} and not name.startswith("utf"):
                return content.decode(name, "replace")
    return content.decode(encoding, "replace")


def web_page_blocks(source: str, left_out: LeftOut) -> Iterator[Block]:
    """The blocks of the main text of a web page, which has menus and more round it."""
    page = _parsed(source, _Page(left_out))
    if page.deepest > MAX_DEPTH or page.elements > MAX_ELEMENTS:
        yield from page.blocks
    else:
        yield from main_text(source, page.blocks, left_out)


def html_blocks(source: str, left_out: LeftOut) -> list[Block]:
    """All blocks of a source that has nothing but text, in boxes beside it too."""
    return _parsed(source, _Page(left_out, asides=True)).blocks


def _parsed(source: str, target: _Page) -> _Page:
    parser = etree.HTMLParser(target=target)
    source = re.sub(r"^\s*<\?xml[^>]*>", "", source.removeprefix("\ufeff").replace("\0", "\ufffd"))
    if source.strip():
        try:
            parser.feed(source)
            parser.close()
        except etree.XMLSyntaxError:  # nothing in it at all, such as a comment alone
            pass
    target.finish()
    return target


@dataclass
class _Item:
    """An item of a list: how many blocks stood before it, and what tells that it is a note."""

    before: int
    named: bool
    goes_back: bool = False

    @property
    def is_note(self) -> bool:
        return self.named and self.goes_back


class _Page:
    """What the parser tells, as blocks."""

    def __init__(self, left_out: LeftOut, asides: bool = False):
        self.blocks: list[Block] = []
        self.elements = self.deepest = self._depth = 0
        self._left_out, self._asides = left_out, asides
        self._text: list[str] = []
        self._level = 0
        self._skipped = 0  # how many elements deep in one that is left out
        self._tables = Tables(left_out)
        self._items: list[_Item] = []  # of lists, that are open
        self._pre: list[str] | None = None
        self._code = False
        self._literal = 0  # how many elements of code in a line deep
        self._fonts: list[tuple[int, str]] = []  # that are named: how deep, and their signs
        self._forms: list[int] = []  # how many blocks stood before each that is open
        self._in_forms: list[Block] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        self._depth += 1
        self.deepest = max(self.deepest, self._depth)
        if self._skipped:
            self._skipped += 1
            return
        # Themes name what a page has in the class of its body.
        whole = tag in {"html", "body", "main", "article"}
        if self._is_formula(tag, attributes):
            self._text.append("…")  # so that nobody takes what is left for the whole sentence
            self._left_out["formula"] += 1
            self._skipped = 1
            return
        deleted = tag in _DELETED or "line-through" in attributes.get("style", "")
        skipped = tag in _SKIPPED and not (tag == "aside" and self._asides)
        if deleted or skipped or (not whole and _is_left_out(attributes)):
            self._left_out["deletion"] += deleted
            types = f"{attributes.get('epub:type', '')} {attributes.get('role', '')}"
            self._left_out["note"] += bool(_NOTE_TYPES.search(types))
            self._skipped = 1
            if tag in _BLOCKS or tag in _SKIPPED_BLOCKS:
                self.flush()
            return
        # Notion's call-outs are figures.
        if tag in _COUNTED and "callout" not in attributes.get("class", "").split():
            self._left_out[_COUNTED[tag]] += 1
            if tag == "figure":
                self._skipped = 1
                self.flush()
            return
        self._literal += tag in _LITERAL
        family = _FAMILY.search(attributes.get("style", ""))
        if font := attributes.get("face") or (family and family[1]):
            self._fonts.append((self._depth, signs_of(font.split(",")[0])))
        if tag in _HEADINGS:
            self.flush()
            self._level = _HEADINGS[tag]
        elif tag == "table":
            self.flush()
            self.blocks = self._tables.begin(self.blocks)
        elif tag in {"td", "th"}:
            self.flush()
        elif tag == "pre" and self._pre is None:
            self.flush()
            self._pre = []
        elif tag == "code" and self._pre is not None:
            self._code = True
        elif tag == "br":
            (self._text if self._pre is None else self._pre).append("\n")
        elif tag == "q":
            self.data("“")
        elif tag in _SHIFTED:
            self._text.append(_SHIFTED[tag][0])
        elif tag == "a" and "href" in attributes:
            self._text.append(LINK)
            if _BACK.search(attributes["href"]):
                self._text.append(_GOES_BACK)
                if notes := [item for item in self._items if item.named]:
                    notes[-1].goes_back = True
        elif tag in _BLOCKS or tag == "figure":
            self.flush()
            if tag in _ITEMS:
                named = bool(_NOTE_NAME.match(attributes.get("id", "")))
                self._items.append(_Item(len(self.blocks), named))
            if tag == "form":
                self._forms.append(len(self.blocks))

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self._skipped:
            self._skipped -= 1
            return
        if self._fonts and self._fonts[-1][0] > self._depth:
            self._fonts.pop()
        self._literal -= tag in _LITERAL
        if tag in _HEADINGS or tag in {"td", "th", "figure"} or tag in _BLOCKS:
            self.flush()
            self._level = 0 if tag in _HEADINGS else self._level
            if tag in _ITEMS and self._items:
                item = self._items.pop()
                if item.is_note:  # all its paragraphs, whichever of them links back
                    self._left_out["note"] += 1
                    del self.blocks[item.before :]
            if tag == "form" and self._forms:
                found = self.blocks[self._forms.pop() :]
                if not any(block.level for block in found):
                    self._in_forms += found
        elif tag == "table":
            self.flush()
            self.blocks = self._tables.end(self.blocks)
        elif tag == "pre" and self._pre is not None:
            self._end_pre("".join(self._pre))
        elif tag in _SHIFTED:
            self._text.append(_SHIFTED[tag][1])
        elif tag == "q":
            self.data("”")
        elif tag == "a":
            self._text.append(NO_LINK)

    def _is_formula(self, tag: str, attributes: dict[str, str]) -> bool:
        name = attributes.get("class", "")
        if tag == "script":  # the source of one, which may stand before it
            source = attributes.get("type", "").startswith("math/tex")
            return source and self._text[-1:] != ["…"]
        drawn = bool(_DRAWN.search(name))
        return drawn or tag == "math" or (tag == "img" and bool(_FORMULA.search(name)))

    def _written_formula(self, found: re.Match) -> str:
        inline, brackets = found["inline"], found["brackets"]
        plain = brackets or (inline if re.search(r"[^\W\d_]{3}", inline or "") else None)
        if plain and not is_formula(plain):  # brackets of a text, such as "C:\[new\]"
            return found[0]
        if inline:
            return formula_text(inline, self._left_out)
        self._left_out["formula"] += 1
        return "…"

    def data(self, text: str) -> None:
        if self._skipped:
            return
        if self._pre is not None:
            self._pre.append(text)
        else:
            text = as_signs(text, self._fonts[-1][1], self._left_out) if self._fonts else text
            text = text.replace("\\", _BACKSLASH) if self._literal > 0 else text
            self._text.append(re.sub(r"\s+", " ", text))

    def close(self) -> None:
        pass

    def finish(self) -> None:
        """End the last block, and leave out forms, unless they hold most of the text."""
        self.flush()
        inside = set(map(id, self._in_forms))
        outside = [block for block in self.blocks if id(block) not in inside]
        if 2 * _length(outside) >= _length(self.blocks):
            self.blocks = outside

    def flush(self) -> None:
        """End the block that is being read."""
        # A mark in raised text would be taken out with it.
        text = read_raised(_RAISED_BACK.sub(rf"{_GOES_BACK}\1", "".join(self._text)))
        self._text = []
        if not text.replace(_GOES_BACK, "").strip():
            return
        text = _TEX.sub(self._written_formula, text).replace(_BACKSLASH, "\\")
        if self._level:
            self._add(" ".join(text.split()))
            return
        for piece in _divided(text):
            self._add(piece)

    def _add(self, text: str) -> None:
        """Keep a piece of text, unless it is a note: it links back to its mark."""
        if _GOES_BACK not in text:
            self.blocks.append(Block(text, level=self._level, item=bool(self._items)))
        elif not any(item.is_note for item in self._items):
            self._left_out["note"] += 1

    def _end_pre(self, text: str) -> None:
        """Count a program; other preformatted text may be prose, such as an old mail."""
        code, self._pre, self._code = self._code, None, False
        if code:
            self._left_out["block of code"] += 1
        elif text.strip():
            self.blocks.append(Block(text, preformatted=True))


def is_formula(source: str) -> bool:
    """Whether what stands between TeX's brackets has a sign of a formula, and is no mere text."""
    return bool(_FORMULA_SIGN.search(source))


def _length(blocks: list[Block]) -> int:
    return sum(len(block.text) for block in blocks)


def _is_left_out(attributes: dict[str, str]) -> bool:
    """Whether an element is hidden, or marked as no part of the text."""
    if not attributes:
        return False
    style = attributes.get("style", "").replace(" ", "").lower()
    return (
        "hidden" in attributes
        or "display:none" in style
        or bool(re.search(r"visibility:(?:hidden|collapse)", style))
        or attributes.get("role", "") in _SKIPPED_ROLES
        or bool(_SKIPPED_TYPES.search(attributes.get("epub:type", "")))
        or bool(_SKIPPED_CLASSES.search(attributes.get("class", "")))
    )


def _divided(text: str) -> Iterator[str]:
    """A text whose lines a page breaks by itself: divided at empty lines, and joined elsewhere as
    far as the lines may be one text's."""
    kept: list[str] = []
    for line in map(str.strip, text.split("\n")):
        line_start = line.replace(_GOES_BACK, "")[:1]
        title = kept and len(kept[-1].split()) < 12 and not re.search(r"[,;\-–]$", kept[-1])
        if kept and (not line or ends_sentence(kept[-1]) or (title and line_start.isupper())):
            yield "\n".join(kept)
            kept = []
        if line:
            kept.append(line)
    if kept:
        yield "\n".join(kept)
