"""Rows with somebody's questions: read, and written again with what is thought of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from qgen.errors import QGenError
from qgen.files.raw_rows import printable
from qgen.files.rows import check_readable, read_fields, to_request
from qgen.files.writers import check_writable, link_target, unfinished
from qgen.files.writers.questions import json_line
from qgen.files.writers.tables import renamed, write_csv_rows
from qgen.records import Question


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
    passage and its answer.

    Raises:
        QGenError: the file cannot be read, its type is unknown, or it has no rows.
    """
    empty = True
    for fields in read_fields(path):
        empty = False
        yield QuestionRow({}, problem=fields) if isinstance(fields, str) else _row(fields)
    if empty:
        raise QGenError(f"{path} has no rows")


def _row(fields: dict[str, Any]) -> QuestionRow:
    asked = fields.get("question")
    if not isinstance(asked, str) or not asked.strip():
        return QuestionRow(fields, problem="the question is missing")
    try:
        request = to_request(fields)
    except QGenError as error:
        return QuestionRow(fields, problem=str(error))
    if not request.answers:
        return QuestionRow(fields, problem="the answer is missing, or is no part of the passage")
    return QuestionRow(fields, request.passage, Question(asked.strip(), request.answers[0], 0.0))


def check_output(source: str | Path, output: str | Path) -> None:
    """Raise ``QGenError`` where the file cannot be read, or nothing can be written there."""
    check_readable(source)
    path = Path(output)
    if path.suffix.lower() not in _WRITERS:
        raise QGenError(f"{path}: unknown file type; use one of {', '.join(_WRITERS)}")
    check_writable(path)
    path = link_target(path)
    if Path(source).resolve() in {file.resolve() for file in (path, *unfinished(path))}:
        raise QGenError("the input and the output must be different files")
    for file in unfinished(path):
        if file.exists():
            raise QGenError(f"{file} is in the way: remove it, or choose another output")


def write_scores(rows: Iterable[dict[str, Any]], output: str | Path) -> None:
    """Write rows in the format that the suffix means; the file appears when it is complete."""
    path = link_target(Path(output))
    partly, complete = unfinished(path)
    try:
        with partly.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(printable(json_line(row)))
        _WRITERS[path.suffix.lower()](partly, complete)
        os.replace(complete, path)
    finally:
        partly.unlink(missing_ok=True)
        complete.unlink(missing_ok=True)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from map(json.loads, file)


def _columns(path: Path) -> list[str]:
    names: dict[str, None] = {}  # an ordered set
    for row in _read(path):
        names.update(dict.fromkeys(row))
    last = [name for name in ("confidence", "reader_answer", "reasons") if name in names]
    return [*(name for name in names if name not in last), *last]


def _write_csv(source: Path, output: Path, delimiter: str = ",") -> None:
    write_csv_rows(map(_flat, _read(source)), _columns(source), output, delimiter)


def _write_parquet(source: Path, output: Path) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise QGenError("the format parquet needs: pip install 'qgen[documents]'") from error
    rows, columns = [_flat(row) for row in _read(source)], _columns(source)
    numbers = {
        name: pa.float64()
        for name in columns
        if all(isinstance(row.get(name), int | float | None) for row in rows)
    }
    schema = pa.schema([(name, numbers.get(name, pa.string())) for name in columns])
    cells = [
        {
            name: value if name in numbers or value is None else str(value)
            for name, value in row.items()
        }
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(cells, schema=schema), output)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose cells are text or numbers: reasons as sentences, other lists as JSON."""
    reasons = "; ".join(row["reasons"])
    cells = {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
        for name, value in row.items()
    }
    return cells | {"reasons": reasons}


_WRITERS: dict[str, Callable[[Path, Path], Any]] = {
    ".jsonl": lambda source, output: os.replace(source, output),
    ".ndjson": lambda source, output: os.replace(source, output),
    ".csv": _write_csv,
    ".tsv": partial(_write_csv, delimiter="\t"),
    ".parquet": _write_parquet,
}
