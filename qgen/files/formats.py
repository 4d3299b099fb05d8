"""What kind of file a file is: by what it holds, and where that does not say, by its name."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from qgen.errors import QGenError
from qgen.files.encoding import decode_text, is_gzipped, open_bytes
from qgen.files.fields import PASSAGE_NAMES, normal_name
from qgen.files.reading import READERS

ROW_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".xlsx", ".parquet")
"""Tables and lists of rows; any of them may be gzipped (``rows.jsonl.gz``)."""
DOCUMENT_SUFFIXES = tuple(READERS)
"""Documents, which are read as paragraphs."""

_SAMPLE = 1 << 16
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


def kind_of(path: Path) -> str:
    """The suffix that says what a file holds; lower case, and its own where content does not tell.

    Raises:
        QGenError: it cannot be read, or is of a kind that is known and not read.
    """
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
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise QGenError(f"{path} is encrypted: save it without a password")
        raise QGenError(f"{path} is {_OLD.get(suffix, 'an old Office file: save it as .docx')}")
    return _by_content(path, head, suffix)


def _by_content(path: Path, head: bytes, suffix: str) -> str:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-"):
        return ".pdf"  # one with more in front is known by its name alone: a text may be about PDF
    if head.startswith(b"{\\rtf"):
        return ".rtf"
    if head.startswith(b"PAR1"):
        return ".parquet"
    if head.startswith(b"PK\x03\x04"):
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
    if suffix == ".txt" and _has_header(text):
        return ".tsv"
    return _json_kind(text, suffix)


def _has_header(text: str) -> bool:
    """Whether a text begins with the names of columns, as Excel's "Unicode Text" does."""
    names = text.split("\n", 1)[0].rstrip("\r").split("\t")
    return len(names) > 1 and bool({normal_name(name) for name in names} & set(PASSAGE_NAMES))


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
