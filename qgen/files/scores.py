"""Rows with somebody's questions: read, and written again with what is thought of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from qgen.errors import QGenError
from qgen.files.fields import USUAL_NAMES, FieldNames, find_name, to_request
from qgen.files.outputs import check_writable, link_target, unfinished
from qgen.files.raw_rows import printable
from qgen.files.rows import check_readable, read_fields
from qgen.files.writers import format_of
from qgen.files.writers.questions import json_line
from qgen.files.writers.tables import question_rows, renamed, write_csv_rows, write_parquet_rows
from qgen.records import Question

_OF_RECORDS = FieldNames("passage", "answer")
"""Whatever else the fields of the input mean."""
_SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class QuestionRow:
    """A row with a question.

    Attributes:
        fields: the row as it was read.
        passage: the text; empty where there is a problem.
        question: with its answer, located in the passage; ``None`` where there is a problem.
        problem: what is wrong with the row.
    """

    fields: dict[str, Any]
    passage: str = ""
    question: Question | None = None
    problem: str = ""

    def with_verdict(self, verdict: dict[str, Any]) -> dict[str, Any]:
        """The row with the fields of a verdict; its own of the same names get ``input_``."""
        return {**renamed(self.fields, verdict), **verdict}


def read_questions(path: str | Path) -> Iterator[QuestionRow]:
    """The rows of any file that :mod:`qgen.files.rows` reads, with a ``question`` beside the
    passage and its answer, or with the ``questions`` of a record (:mod:`qgen.files.writers`), which
    become a row each; what its other fields are called depends on that record alone.

    Raises:
        QGenError: the file cannot be read, its type is unknown, or it has no rows.
    """
    empty = True
    for _, fields in read_fields(path):
        empty = False
        if isinstance(fields, str):
            yield QuestionRow({}, problem=fields)
        else:
            nested = _is_record(fields)
            for row in question_rows([fields]) if nested else [fields]:
                yield _row(row, _OF_RECORDS if nested else USUAL_NAMES)
    if empty:
        raise QGenError(f"{path} has no rows")


def _is_record(fields: dict[str, Any]) -> bool:
    """Whether a row has questions, not one question."""
    questions = fields.get("questions")
    nested = isinstance(questions, list) and all(isinstance(asked, dict) for asked in questions)
    return "passage" in fields and nested and bool(questions)


def _row(fields: dict[str, Any], names: FieldNames) -> QuestionRow:
    key = find_name(fields, ("question",))
    asked = fields[key] if key is not None else None
    if not isinstance(asked, str) or not asked.strip():
        return QuestionRow(fields, problem="the question is missing")
    try:
        request = to_request(fields, names)
    except QGenError as error:
        return QuestionRow(fields, problem=str(error))
    if not request.answers:
        return QuestionRow(fields, problem="the answer is missing, or is no part of the passage")
    return QuestionRow(fields, request.passage, Question(asked.strip(), request.answers[0], 0.0))


def check_output(source: str | Path, output: str | Path, raw_cells: bool = False) -> None:
    """Raise ``QGenError`` where the file cannot be read, or nothing can be written there so."""
    check_readable(source)
    path = Path(output)
    if path.suffix.lower() not in _SUFFIXES:
        raise QGenError(f"{path}: unknown file type; use one of {', '.join(_SUFFIXES)}")
    format_of(path, raw_cells=raw_cells)  # what writes it may be missing
    check_writable(path)
    path = link_target(path)
    if Path(source).resolve() in {file.resolve() for file in (path, *unfinished(path))}:
        raise QGenError("the input and the output must be different files")
    for file in unfinished(path):
        if file.exists():
            raise QGenError(f"{file} is in the way: remove it, or choose another output")


def write_scores(
    rows: Iterable[dict[str, Any]], output: str | Path, raw_cells: bool = False
) -> None:
    """Write rows in the format that the suffix means; the file appears when it is complete.

    CSV and TSV have raw cells for programs; see :func:`qgen.files.writers.tables.write_csv`.
    """
    suffix, path = Path(output).suffix.lower(), link_target(Path(output))
    _, complete = unfinished(path)
    try:
        # It has no name: a run that is killed leaves nothing in the way of the next one.
        with TemporaryFile("w+", encoding="utf-8", newline="\n", dir=path.parent) as scored:
            for row in rows:
                scored.write(printable(json_line(row)))
            if suffix in {".jsonl", ".ndjson"}:
                with complete.open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(_lines(scored))
            else:
                _write_table(scored, complete, suffix, raw_cells)
        os.replace(complete, path)
    finally:
        complete.unlink(missing_ok=True)


def _lines(file: IO[str]) -> Iterator[str]:
    file.seek(0)
    yield from file


def _write_table(source: IO[str], output: Path, suffix: str, raw_cells: bool) -> None:
    """The rows of a JSONL file as a table, with the reasons of each as one text."""
    kinds: dict[str, set[str]] = {}
    for row in map(json.loads, _lines(source)):
        for name, value in row.items():
            kinds.setdefault(name, set()).add(_kind(value))
    last = [name for name in ("confidence", "reader_answer", "reasons") if name in kinds]
    columns = [*(name for name in kinds if name not in last), *last]
    scored = map(json.loads, _lines(source))
    rows = (row | {"reasons": "; ".join(row["reasons"])} for row in scored)
    if suffix == ".parquet":
        types = {name: type for name in columns if (type := _type(kinds[name]))}
        write_parquet_rows(rows, columns, types, output)
    else:
        write_csv_rows(rows, columns, output, "\t" if suffix == ".tsv" else ",", raw_cells)


def _kind(value: Any) -> str:
    """The narrowest type of a column that has the value as it is; "" for none."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return "int" if abs(value) <= 2**53 else "long"  # which a double would round
    if value is None:
        return "null"
    return "double" if isinstance(value, float) else ""


def _type(kinds: set[str]) -> str | None:
    """Arrow's type for a column of values of these kinds; ``None`` for text."""
    kinds = kinds - {"null"}
    if kinds == {"bool"}:
        return "bool"
    if kinds and kinds <= {"int", "long"}:
        return "int64"
    return "double" if kinds <= {"int", "double"} else None
