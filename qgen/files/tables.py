"""Tables as raw rows: CSV with any delimiter, workbooks and Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from qgen.errors import QGenError, first_line
from qgen.files.archives import check_archive
from qgen.files.cells import are_ours, restore
from qgen.files.encoding import decode_text, open_bytes, open_text
from qgen.files.fields import FieldNames, check_columns, normal_name
from qgen.files.raw_rows import (
    MAX_CHARACTERS,
    RawRow,
    bounded_lines,
    fail,
    parse_json,
    printable,
)

_SAMPLE = 1 << 20


def read_csv(path: Path, names: FieldNames, delimiter: str = ",") -> Iterator[RawRow]:
    """The rows of a table in text, each with the number of its first line.

    Where a quotation mark is not closed, or not at the end of its field, the line that the row
    begins with is a bad row, and the next line is read as the beginning of another.
    """
    # Python's bound of 131,072 characters a field, which is the whole process's, is for much
    # smaller memories; the lines are bounded here.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CHARACTERS))

    with open_text(path) as file:
        lines = _Lines(bounded_lines(file))
        dialect = _dialect(file, delimiter)
        escaping = partial(_with_lone_escaped, dialect["delimiter"])
        escaped = map(escaping, lines) if dialect["escapechar"] else lines
        reader = csv.reader(escaped, **dialect)
        try:
            header = next((row for row in reader if row and not _is_separator_line(row)), None)
        except csv.Error as error:
            raise QGenError(f"{path}: the header row is not valid CSV: {error}") from error
        if header is None:
            return
        header = _checked_header(path, header, names)
        as_written = restore if file.encoding == "utf-8-sig" and are_ours(header) else str
        while True:
            lines.begin()
            try:
                values = list(map(as_written, next(reader)))
                if not any(value.strip() for value in values):  # as Excel ends many a table
                    continue
                parse = partial(_named, header, values)
            except StopIteration:
                return
            except csv.Error as error:
                problem = _UNCLOSED if lines.unread_all_but_first() else str(error)
                parse = partial(fail, f"not valid CSV: {problem}")
            raw = "".join(lines.row)
            if raw.strip():
                yield RawRow(lines.number, printable(raw), parse)


_UNCLOSED = "a quotation mark opens a field, and none closes it"


class _Lines(Iterator[str]):
    """Physical lines, which can be gone back to as far as the row that is being read.

    A row that is no row ends at the first mark that closes nothing, and what was gone over till
    there has no other that opens something; so no line is read more than a few times.

    Attributes:
        row: the lines of the row so far.
        number: of the first of them, from 1.
    """

    def __init__(self, lines: Iterator[str]):
        self._lines, self._again = lines, deque[str]()
        self.row: list[str] = []
        self.number = 1

    def __next__(self) -> str:
        self.row.append(self._again.popleft() if self._again else next(self._lines))
        return self.row[-1]

    def begin(self) -> None:
        """Begin another row."""
        self.number += len(self.row)
        self.row = []

    def unread_all_but_first(self) -> bool:
        """Leave the row its first line, and say whether it had others."""
        several = len(self.row) > 1
        self._again.extendleft(reversed(self.row[1:]))
        del self.row[1:]
        return several


def _dialect(file: io.TextIOWrapper, usual: str) -> dict[str, Any]:
    """How the table is written, as ``csv.reader`` takes it."""
    delimiter = _delimiter(file) or usual
    sample = file.read(_SAMPLE)
    file.seek(0)
    dialect: dict[str, Any] = {
        "delimiter": delimiter,
        "escapechar": _escape(sample),
        "strict": True,
        "skipinitialspace": True,
    }
    if delimiter == "\t" and not _quotes_pair(sample, dialect):
        dialect["quoting"] = csv.QUOTE_NONE
    return dialect


def _quotes_pair(sample: str, dialect: dict[str, Any]) -> bool:
    """Whether quotation marks enclose fields, in more rows than in which they cannot.  In a TSV,
    which can do without, as MS MARCO and pandas with ``quoting=3`` write it, they may be mere text,
    such as somebody's words."""
    lines = _Lines(iter(io.StringIO(sample, newline="").readlines()))
    reader = csv.reader(lines, **dialect)
    enclosing = bad = 0
    while True:
        lines.begin()
        try:
            next(reader)
        except StopIteration:
            return enclosing > bad or not bad
        except csv.Error:  # or the sample ends inside of a field
            lines.unread_all_but_first()
            bad += 1
        else:
            enclosing += bool(re.search(r'(?:^|\t) *"', "".join(lines.row)))


def _delimiter(file: io.TextIOWrapper) -> str | None:
    """The delimiter of the header row: named by a ``sep=`` line, or the one it is split by."""
    first = file.readline(MAX_CHARACTERS)
    while first and not first.strip():
        first = file.readline(MAX_CHARACTERS)
    file.seek(0)
    if named := re.match(r"\s*\"?sep=(.)", first):
        return named.group(1)
    # Quoted names may hold any of them.
    bare = re.sub(r'"(?:[^"]|"")*"', "", first)
    counts = {mark: bare.count(mark) for mark in ",;\t|"}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else None


def _escape(sample: str) -> str | None:
    """The backslash, where quotation marks stand behind one, as Spark and MySQL write them."""
    return "\\" if re.search(r'\\"\w', sample) else None


def _with_lone_escaped(delimiter: str, line: str) -> str:
    """A line in which each backslash that escapes no mark, delimiter or line end, and no other,
    stands for itself."""
    escaping = rf"\\([\"\\\r\n]|{re.escape(delimiter)})|\\"
    return re.sub(escaping, lambda m: m[0] if m[1] else "\\\\", line)


def _is_separator_line(row: list[str]) -> bool:
    return bool(re.fullmatch(r"sep=.?", row[0].strip().strip("\ufeff")))


def _checked_header(path: Path, header: list[str], names: FieldNames) -> list[str]:
    """The columns' names, less the empty ones that delimiters at the end of the line make; of
    several without one, each is called by its place."""
    header = [str(name).strip().strip("\ufeff") for name in header]
    while header and not header[-1]:
        header.pop()
    if header.count("") > 1:
        header = [name or f"column {number}" for number, name in enumerate(header, 1)]
    try:
        _check_header(header, [normal_name(name) for name in header], names)
    except QGenError as error:
        raise QGenError(f"{path}: the header row: {error}") from error
    return header


def _check_header(columns: list[str], keys: list[str], names: FieldNames) -> None:
    """Refuse two columns of one name, and a table that :func:`check_columns` refuses.

    Args:
        columns: as they are called.
        keys: by what each is told from the others.
        names: of the fields.
    """
    twice = [name for i, name in enumerate(columns) if keys[i] in keys[:i]]
    if twice:
        raise QGenError(f'two columns are called "{twice[0]}"')
    check_columns(columns, names)


def _named(header: list[str], values: list[Any], more: dict | None = None) -> dict:
    # Delimiters at the end of the line, of every line or of this one.
    while len(values) > len(header) and values[-1] in ("", None):
        values = values[:-1]
    if len(values) != len(header):
        raise QGenError(f"the row has {len(values)} fields, the header row {len(header)}")
    return dict(zip(header, values, strict=True)) | (more or {})


def read_workbook(
    path: Path, names: FieldNames, tell: Callable[[str], None] = lambda message: None
) -> Iterator[RawRow]:
    """The rows of all the sheets that have a column for the passage; where there are several, each
    row has its sheet's name.  The other sheets are told."""
    import openpyxl

    with open_bytes(path) as file:
        check_archive(path, file)
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except Exception as error:  # of many kinds, from the archive to the dates in it
            raise QGenError(f"{path} is not a workbook: {first_line(error)}") from error
        try:
            yield from _workbook_rows(path, book, names, tell)
        except QGenError:
            raise
        except Exception as error:
            raise QGenError(f"{path} is a damaged workbook: {first_line(error)}") from error
        finally:
            book.close()


def _workbook_rows(
    path: Path, book: Any, names: FieldNames, tell: Callable[[str], None]
) -> Iterator[RawRow]:
    headers: dict[str, list[str]] = {}
    refused: dict[str, QGenError] = {}
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            tell(f'{path}: the sheet "{sheet.title}" is hidden and is not read')
            continue
        sheet.reset_dimensions()  # which some programs do not keep up to date
        first = next((cells for _, cells in _filled_rows(sheet)), None)
        if first is None:
            continue
        try:
            headers[sheet.title] = _checked_header(
                path, ["" if c is None else c for c in first], names
            )
        except QGenError as error:
            refused[sheet.title] = error
    for title, refusal in refused.items():
        if not headers:
            raise refusal
        reason = str(refusal).removeprefix(f"{path}: ")
        tell(f'{path}: the sheet "{title}" is not read: {reason}')
    for title, header in headers.items():
        named = "sheet" in map(normal_name, header)
        more = {"sheet": title} if len(headers) > 1 and not named else {}
        if hidden := len(_found(book[title], _HIDDEN)):
            rows = "1 hidden row, which is" if hidden == 1 else f"{hidden} hidden rows, which are"
            tell(f'{path}: the sheet "{title}" has {rows} read too')
        for number, values in islice(_filled_rows(book[title]), 1, None):
            raw = json.dumps([*values, *more.values()], ensure_ascii=False)
            filled = values + [None] * (len(header) - len(values))
            yield RawRow(number, printable(raw), partial(_named, header, filled, more))


def _filled_rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """The rows that are not empty, with their numbers, each up to its last cell that is not."""
    from openpyxl.utils.escape import unescape  # of "_x000D_", a carriage return

    merged: dict[int, list[tuple[int, int, int]]] | None = None  # below the header row
    shown: dict[int, tuple[int, int, Any]] = {}  # by column: to which column and row, and what
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        values = [unescape(cell) if isinstance(cell, str) else _plain(cell) for cell in cells]
        shown = {first: one for first, one in shown.items() if one[1] >= number}
        for first, (last, _, _) in shown.items():
            values[first:last] = [None] * len(values[first:last])  # Excel does not show them
        if _last(values) < 0:  # also where a passage is high, with nothing beside it
            continue
        for first, last, last_row in (merged or {}).get(number, ()):
            values[first + 1 : last] = [None] * len(values[first + 1 : last])
            shown[first] = last, last_row, values[first] if first < len(values) else None
        values += [None] * (max(shown, default=-1) + 1 - len(values))
        for first, (_, _, value) in shown.items():
            values[first] = value
        values = values[: _last(values) + 1]
        yield number, values
        merged = _merged_cells(sheet, len(values)) if merged is None else merged


def _last(values: list[Any]) -> int:
    """The index of the last cell that is not empty, or -1."""
    return max((i for i, value in enumerate(values) if value not in (None, "")), default=-1)


_MERGED = re.compile(
    rb'<(?:\w+:)?mergeCell\s[^<>]{0,200}?ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"'
)

_HIDDEN = re.compile(
    rb'<(?:\w+:)?row\s[^<>]{0,120}?\shidden="(?:1|true)"(?:\s[^<>]{0,130})?>\s{0,9}<(?:\w+:)?c\s'
)
"""By hand or by a filter, and not empty."""


def _found(sheet: Any, pattern: re.Pattern[bytes]) -> set[bytes]:
    """What a pattern finds in the source of a sheet, which openpyxl tells only where it keeps a
    whole sheet; each of at most 300 bytes."""
    found: set[bytes] = set()
    with sheet._get_source() as source:
        text = b""
        while chunk := source.read(_SAMPLE):
            text = text[-300:] + chunk
            found.update(pattern.findall(text))
    return found


def _merged_cells(sheet: Any, columns: int) -> dict[int, list[tuple[int, int, int]]]:
    """Those of the merged cells that begin in the first columns, by their first rows: the first
    column, that behind the last, the last row.  They stand behind the rows."""
    from openpyxl.utils import range_boundaries

    merged: dict[int, list[tuple[int, int, int]]] = {}
    for found in _found(sheet, _MERGED):
        first, row, last, last_row = range_boundaries(found.decode())
        if first <= columns:
            merged.setdefault(row, []).append((first - 1, last, last_row))
    return merged


def _plain(cell: Any) -> Any:
    """A cell's value as a JSON type, dates as ISO 8601 writes them."""
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, date | time | datetime):
        return cell.isoformat()
    return cell if isinstance(cell, str | int | float | None) else str(cell)


def _text(value: Any) -> str:
    """A value that JSON has no type for; bytes are text that nobody said is text."""
    return decode_text(value) if isinstance(value, bytes) else str(value)


def read_parquet(path: Path, names: FieldNames) -> Iterator[RawRow]:
    """The rows of a Parquet file, by their numbers."""
    import pyarrow
    import pyarrow.parquet

    try:
        with open_bytes(path) as opened:
            file = pyarrow.parquet.ParquetFile(opened)
            columns = file.schema_arrow.names
            try:
                _check_header(columns, columns, names)
            except QGenError as error:
                raise QGenError(f"{path}: {error}") from error
            number = 0
            for batch in file.iter_batches(batch_size=256):
                for fields in batch.to_pylist():
                    number += 1
                    raw = json.dumps(fields, ensure_ascii=False, default=_text)
                    yield RawRow(number, raw, partial(parse_json, raw))
    except UnicodeDecodeError as error:
        raise QGenError(f"{path}: a text in it is not valid UTF-8") from error
    except (pyarrow.ArrowException, OSError) as error:
        raise QGenError(f"{path} is not a Parquet file: {first_line(error)}") from error
    except QGenError:
        raise
    except Exception as error:  # of many kinds, as of dates that Python has no type for
        raise QGenError(f"{path} has a value that cannot be read: {first_line(error)}") from error
