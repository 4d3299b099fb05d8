"""Files people use: what came of a batch, in the format that the suffix or ``--format`` names.

A writer is a plain function from records and a path to the complete file.  A record is what a
line of JSONL output holds: ``passage``, ``questions`` (see :meth:`qgen.records.Question.to_dict`)
and the input row's other fields.  A question whose ``type`` is "cloze" has "_____" for its answer;
one whose type is "true-false" has the answer "True" or "False".
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock, Timeout

from qgen.errors import QGenError
from qgen.files.writers.cards import TAG_LENGTH, write_anki, write_kahoot, write_quizlet
from qgen.files.writers.datasets import (
    write_beir,
    write_llama_index,
    write_ragas,
    write_squad,
)
from qgen.files.writers.moodle import write_aiken, write_gift, write_moodle_xml
from qgen.files.writers.packages import write_h5p, write_qti
from qgen.files.writers.questions import as_text, fields, one_line
from qgen.files.writers.sheets import write_docx, write_html, write_markdown
from qgen.files.writers.tables import (
    QUESTION_FIELDS,
    renamed,
    write_csv,
    write_jsonl,
    write_parquet,
)
from qgen.records import Request, Result

__all__ = [
    "CELLS",
    "FORMATS",
    "QUESTION_FIELDS",
    "RETRIEVAL",
    "WRITERS",
    "Writer",
    "check_writable",
    "format_of",
    "link_target",
    "only_writer",
    "suffix_of",
    "to_record",
    "unfinished",
    "write",
]

Writer = Callable[..., Counter[str]]
"""Takes records that can be gone through more than once, and where to write.  Returns what was left
out: how many questions, by what is wrong with them."""

WRITERS: dict[str, Writer] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "tsv": partial(write_csv, delimiter="\t"),
    "squad": write_squad,
    "parquet": write_parquet,
    "gift": write_gift,
    "moodle-xml": write_moodle_xml,
    "qti": write_qti,
    "h5p": write_h5p,
    "aiken": write_aiken,
    "kahoot": write_kahoot,
    "quizlet": write_quizlet,
    "anki": write_anki,
    "markdown": write_markdown,
    "html": write_html,
    "docx": write_docx,
    "beir": write_beir,
    "ragas": write_ragas,
    "llama-index": write_llama_index,
}
FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "squad",
    ".parquet": "parquet",
    ".gift": "gift",
    ".xml": "moodle-xml",
    ".zip": "qti",
    ".h5p": "h5p",
    ".xlsx": "kahoot",
    ".txt": "anki",
    ".md": "markdown",
    ".html": "html",
    ".docx": "docx",
}
"""Which format a suffix means."""
_OTHER_SUFFIXES = {
    "aiken": ".txt",
    "quizlet": ".txt",
    "beir": ".zip",
    "ragas": ".jsonl",
    "llama-index": ".json",
}
"""Of the formats that no suffix means."""
RETRIEVAL = ("beir", "ragas", "llama-index")
"""The formats that are test sets for retrieval: every passage of the input is part of them."""
UNMARKED = "without a reader, questions that other passages answer are not marked"
"""What is told of such a test set."""

CELLS = ("csv", "tsv")
"""The formats that spreadsheets compute."""
_LIBRARIES = {"parquet": "pyarrow", "kahoot": "openpyxl", "docx": "docx"}
_KEEP_ALL = ("jsonl", "csv", "tsv", "parquet", "beir", "gift")
_KEEP_TITLE = ("html", "docx")
_KEEP_NONE = ("aiken", "kahoot", "quizlet", "llama-index", "ragas")
"""What the formats have of the input's fields; the others have title and id, and Anki's files all
that are short enough for a tag."""
_NO_CHOICES = ("squad", "quizlet", "beir", "ragas", "llama-index")


def to_record(request: Request, result: Result) -> dict:
    """What a request led to; input fields whose names it needs itself are prefixed ``input_``."""
    return {
        **renamed(request.extra, ("passage", "questions")),
        "passage": result.passage or request.passage,
        "questions": [question.to_dict() for question in result.questions],
    }


def format_of(path: str | Path, name: str | None = None) -> str:
    """The format's name: the one given, or the one that the suffix means.

    Raises:
        QGenError: there is no such format, the suffix means none, or what writes it is missing.
    """
    if name is None:
        name = _format_of_suffix(path)
    elif name not in WRITERS:
        raise QGenError(f"unknown format {name!r}; use one of {', '.join(WRITERS)}")
    if (library := _LIBRARIES.get(name)) and not _is_installed(library):
        raise QGenError(f"the format {name} needs: pip install 'qgen[documents]'")
    return name


def check_writable(path: Path) -> None:
    """Raise ``QGenError`` where no file can be written, or what is there is no regular file."""
    if path.is_dir():
        raise QGenError(f"cannot write {path}: it is a directory")
    if path.exists() and not path.is_file():
        raise QGenError(f"cannot write {path}: it is a pipe or a device")
    folder = link_target(path).parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise QGenError(f"cannot write {path}: its directory is missing or read-only")


def link_target(path: Path) -> Path:
    """Where a link leads, so that what replaces the file leaves the link; else the path itself."""
    return path.resolve() if path.is_symlink() else path


def unfinished(output: Path) -> tuple[Path, Path]:
    """What holds the records so far, and the output while it is being written."""
    return Path(f"{output}.partial"), Path(f"{output}.new{output.suffix}")


_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def only_writer(*outputs: Path) -> Iterator[None]:
    """Keep other runs from writing these files, by an empty file beside each, ``<output>.lock``.

    The operating system lets go of what a process held that is dead, so nothing stays locked.  In
    a folder whose file system has no locks, as of some networks, nobody is kept out.

    Raises:
        QGenError: another run is writing one of them, or it cannot be written.
    """
    with ExitStack() as held:
        for output in outputs:
            check_writable(output)
            lock = Path(f"{link_target(output)}.lock")
            try:
                held.enter_context(FileLock(lock, timeout=0))
            except Timeout:
                raise QGenError(f"another run is writing {output}") from None
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise QGenError(f"cannot write {lock}: {error.strerror or error}") from error
            held.callback(_remove_lock, lock)
        yield


def _remove_lock(path: Path) -> None:
    """While it is held still, so that nobody else can hold what is removed."""
    with suppress(OSError):  # Windows removes no open file; filelock does, once it is closed
        if not path.stat().st_size:  # else it was somebody's before
            path.unlink()


def suffix_of(name: str) -> str:
    """The suffix that a format's files have."""
    suffixes = {known: suffix for suffix, known in reversed(FORMATS.items())}
    return (_OTHER_SUFFIXES | suffixes)[name]


def write(name: str, records: Iterable[dict], path: Path, raw_cells: bool = False) -> list[str]:
    """Write records in a format.

    Args:
        name: of :data:`WRITERS`.
        records: what to write; gone through more than once.
        path: the file to write, or for BEIR a folder.
        raw_cells: CSV and TSV for programs, not for spreadsheets; see
            :func:`qgen.files.writers.tables.write_csv`.

    Returns:
        A line for each kind of thing that the format has no place for.
    """
    options = {"raw_cells": True} if raw_cells and name in CELLS else {}
    left_out = WRITERS[name](records, path, **options)
    lines = [
        f"{name} leaves out {count} question{'s' * (count > 1)} {why}"
        for why, count in left_out.items()
    ]
    if missing := _without_place(name, records):
        lines.append(f"{name} has no place for: {', '.join(map(one_line, missing))}")
    return lines


def _without_place(name: str, records: Iterable[dict]) -> list[str]:
    """The fields that the format's files do not have."""
    missing: dict[str, None] = {}
    for record in records:
        if name not in _KEEP_ALL:
            missing.update(dict.fromkeys(_lost_fields(name, record)))
        if name in _NO_CHOICES and any("choices" in q for q in record["questions"]):
            missing["choices"] = None
    return list(missing)


def _lost_fields(name: str, record: dict) -> Iterable[str]:
    texts = {field: text for field, value in fields(record).items() if (text := as_text(value))}
    if name == "anki":
        return [field for field, text in texts.items() if len(text) > TAG_LENGTH]
    kept = set() if name in _KEEP_NONE else {"title" if "title" in texts else "document"}
    if name not in _KEEP_TITLE:
        kept.add("id")
    return [field for field in texts if field not in kept or name in _KEEP_NONE]


def _is_installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ValueError:  # it was imported in an odd way
        return False


def _format_of_suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise QGenError(f"{path}: unknown file type; use one of {', '.join(FORMATS)}, or --format")
    return FORMATS[suffix]
