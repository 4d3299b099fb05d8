"""Files people use: what came of a batch, in the format that the suffix or ``--format`` names.

A writer is a plain function from records and a path to the complete file.  A record is what a
line of JSONL output holds: ``passage``, ``questions`` (see :meth:`qgen.records.Question.to_dict`)
and the input row's other fields.  A question whose ``type`` is "cloze" has "_____" for its answer;
one whose type is "true-false" has the answer "True" or "False".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from qgen.errors import QGenError, install
from qgen.files.fields import find_name
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
from qgen.files.writers.tables import renamed, write_csv, write_jsonl, write_parquet
from qgen.records import Request, Result

Writer = Callable[[Iterable[dict], Path], Counter[str]]
"""Takes records that can be gone through more than once, and where to write.  Returns what was left
out: how many questions, by what is wrong with them."""


@dataclass(frozen=True)
class Format:
    """A format of output.

    Attributes:
        write: what writes it.
        suffixes: those that its files can have, the usual one first.
        is_meant: whether these suffixes mean it where no format is named.
        needs: the library that writes it, where that may be missing.
        keeps: which of the input's fields it has, "title" for the document's name where there is
            no title; ``None`` for all.
        longest: most characters of a field that it has.
        has_choices: whether it has the choices of a question.
        is_corpus: whether it is a test set for retrieval.
        write_raw: what writes it for programs, if it is one that spreadsheets compute.
    """

    write: Writer
    suffixes: tuple[str, ...]
    is_meant: bool = True
    needs: str = ""
    keeps: tuple[str, ...] | None = ("title", "id")
    longest: float = math.inf
    has_choices: bool = True
    is_corpus: bool = False
    write_raw: Writer | None = None


@dataclass(frozen=True)
class Omitted:
    """What a format has no place for.

    Attributes:
        questions: how many of them are not in the file.
        lines: a line for each kind of thing, those among them.
    """

    questions: int
    lines: list[str]


_ALL = None
_corpus = partial(Format, is_meant=False, has_choices=False, is_corpus=True)

WRITERS = {
    "jsonl": Format(write_jsonl, (".jsonl", ".ndjson"), keeps=_ALL),
    "csv": Format(write_csv, (".csv",), keeps=_ALL, write_raw=partial(write_csv, raw_cells=True)),
    "tsv": Format(
        partial(write_csv, delimiter="\t"),
        (".tsv",),
        keeps=_ALL,
        write_raw=partial(write_csv, delimiter="\t", raw_cells=True),
    ),
    "squad": Format(write_squad, (".json",), has_choices=False),
    "parquet": Format(write_parquet, (".parquet",), needs="pyarrow", keeps=_ALL),
    "gift": Format(write_gift, (".gift",), keeps=_ALL),
    "moodle-xml": Format(write_moodle_xml, (".xml",)),
    "qti": Format(write_qti, (".zip",)),
    "h5p": Format(write_h5p, (".h5p",)),
    "aiken": Format(write_aiken, (".txt",), is_meant=False, keeps=()),
    "kahoot": Format(write_kahoot, (".xlsx",), needs="openpyxl", keeps=()),
    "quizlet": Format(write_quizlet, (".txt",), is_meant=False, keeps=(), has_choices=False),
    "anki": Format(write_anki, (".txt",), keeps=_ALL, longest=TAG_LENGTH),
    "markdown": Format(write_markdown, (".md",)),
    "html": Format(write_html, (".html",), keeps=("title",)),
    "docx": Format(write_docx, (".docx",), needs="docx", keeps=("title",)),
    "beir": _corpus(write_beir, (".zip",), keeps=_ALL),
    "ragas": _corpus(write_ragas, (".jsonl",), keeps=()),
    "llama-index": _corpus(write_llama_index, (".json",), keeps=()),
}
FORMATS = {
    suffix: name
    for name, format in WRITERS.items()
    if format.is_meant
    for suffix in format.suffixes
}
"""Which format a suffix means."""
RETRIEVAL = tuple(name for name, format in WRITERS.items() if format.is_corpus)
"""The formats that are test sets for retrieval: every passage of the input is part of them."""
UNMARKED = "without a reader, questions that other passages answer are not marked"
"""What is told of such a test set."""
CELLS = tuple(name for name, format in WRITERS.items() if format.write_raw)
"""The formats that spreadsheets compute."""


def to_record(request: Request, result: Result) -> dict:
    """What a request led to; input fields whose names it needs itself are prefixed ``input_``."""
    return {
        **renamed(request.extra, ("passage", "questions")),
        "passage": result.passage or request.passage,
        "questions": [question.to_dict() for question in result.questions],
    }


def format_of(path: str | Path, name: str | None = None, raw_cells: bool = False) -> str:
    """The format's name: the one given, or the one that the suffix means.

    Raises:
        QGenError: there is no such format, the suffix means none, what writes it is missing, or
            raw cells are asked of one that has none.
    """
    if name is None:
        name = _format_of_suffix(path)
    elif name not in WRITERS:
        raise QGenError(f"unknown format {name!r}; use one of {', '.join(WRITERS)}")
    if (library := WRITERS[name].needs) and not _is_installed(library):
        raise QGenError(f"the format {name} needs: {install('documents')}")
    if raw_cells and name not in CELLS:
        raise QGenError(f"raw cells are for {' and '.join(CELLS)}, not for {name}")
    return name


def suffix_of(name: str) -> str:
    """The suffix that a format's files have."""
    return WRITERS[name].suffixes[0]


def write(name: str, records: Iterable[dict], path: Path, raw_cells: bool = False) -> Omitted:
    """Write records in a format.

    Args:
        name: of :data:`WRITERS`.
        records: what to write; gone through more than once.
        path: the file to write, or for BEIR a folder.
        raw_cells: CSV and TSV for programs, not for spreadsheets; see
            :func:`qgen.files.writers.tables.write_csv`.

    Returns:
        What the format has no place for.
    """
    format = WRITERS[name]
    writer = (raw_cells and format.write_raw) or format.write
    left_out = writer(records, path)
    lines = [
        f"{name} leaves out {count} question{'s' * (count > 1)} {why}"
        for why, count in left_out.items()
    ]
    if missing := _without_place(format, records):
        shown = (one_line(field) or "a field without a name" for field in missing)
        lines.append(f"{name} has no place for: {', '.join(shown)}")
    return Omitted(left_out.total(), lines)


def _without_place(format: Format, records: Iterable[dict]) -> list[str]:
    """The fields that the format's files do not have."""
    missing: dict[str, None] = {}
    for record in records:
        missing.update(dict.fromkeys(_lost_fields(format, record)))
        if not format.has_choices and any("choices" in q for q in record["questions"]):
            missing["choices"] = None
    return list(missing)


def _lost_fields(format: Format, record: dict) -> Iterable[str]:
    values = fields(record).items()
    texts = {field: text for field, value in values if (text := one_line(as_text(value)))}
    kept: set[str | None] = set(texts)
    if format.keeps is not None:
        kept = {find_name(texts, (name,)) for name in format.keeps}
        if "title" in format.keeps and find_name(texts, ("title",)) is None:
            kept.add(find_name(texts, ("document",)))
    return [name for name, text in texts.items() if name not in kept or len(text) > format.longest]


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
