"""One module a format: a file's text as blocks, in the order in which it is read.

A reader is a function from a path and a :class:`~qgen.files.readers.blocks.LeftOut` to blocks.  It
leaves out what its format marks as no running text, and counts it; what only the words tell is the
business of :mod:`qgen.files.paragraphs`.  No reader executes, fetches or follows anything, and all
of them take time and memory in proportion to the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from qgen.files.readers.blocks import Block, LeftOut

Reader = Callable[[Path, LeftOut], Iterator[Block]]

READERS = {
    ".txt": "text:read_text",
    ".md": "markdown:read_markdown",
    ".markdown": "markdown:read_markdown",
    ".html": "html:read_html",
    ".htm": "html:read_html",
    ".xhtml": "html:read_html",
    ".mhtml": "books:read_mhtml",
    ".mht": "books:read_mhtml",
    ".pdf": "pdf:read_pdf",
    ".docx": "word:read_docx",
    ".odt": "odt:read_odt",
    ".rtf": "rtf:read_rtf",
    ".epub": "books:read_epub",
    ".pptx": "slides:read_pptx",
    ".ipynb": "markdown:read_notebook",
    ".tex": "tex:read_tex",
    ".srt": "text:read_captions",
    ".vtt": "text:read_captions",
}
"""The module and the function that read each kind of document, in the order of messages."""
