"""Documents as paragraphs to ask about: text, Markdown, HTML, Word and PDF.

Headings, page numbers, footnote marks, tables and code are left out; lines are joined to
paragraphs, and hyphenated line breaks mended.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qgen.english.passage import sentence_spans
from qgen.english.prose import layout_problem
from qgen.errors import QGenError
from qgen.files.encoding import decode_text

MAX_WORDS = 220
"""A longer paragraph is divided between sentences."""

Block = tuple[str, int | None]
"""The raw text of a paragraph, with its line breaks, and its page where the format has pages."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a document.

    Attributes:
        text: on one line.
        number: which of the document's paragraphs it is, from 1.
        page: its page, from 1, where the format has pages.
    """

    text: str
    number: int
    page: int | None = None


def read_document(path: str | Path) -> list[Paragraph]:
    """The paragraphs of a document.

    Raises:
        QGenError: the type is unknown, the file cannot be read, the library that reads it is not
            installed, or it has no prose.
    """
    path = Path(path)
    reader = DOCUMENT_READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(DOCUMENT_READERS)
        raise QGenError(f"{path}: unknown type of document; use one of {known}")
    try:
        blocks = list(reader(path))
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror or error}") from error
    except ImportError as error:
        raise QGenError(f"{path} needs: pip install 'qgen[documents]'") from error
    texts = [(text, page) for block, page in blocks for text in _paragraphs(block)]
    paragraphs = [Paragraph(text, number, page) for number, (text, page) in enumerate(texts, 1)]
    if not paragraphs:
        raise QGenError(f"{path} holds no prose")
    return paragraphs


def text_paragraphs(text: str) -> list[str]:
    """The paragraphs of a pasted text: as of a document, or all of it where it is one line."""
    found = [piece for block in _text_blocks(text) for piece in _paragraphs(block)]
    return found or ([" ".join(text.split())] if text.strip() else [])


# -- from blocks to paragraphs ---------------------------------------------------------------------

_FOOTNOTE = re.compile(
    r"\[(?:\d{1,3}|[a-z]|note \d+|citation needed|\^[^\]]+)\]"
    # Behind a word or a full stop; the ² of 120 m² is no mark.
    r"|(?:(?<=[a-z]{3})|(?<=[.,;:)”\"]))[\u00b9\u00b2\u00b3\u2070-\u2079†‡]+(?=[\s.,;:)]|$)"
)
_FOOTNOTE_TEXT = re.compile(r"\[\^[^\]]+\]:")
_PAGE_NUMBER = re.compile(  # no full stop behind it
    r"[\W_]*(?:page\s+)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:/|of)\s*\d+)?[^\w.!?]*", re.I
)
_BULLET = re.compile(r"^\s*(?:[-*•‣▪◦–]|\(?\d{1,2}[.)])\s+")


def _paragraphs(block: str) -> Iterator[str]:
    """The block's text on one line, in pieces of sensible size; none if it is not prose."""
    lines = [line.strip() for line in block.splitlines()]
    lines = _without_page_numbers([line for line in lines if line])
    if not lines or _is_heading(lines) or _FOOTNOTE_TEXT.match(lines[0]) or layout_problem(block):
        return
    text = _BULLET.sub("", join_lines(lines))
    text = re.sub(r"\s+", " ", _FOOTNOTE.sub("", text)).strip()
    pieces: list[str] = []
    for begin, end in sentence_spans(text):
        sentence = text[begin:end]
        if pieces and len(pieces[-1].split()) + len(sentence.split()) <= MAX_WORDS:
            pieces[-1] += " " + sentence
        else:
            pieces.append(sentence)
    yield from pieces


def _without_page_numbers(lines: list[str]) -> list[str]:
    """The lines less a page number before or after them; a number may also end a sentence."""
    if len(lines) == 1:
        return [] if _PAGE_NUMBER.fullmatch(lines[0]) else lines
    if lines and _PAGE_NUMBER.fullmatch(lines[0]) and lines[1][0].isupper():
        lines = lines[1:]
    if len(lines) > 1 and _PAGE_NUMBER.fullmatch(lines[-1]) and _ends_sentence(lines[-2]):
        lines = lines[:-1]
    return lines


def _ends_sentence(line: str) -> bool:
    return line.rstrip("\"'”’)] ")[-1:] in {".", "!", "?", "…", ":", ";"}


def join_lines(lines: Iterable[str]) -> str:
    """Lines as one, with words mended that a hyphen divides at a line's end.

    A hyphen that the text also has inside a line stays (``well-known``).
    """
    lines = list(lines)
    everything = " ".join(lines).lower()
    text = ""
    for line in lines:
        broken = re.search(r"(\w+)[-\u00ad\u2010]$", text)
        if not text:
            text = line
        elif broken and line[:1].islower():
            second = re.match(r"\w+", line)
            whole = f"{broken.group(1)}-{second.group() if second else ''}".lower()
            text = (text if whole in everything else text[:-1]) + line
        elif broken:
            text += line  # Anglo-/Saxon
        else:
            text += " " + line
    return text


def _is_heading(lines: list[str]) -> bool:
    """Whether the lines are too few and too short for a sentence, and end without a full stop."""
    text = " ".join(lines)
    return len(text.split()) < 12 and len(lines) < 3 and not _ends_sentence(text)


# -- text ------------------------------------------------------------------------------------------


def _read_text(path: Path) -> Iterator[Block]:
    text = decode_text(path.read_bytes())
    for number, page in enumerate(text.split("\f"), 1):
        for block in _text_blocks(page):
            yield block, number if "\f" in text else None


def _text_blocks(text: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = [line for line in block.split("\n") if line.strip()]
        starts = [i for i, line in enumerate(lines) if _BULLET.match(line)]
        if len(starts) < 2:  # no list, but first lines may be set in
            starts = [i for i in range(1, len(lines)) if _is_set_in(lines[i - 1], lines[i])]
        for begin, end in zip([0, *starts], [*starts, len(lines)], strict=True):
            yield "\n".join(lines[begin:end])


def _is_set_in(before: str, line: str) -> bool:
    """Whether a line begins a paragraph: it is set in, and the one before ends a sentence."""
    depths = [len(text) - len(text.lstrip()) for text in (before, line)]
    return depths[1] > depths[0] and _ends_sentence(before)


# -- Markdown and HTML -----------------------------------------------------------------------------


def _read_markdown(path: Path) -> Iterator[Block]:
    from markdown_it import MarkdownIt

    source = decode_text(path.read_bytes())
    source = re.sub(r"\A---\n.*?\n---\n", "", source, flags=re.S)  # front matter
    yield from _html_blocks(MarkdownIt("commonmark").enable("table").render(source))


def _read_html(path: Path) -> Iterator[Block]:
    yield from _html_blocks(path.read_bytes())


_LEFT_OUT = [
    "script", "style", "noscript", "template", "head", "nav", "header", "footer", "aside", "form",
    "button", "table", "pre", "figure", "svg", "math", "h1", "h2", "h3", "h4", "h5", "h6", "sup",
]  # fmt: skip
_BLOCKS = [
    "p", "div", "li", "blockquote", "dd", "dt", "section", "article", "main", "body", "html", "ul",
    "ol", "dl", "td", "figcaption", "br", "hr", "address", "details", "summary",
]  # fmt: skip


def _html_blocks(source: str | bytes) -> Iterator[Block]:
    from bs4 import BeautifulSoup, NavigableString

    soup = BeautifulSoup(source, "lxml")
    for tag in soup(_LEFT_OUT):
        tag.extract()
    for text in soup.find_all(string=lambda text: type(text) is NavigableString):
        text.replace_with(re.sub(r"\s+", " ", text))  # white space of the source means nothing
    for tag in soup(_BLOCKS):
        tag.insert_before("\n\n")
        tag.insert_after("\n\n")
    for block in soup.get_text().split("\n\n"):
        yield block, None


# -- Word and PDF ----------------------------------------------------------------------------------


def _read_docx(path: Path) -> Iterator[Block]:
    import docx
    from docx.opc.exceptions import PackageNotFoundError

    try:
        document = docx.Document(str(path))
    except (PackageNotFoundError, KeyError, ValueError) as error:
        raise QGenError(f"{path} is not a Word document") from error
    for paragraph in document.paragraphs:  # those of tables are not among them
        style = (paragraph.style.name if paragraph.style is not None else "") or ""
        if not style.startswith(("Heading", "Title", "Subtitle", "TOC", "Caption", "Code")):
            text = (
                "".join(run.text for run in paragraph.runs if not run.font.superscript)
                or paragraph.text
            )
            yield text, None


def _read_pdf(path: Path) -> Iterator[Block]:
    import logging

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise QGenError(f"{path} is encrypted")
        pages = [page.extract_text().split("\n") for page in reader.pages]
    except (PyPdfError, ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise QGenError(f"{path} is not a PDF that can be read: {error}") from error
    running = _running_lines(pages)
    for number, lines in enumerate(pages, 1):
        kept = [line for line in lines if line.strip() and _without_digits(line) not in running]
        kept = kept[bool(kept) and bool(_PAGE_NUMBER.fullmatch(kept[0].strip())) :]
        if kept and _PAGE_NUMBER.fullmatch(kept[-1].strip()):
            kept.pop()
        for block in _pdf_blocks(kept):
            yield block, number


def _running_lines(pages: list[list[str]]) -> set[str]:
    """The heads and feet that stand on most pages, without their digits."""
    ends: Counter[str] = Counter()
    for lines in pages:
        filled = [line for line in lines if line.strip()]
        ends.update({_without_digits(line) for line in filled[:2] + filled[-2:]})
    return {line for line, count in ends.items() if count > 2 and count > len(pages) / 3}


def _without_digits(line: str) -> str:
    return re.sub(r"\d+", "#", line.strip())


def _pdf_blocks(lines: list[str]) -> Iterator[str]:
    """Paragraphs of a page, which end with a short line that ends a sentence."""
    width = max((len(line.rstrip()) for line in lines), default=0)
    block: list[str] = []
    for line in lines:
        block.append(line)
        if _ends_sentence(line) and len(line.rstrip()) < 0.75 * width:
            yield "\n".join(block)
            block = []
    if block:
        yield "\n".join(block)


DOCUMENT_READERS: dict[str, Callable[[Path], Iterator[Block]]] = {
    ".txt": _read_text,
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".html": _read_html,
    ".htm": _read_html,
    ".docx": _read_docx,
    ".pdf": _read_pdf,
}
