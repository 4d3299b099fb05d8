"""What kind of file a file is: by what it holds, and where that does not say, by its name."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from itertools import islice
from pathlib import Path

from qgen.errors import QGenError
from qgen.files.encoding import decode_text, is_gzipped, open_bytes
from qgen.files.fields import PASSAGE_NAMES, normal_name
from qgen.files.readers import READERS

ROW_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".xlsx", ".parquet")
"""Tables and lists of rows; any of them may be gzipped (``rows.jsonl.gz``)."""
DOCUMENT_SUFFIXES = tuple(READERS)
"""Documents, which are read as paragraphs."""

_PDF, _RTF, _ARCHIVE, _OLD_OFFICE = (
    b"%PDF-", b"{\\rtf", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
)  # fmt: skip
NO_TEXT = (_PDF, _RTF, _ARCHIVE, _OLD_OFFICE)
"""What documents begin with that are no plain text."""

_SAMPLE = 1 << 16
_NAME_WORDS = 4
"""Most words of a column's name in a text that may be none.  A choice; not measured."""
_MEMBERS = {
    "word/document.xml": ".docx",
    "word/document2.xml": ".docx",
    "ppt/presentation.xml": ".pptx",
    "xl/workbook.xml": ".xlsx",
    "META-INF/container.xml": ".epub",
}
_NEVER_EMPTY = frozenset(_MEMBERS.values()) | {".odt", ".rtf", ".pdf", ".ipynb", ".parquet"}
_OLD = {
    ".doc": "an old Word document: save it as .docx",
    ".xls": "an old workbook: save it as .xlsx",
    ".ppt": "an old presentation: save it as .pptx",
}


def kind_of(path: Path, as_rows: bool = False) -> str:
    """The suffix that says what a file holds; lower case, and its own where content does not tell.

    Args:
        path: the file.
        as_rows: whether it is read for its rows, if it has some: then a text may be a table.  A
            document may begin with a table.

    Raises:
        QGenError: it cannot be read, or is of a kind that is known and not read.
    """
    if path.exists() and not path.is_file() and not path.is_dir():  # a file is read several times
        raise QGenError(f"cannot read {path}: it is a pipe or a device; save it as a file")
    try:
        packed = is_gzipped(path)
        with open_bytes(path) as file:
            head = file.read(_SAMPLE)
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror or error}") from error
    suffix = path.suffix.lower()
    if packed and suffix in {".gz", ".gzip"}:
        suffix = Path(path.stem).suffix.lower()
    if not head and suffix in _NEVER_EMPTY:
        raise QGenError(f"{path} is empty")
    if head.startswith(_OLD_OFFICE):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise QGenError(f"{path} is encrypted: save it without a password")
        raise QGenError(f"{path} is {_OLD.get(suffix, 'an old Office file: save it as .docx')}")
    kind = _by_content(path, head, suffix)
    return ".tsv" if as_rows and kind == ".txt" and _has_header(decode_text(head)) else kind


def _by_content(path: Path, head: bytes, suffix: str) -> str:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_PDF):
        return ".pdf"  # one with more in front is known by its name alone: a text may be about PDF
    if head.startswith(_RTF):
        return ".rtf"
    if head.startswith(b"PAR1\x15"):  # Thrift's first field; a text may begin with the rest
        return ".parquet"
    if head.startswith(_ARCHIVE):
        return _archive_kind(path) or suffix
    if suffix in {".ipynb", ".tex", ".md", ".markdown", ".xhtml"}:
        return suffix
    text = decode_text(head).lstrip()
    if re.match(
        r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", text, re.I | re.S
    ):
        return ".html"
    if re.match(r"WEBVTT\b", text) and "-->" in text:
        return ".vtt"
    if re.match(r"(?:[\w-]+:.*\n|[ \t].*\n)*?content-type:\s*multipart/related", text, re.I):
        return ".mhtml"
    return _json_kind(text, suffix)


def _has_header(text: str) -> bool:
    """Whether a text begins with the names of columns, as Excel's "Unicode Text" does: short ones,
    of which one is a passage's, over a row of as many cells.  A passage and its answer, which are
    as well a line with a tab, are longer."""
    # No tab is taken off: the first column may have no name.
    lines = text.lstrip("\ufeff\r\n ").splitlines(keepends=True)
    names = lines[0].rstrip("\r\n").split("\t") if lines else []
    if len(names) < 2 or not {normal_name(name) for name in names} & set(PASSAGE_NAMES):
        return False
    if any(len(name.split()) > _NAME_WORDS or "." in name for name in names):
        return False
    try:  # a cell in quotation marks may have line breaks
        row = next(islice(csv.reader(lines, delimiter="\t"), 1, None), [])
    except csv.Error:
        row = []
    return len(names) in {len(row), *(line.count("\t") + 1 for line in lines[1:2])}


def _archive_kind(path: Path) -> str | None:
    try:
        with open_bytes(path) as file, zipfile.ZipFile(file) as archive:
            return _kind_of_members(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        return None


def _kind_of_members(archive: zipfile.ZipFile) -> str | None:
    names = set(archive.namelist())
    if found := next((kind for name, kind in _MEMBERS.items() if name in names), None):
        return found
    if not {"content.xml", "mimetype"} <= names:
        return None
    with archive.open("mimetype") as member:
        return ".odt" if b"opendocument.text" in member.read(100) else None


def _json_kind(text: str, suffix: str) -> str:
    """Which of the two ways to write JSON rows a file has, whatever of them its name says."""
    if suffix not in {".jsonl", ".ndjson", ".json", ".txt", ".csv", ""} or text[:1] not in "{[":
        return suffix
    lines = [line for line in text.splitlines() if line.strip()]
    whole = [line for line in lines[:20] if _is_object(line)]
    if suffix in {".txt", ".csv", ""}:
        named = whole and {normal_name(name) for name in json.loads(whole[0])} & set(PASSAGE_NAMES)
        return ".jsonl" if named and len(whole) == len(lines[:20]) else suffix
    if suffix == ".json":
        # A faulty line does not end the reading there.
        return ".jsonl" if len(lines) > 1 and len(whole) > len(lines[:20]) / 2 else suffix
    return suffix if whole or len(text) > _SAMPLE / 2 > len(lines[0]) else ".json"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
