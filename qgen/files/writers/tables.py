"""Rows of questions or records: JSONL, CSV, TSV and Parquet.  All fields of the input are kept."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from qgen.files.cells import protect
from qgen.files.fields import normal_name
from qgen.files.writers.questions import fields, json_line

QUESTION_FIELDS = ("question", "answer", "answer_start", "kind", "score", "confidence")
RESERVED = (*QUESTION_FIELDS, "choices", "rank")


def write_jsonl(records: Iterable[dict], path: Path) -> Counter[str]:
    """A line per record."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            file.write(json_line(record))
    return Counter()


def write_csv(
    records: Iterable[dict], path: Path, delimiter: str = ",", raw_cells: bool = False
) -> Counter[str]:
    """A row per question, with the same columns throughout.

    Args:
        delimiter: between two cells.
        raw_cells: for programs.  Otherwise the file is for spreadsheets: it begins with a byte
            order mark, without which Excel garbles accents, and text that a spreadsheet would
            compute has an apostrophe in front (see :mod:`qgen.files.cells`).
    """
    write_csv_rows(question_rows(records), _columns(records), path, delimiter, raw_cells)
    return Counter()


def write_csv_rows(
    rows: Iterable[dict],
    columns: list[str],
    path: Path,
    delimiter: str = ",",
    raw_cells: bool = False,
) -> None:
    """A line of columns, then one for each row; see :func:`write_csv`."""
    written = str if raw_cells else protect
    with path.open("w", encoding="utf-8" if raw_cells else "utf-8-sig", newline="") as file:
        writer, quoting = (
            csv.writer(file, lineterminator="\n", delimiter=delimiter, quoting=quotes)
            for quotes in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
        )
        lines = (map(row.get, columns) for row in rows)
        for line in chain([columns], lines):
            values = map(_cell, line)
            cells = [written(value) if isinstance(value, str) else value for value in values]
            # The module forgets to quote a carriage return, and readers drop a space in front.
            careful = any(isinstance(c, str) and ("\r" in c or c[:1] == " ") for c in cells)
            (quoting if careful else writer).writerow(cells)


def write_parquet(records: Iterable[dict], path: Path) -> Counter[str]:
    """A row per question; other fields of the input are text."""
    types = {"answer_start": "int64", "score": "double", "confidence": "double", "rank": "int64"}
    write_parquet_rows(question_rows(records), _columns(records), types, path)
    return Counter()


def write_parquet_rows(
    rows: Iterable[dict], columns: list[str], types: dict[str, str], path: Path
) -> None:
    """Rows as Parquet, some at a time; ``types`` are Arrow's names, other columns are text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, types.get(name, "string")) for name in columns])
    cells = (
        {
            name: value if name in types or value is None else str(_cell(value))
            for name, value in row.items()
        }
        for row in rows
    )
    with pq.ParquetWriter(path, schema) as writer:
        while some := list(islice(cells, 4096)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))


def question_rows(records: Iterable[dict]) -> Iterator[dict]:
    """A row per question: the input's other fields, the passage, the question, and its rank."""
    taken = {*RESERVED, *_more_fields(records)}
    for record in records:
        extra = renamed(fields(record), taken)
        for rank, question in enumerate(record["questions"], start=1):
            yield {**extra, "passage": record["passage"], **question, "rank": rank}


def renamed(extra: dict, taken: Iterable[str]) -> dict:
    """Fields of the input, those whose names are taken, in whatever case, with ``input_`` in front;
    and those that have it in front of such a name with one more, so that no two become the same."""
    taken = set(taken)
    return {
        f"input_{name}" if re.sub("^(input_)+", "", normal_name(name)) in taken else name: value
        for name, value in extra.items()
    }


def _columns(records: Iterable[dict]) -> list[str]:
    names: dict[str, None] = {}  # an ordered set
    for record in records:
        names.update(dict.fromkeys(fields(record)))
    more = _more_fields(records)
    return [*renamed(names, {*RESERVED, *more}), "passage", *QUESTION_FIELDS, *more, "rank"]


def _more_fields(records: Iterable[dict]) -> list[str]:
    """Fields that only some questions have, such as ``choices`` and ``type``."""
    names: dict[str, None] = {}
    for record in records:
        for question in record["questions"]:
            names.update(question)
    return [name for name in names if name not in QUESTION_FIELDS]


def _cell(value: Any) -> Any:
    """A value as a cell: text, a number, or JSON."""
    if isinstance(value, str | int | float | None):
        return value
    return json.dumps(value, ensure_ascii=False)
