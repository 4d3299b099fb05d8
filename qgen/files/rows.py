"""Files people have, as rows to ask about: tables, JSON, SQuAD, plain text, and documents.

A format is a plain function from a file to an iterator of raw rows; :data:`ROW_READERS` has them by
suffix.  Everything is streamed.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

from qgen.errors import QGenError, install
from qgen.files.documents import read_document
from qgen.files.encoding import open_text
from qgen.files.fields import USUAL_NAMES, FieldNames, to_request
from qgen.files.formats import DOCUMENT_SUFFIXES, ROW_SUFFIXES, kind_of
from qgen.files.json_rows import read_json, read_jsonl
from qgen.files.lines import ends_sentence
from qgen.files.raw_rows import RawRow, fail, line_rows, printable
from qgen.files.tables import read_csv, read_parquet, read_workbook
from qgen.records import Request

IN_MEMORY = 1 << 24
"""Bytes of documents' paragraphs that wait in memory."""


@dataclass(frozen=True)
class Row:
    """An input row.

    Attributes:
        line: number of its first line, or of the record where the format has no lines; from 1.
        raw: its text, for the error file.
        content: its request, or what is wrong with it.
        document: of the paragraphs of documents, the document's name in the folder that is read.
    """

    line: int
    raw: str
    content: Request | str
    document: str = ""


def read_rows(
    path: str | os.PathLike,
    names: FieldNames = USUAL_NAMES,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Row]:
    """The rows of a file, or the paragraphs of the documents in a folder.

    Args:
        path: the file or folder.
        names: which fields are the passage and the answer, where they have no usual name.
        tell: called with a sentence for what is left out and does not belong to a row: files of a
            folder that are not read, tables and notes of documents, lines that may be no passages.

    Raises:
        QGenError: the file cannot be read, its type is unknown, or its header is unusable.  What
            is wrong with one row is that row's content instead, and what is wrong with one document
            of a folder is a row's.
    """
    for raw in _raw_rows(Path(path), names, tell or (lambda message: None)):
        content: Request | str
        try:
            known = USUAL_NAMES if raw.document else names
            content = replace(to_request(raw.parse(), known), headings=raw.headings)
        except QGenError as error:
            content = str(error)
        yield Row(raw.line, raw.raw.rstrip("\r\n"), content, raw.document)


def read_fields(path: str | os.PathLike) -> Iterator[tuple[int, dict | str]]:
    """Each row's line and its fields as the file has them, or what is wrong with the row.

    Raises:
        QGenError: as :func:`read_rows`.
    """
    for raw in _raw_rows(Path(path), USUAL_NAMES, lambda message: None):
        try:
            yield raw.line, raw.parse()
        except QGenError as error:
            yield raw.line, str(error)


def read_requests(path: str | os.PathLike) -> Iterator[tuple[int, Request]]:
    """The lines and requests of a file that has nothing but good rows.

    Raises:
        QGenError: as :func:`read_rows`, and for the first row with which something is wrong.
    """
    for row in read_rows(path):
        if isinstance(row.content, str):
            raise QGenError(f"{path}, line {row.line}: {row.content}")
        yield row.line, row.content


def counted_rows(
    path: str | os.PathLike,
    names: FieldNames = USUAL_NAMES,
    tell: Callable[[str], None] | None = None,
) -> tuple[int, Iterator[Row]]:
    """How many rows there are, and the rows: see :func:`read_rows`.

    Documents, whose reading takes long, are read once: their paragraphs wait on the disk where
    they are many.  Rows are only counted before.
    """
    path = Path(path)
    check_readable(path)
    if not path.is_dir() and kind_of(path, as_rows=True) in ROW_READERS:
        return count_rows(path, names), read_rows(path, names, tell)
    kept = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    count = 0
    for row in read_rows(path, names, tell):
        pickle.dump(row, kept)
        count += 1
    kept.seek(0)

    def again() -> Iterator[Row]:
        with kept:
            for _ in range(count):
                yield pickle.load(kept)

    return count, again()


def count_rows(path: str | os.PathLike, names: FieldNames = USUAL_NAMES) -> int:
    """How many rows :func:`read_rows` gives, without parsing them; it raises the same."""
    return sum(1 for _ in _raw_rows(Path(path), names, lambda message: None))


def check_readable(path: str | os.PathLike) -> None:
    """Raise ``QGenError`` unless ``read_rows`` knows this type of file and can open it."""
    path = Path(path)
    if path.is_dir():
        if not documents_in(path)[0]:
            raise QGenError(
                f"{path} holds no document; these are read: {', '.join(DOCUMENT_SUFFIXES)}"
            )
        return
    if not path.exists():  # a name that can never be read is the first thing to tell
        _check_suffix(path, path.suffix.lower())
    _check_suffix(path, kind_of(path, as_rows=True))


def _check_suffix(path: Path, kind: str) -> None:
    known = dict.fromkeys((*ROW_SUFFIXES, *DOCUMENT_SUFFIXES))
    if kind not in known:
        shown = ", ".join((*known, ".gz"))
        raise QGenError(f"{path}: unknown file type; use one of {shown}, or a folder")


def _raw_rows(path: Path, names: FieldNames, tell: Callable[[str], None]) -> Iterator[RawRow]:
    check_readable(path)
    if names != USUAL_NAMES and (path.is_dir() or kind_of(path, as_rows=True) not in ROW_READERS):
        raise QGenError(f"{path} has no rows: there is no field or column to be named")
    if path.is_dir():
        documents, others = documents_in(path)
        if others:
            tell(_not_read(path, others))
        for document in documents:
            name = printable(document.relative_to(path).as_posix())
            try:
                yield from _paragraph_rows(document, name, tell)
            except QGenError as error:
                message = str(error).replace(str(document), name)
                yield RawRow(1, name, partial(fail, message), name)
        return
    kind = kind_of(path, as_rows=True)
    if reader := ROW_READERS.get(kind):
        if kind == ".txt" and (hint := _wrapped_lines(path)):
            tell(hint)
        if kind == ".xlsx":
            reader = partial(read_workbook, tell=tell)
        try:
            yield from reader(path, names)
        except ImportError as error:
            raise QGenError(f"{path} needs: {install('documents')}") from error
    else:
        yield from _paragraph_rows(path, printable(path.name), tell)


def documents_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """The documents in a folder, and what else is in it; without hidden files and Office's locks.

    A link to nothing is a document that cannot be read; pipes and devices, which may never end,
    folders that must not be entered, and links to folders, which may lead back, are no documents.
    """
    documents: list[Path] = []
    others: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts):
            continue
        if path.is_dir():
            if path.is_symlink() or not os.access(path, os.R_OK | os.X_OK):
                others.append(path)
        elif path.suffix.lower() in DOCUMENT_SUFFIXES and (path.is_file() or not path.exists()):
            documents.append(path)
        else:
            others.append(path)
    return documents, others


def _not_read(folder: Path, files: list[Path], most: int = 10) -> str:
    names = ", ".join(printable(path.relative_to(folder).as_posix()) for path in files[:most])
    more = f" and {len(files) - most} more" if len(files) > most else ""
    row_suffixes = set(ROW_SUFFIXES) - set(DOCUMENT_SUFFIXES)
    rows = [path for path in files if path.suffix.lower() in row_suffixes]
    hint = "; a file of rows is read by itself" if rows else ""
    count = f"{len(files)} files are" if len(files) > 1 else "1 file is"
    return f"{folder}: {count} not read: {names}{more}{hint}"


def _paragraph_rows(path: Path, name: str, tell: Callable[[str], None]) -> Iterator[RawRow]:
    document = read_document(path)
    if document.summary:
        tell(f"{name}: left out: {document.summary}")
    for paragraph in document:
        fields: dict = {
            "passage": paragraph.text,
            "document": name,
            "paragraph": paragraph.number,
        }
        if paragraph.page is not None:
            fields["page"] = paragraph.page
        yield RawRow(
            paragraph.number, paragraph.text, partial(dict, fields), name, paragraph.headings
        )


def _read_lines(path: Path, names: FieldNames) -> Iterator[RawRow]:
    """A passage a line, and an answer after a tab."""
    with open_text(path) as file:
        yield from line_rows(file, partial(_parse_line, names))


def _parse_line(names: FieldNames, text: str) -> dict:
    passage, _, answer = text.rstrip("\r\n").partition("\t")
    return {names.passage or "passage": passage, names.answer or "answer": answer}


def _wrapped_lines(path: Path) -> str | None:
    """A hint, where the lines look like those of one text and not like passages."""
    with open_text(path) as file:
        lines = [line.strip() for line in islice(iter(partial(file.readline, 1000), ""), 200)]
    # The last line of a paragraph ends a sentence anyway.
    inner = [line for line, after in pairwise(lines) if line and after]
    cut = [line for line in inner if "\t" not in line and not ends_sentence(line)]
    if len(cut) < 2 or len(cut) <= len(inner) / 2 or max(map(len, lines)) > 200:
        return None
    return (
        f"{path}: most lines end in mid-sentence, and each is read as a passage of its own; "
        "to join them, use generate --document, or a folder with the file"
    )


ROW_READERS: dict[str, Callable[[Path, FieldNames], Iterator[RawRow]]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": partial(read_csv, delimiter="\t"),
    ".txt": _read_lines,
    ".xlsx": read_workbook,
    ".parquet": read_parquet,
}
