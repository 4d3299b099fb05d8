"""Files people have, as rows to ask about: tables, JSON, SQuAD, plain text, and documents.

A format is a plain function from a file to an iterator of raw rows; :data:`ROW_READERS` has them by
suffix.  Everything is streamed.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from qgen.english.locate import locate_answer
from qgen.errors import QGenError, first_line
from qgen.files.cells import are_ours, restore
from qgen.files.documents import DOCUMENT_READERS, read_document
from qgen.files.encoding import open_text
from qgen.records import Answer, Request


@dataclass(frozen=True)
class Row:
    """An input row.

    Attributes:
        line: number of its first line, or of the record where the format has no lines; from 1.
        raw: its text, for the error file.
        content: its request, or what is wrong with it.
    """

    line: int
    raw: str
    content: Request | str


class RawRow(NamedTuple):
    """First line number, raw text, and a function that parses it (or raises ``QGenError``)."""

    line: int
    raw: str
    parse: Callable[[], dict]


def read_rows(path: str | Path) -> Iterator[Row]:
    """The rows of a file, or the paragraphs of the documents in a folder.

    Raises:
        QGenError: the file cannot be read, its type is unknown, or its header is unusable.  What
            is wrong with one row is that row's content instead.
    """
    path = Path(path)
    for line, raw, parse in _raw_rows(path):
        content: Request | str
        try:
            content = to_request(parse())
        except QGenError as error:
            content = str(error)
        yield Row(line, raw.rstrip("\r\n"), content)


def read_fields(path: str | Path) -> Iterator[dict | str]:
    """The fields of each row as the file has them, or what is wrong with the row.

    Raises:
        QGenError: as :func:`read_rows`.
    """
    for raw in _raw_rows(Path(path)):
        try:
            yield raw.parse()
        except QGenError as error:
            yield str(error)


def read_requests(path: str | Path) -> Iterator[tuple[int, Request]]:
    """The lines and requests of a file that has nothing but good rows.

    Raises:
        QGenError: as :func:`read_rows`, and for the first row with which something is wrong.
    """
    for row in read_rows(path):
        if isinstance(row.content, str):
            raise QGenError(f"{path}, line {row.line}: {row.content}")
        yield row.line, row.content


def count_rows(path: str | Path) -> int:
    """How many rows :func:`read_rows` gives, without parsing them; it raises the same."""
    return sum(1 for _ in _raw_rows(Path(path)))


def check_readable(path: str | Path) -> None:
    """Raise ``QGenError`` unless ``read_rows`` knows this type of file and can open it."""
    path = Path(path)
    if path.is_dir():
        if not _documents(path):
            raise QGenError(
                f"{path} holds no document; these are read: {', '.join(DOCUMENT_READERS)}"
            )
        return
    known = {**ROW_READERS, **DOCUMENT_READERS}
    if path.suffix.lower() not in known:
        raise QGenError(f"{path}: unknown file type; use one of {', '.join(known)}, or a folder")
    try:
        path.open("rb").close()
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror}") from error


def _raw_rows(path: Path) -> Iterator[RawRow]:
    check_readable(path)
    if path.is_dir():
        for number, document in enumerate(_documents(path), 1):
            name = str(document.relative_to(path))
            try:
                yield from _paragraph_rows(document, name)
            except QGenError as error:
                yield RawRow(number, name, partial(_fail, str(error)))
    elif reader := ROW_READERS.get(path.suffix.lower()):
        yield from reader(path)
    else:
        yield from _paragraph_rows(path, path.name)


def _documents(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in DOCUMENT_READERS)


def _paragraph_rows(path: Path, name: str) -> Iterator[RawRow]:
    for paragraph in read_document(path):
        fields = {"passage": paragraph.text, "document": name, "paragraph": paragraph.number}
        if paragraph.page is not None:
            fields["page"] = paragraph.page
        yield RawRow(paragraph.number, paragraph.text, partial(dict, fields))


# -- one row's fields ------------------------------------------------------------------------------

_PASSAGE = ("passage", "context", "text", "paragraph")
_ANSWER = ("answer", "answers", "answer_text")
_START = ("answer_start", "answer_offset")
_NO_SPAN = re.compile(r"answer_?(end|id|ids|kind|type|count|length|number)$|is_?answerable$")
_NOTHING = {"nan", "null"}


def to_request(fields: dict) -> Request:
    """The request that a row's fields make.

    The passage is the field ``passage``, ``context``, ``text`` or ``paragraph``; the answer
    ``answer``, ``answers`` or ``answer_text``: text, a number, a list (each is asked for), or
    SQuAD's ``{"text": [...], "answer_start": [...]}`` (alternatives, of which the first is asked
    for).  Names may differ in case and white space.  Other fields are kept as they are.

    Raises:
        QGenError: there is no passage, a value is of the wrong type, or an answer is not in the
            passage.
    """
    try:
        json.dumps(fields, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise QGenError("not valid UTF-8 text") from error
    names = {_normal(name): name for name in fields}
    keys = [_first(names, known) for known in (_PASSAGE, _ANSWER, _START)]
    check_answer_names(fields)
    passage_key, answer_key, start_key = keys
    passage = fields[passage_key] if passage_key is not None else None
    if not isinstance(passage, str):
        name = passage_key or "passage"
        raise QGenError(f'"{name}" is missing' if passage is None else f'"{name}" must be text')
    if not passage.strip():
        raise QGenError("the passage is empty")
    answer = fields.get(answer_key) if answer_key is not None else None
    start = fields.get(start_key) if start_key is not None else None
    answers = tuple(
        located
        for text, offset in _spans(answer, start, answer_key or "answer", start_key)
        if (located := _located(passage, text, offset))
    )
    extra = {name: value for name, value in fields.items() if name not in keys}
    return Request(passage, answers, extra)


def check_answer_names(names: Iterable[str]) -> None:
    """Refuse a name that must mean the answer but is not one of those that are read.

    Raises:
        QGenError: there is such a name, or two that mean the answer, or its start.
    """
    normal = {_normal(name): name for name in names}
    strange = [
        name
        for key, name in normal.items()
        if "answer" in key and key not in _ANSWER + _START and not _NO_SPAN.search(key)
    ]
    if strange:
        raise QGenError(
            f'"{strange[0]}" looks like an answer but is not read; call it "answer" '
            '(and its offset "answer_start")'
        )
    for known in (_ANSWER, _START):
        twice = [normal[key] for key in known if key in normal]
        if len(twice) > 1:
            raise QGenError(f'"{twice[0]}" and "{twice[1]}" both name the answer')


def _normal(name: Any) -> str:
    return re.sub(r"[\s\-]+", "_", str(name).strip().strip("\ufeff").lower())


def _first(names: dict[str, str], known: tuple[str, ...]) -> str | None:
    return next((names[key] for key in known if key in names), None)


def _spans(
    answer: Any, start: Any, answer_name: str, start_name: str | None
) -> list[tuple[str | None, int | None]]:
    """The answers' texts and offsets that a row's values mean."""
    if isinstance(answer, str) and answer.lstrip()[:1] in {"[", "{"}:
        answer = _written_out(answer)
    if isinstance(answer, dict):
        if set(answer) - {"text", "answer_start"} or "text" not in answer:
            raise QGenError(f'"{answer_name}" must be text, a list, or {{"text", "answer_start"}}')
        answer, start = answer["text"], answer.get("answer_start", start)
        if isinstance(answer, list):  # of one question: alternatives
            first_start = start[0] if isinstance(start, list) and start else None
            answer, start = (answer[0], first_start) if answer else (None, None)
    elif isinstance(answer, list):
        if answer and all(isinstance(item, dict) and "text" in item for item in answer):
            start = [item.get("answer_start") for item in answer]
            answer = [item["text"] for item in answer]
        starts = start if isinstance(start, list) else [start] if start is not None else []
        if starts and len(starts) != len(answer):
            raise QGenError(f"{len(answer)} answers but {len(starts)} offsets")
        return [
            (_text(item, answer_name), _offset(starts[i] if starts else None, start_name))
            for i, item in enumerate(answer)
        ]
    text = _text(answer, answer_name)
    return [] if text is None else [(text, _offset(start, start_name))]


def _written_out(text: str) -> Any:
    """A list or an object in a cell of a table, as JSON or Python writes it; else the text."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def _text(value: Any, name: str) -> str | None:
    """An answer's text; numbers are text too, and NaN is nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise QGenError(f'"{name}" must be text')
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _offset(value: Any, name: str | None) -> int | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        if not value.strip() or value.strip().lower() in _NOTHING:
            return None
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise QGenError(f'"{name or "answer_start"}" must be a whole number')
    return int(value)


def _located(passage: str, text: str | None, start: int | None) -> Answer | None:
    if text is None or not text.strip():
        return None
    try:
        return locate_answer(passage, text, start)
    except QGenError:
        if text.strip().lower() in _NOTHING:  # how some programs write that there is none
            return None
        if re.fullmatch(r"\s*\d+\.0\s*", text):  # and how they write whole numbers
            return locate_answer(passage, text.strip().removesuffix(".0"), start)
        raise


# -- lines -----------------------------------------------------------------------------------------


def _read_jsonl(path: Path) -> Iterator[RawRow]:
    return _read_lines(path, _parse_json)


def _read_txt(path: Path) -> Iterator[RawRow]:
    return _read_lines(path, _parse_txt)


def _read_lines(path: Path, parse: Callable[[str], dict]) -> Iterator[RawRow]:
    with open_text(path) as file:
        for line, text in enumerate(file, start=1):
            if text.strip():
                yield RawRow(line, _printable(text), partial(parse, text))


def _parse_json(text: str) -> dict:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise QGenError(f"not valid JSON: {error}") from error
    return _object(fields)


def _object(value: Any) -> dict:
    if not isinstance(value, dict):
        raise QGenError("not a JSON object")
    return value


def _parse_txt(text: str) -> dict:
    passage, _, answer = text.rstrip("\r\n").partition("\t")
    return {"passage": passage, "answer": answer}


def _fail(message: str) -> dict:
    raise QGenError(message)


def _printable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


# -- tables ----------------------------------------------------------------------------------------


def _read_csv(path: Path, delimiter: str | None = None) -> Iterator[RawRow]:
    lines: list[str] = []  # the physical lines of the row being read

    with open_text(path) as file:
        delimiter = _delimiter(file) or delimiter or ","

        def recorded() -> Iterator[str]:
            for text in file:
                lines.append(text)
                yield text

        reader = csv.reader(recorded(), delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            header = next((row for row in reader if row and not _is_separator_line(row)), None)
        except csv.Error as error:
            raise QGenError(f"{path}: the header row is not valid CSV: {error}") from error
        if header is None:
            return
        normal = [_normal(name) for name in header]
        if len(set(normal)) < len(normal) or not set(_PASSAGE) & set(normal):
            raise QGenError(
                f'{path}: the header row must name a "passage" column, and no column twice'
            )
        try:
            check_answer_names(header)
        except QGenError as error:
            raise QGenError(f"{path}: the header row: {error}") from error
        header = [name.strip().strip("\ufeff") for name in header]
        as_written = restore if file.encoding == "utf-8-sig" and are_ours(header) else str
        while True:
            lines.clear()
            first_line = reader.line_num + 1
            try:
                parse = partial(_parse_csv, header, list(map(as_written, next(reader))))
            except StopIteration:
                return
            except csv.Error as error:
                parse = partial(_fail, f"not valid CSV: {error}")
            raw = "".join(lines)
            if raw.strip():
                yield RawRow(first_line, _printable(raw), parse)


def _delimiter(file: io.TextIOWrapper) -> str | None:
    """The delimiter of the header row: named by a ``sep=`` line, or the one it is split by."""
    first = file.readline()
    while first and not first.strip():
        first = file.readline()
    file.seek(0)
    if named := re.match(r"\s*\"?sep=(.)", first):
        return named.group(1)
    # Quoted names may hold any of them.
    bare = re.sub(r'"(?:[^"]|"")*"', "", first)
    counts = {mark: bare.count(mark) for mark in ",;\t|"}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else None


def _is_separator_line(row: list[str]) -> bool:
    return bool(re.fullmatch(r"sep=.?", row[0].strip().strip("\ufeff")))


def _parse_csv(header: list[str], values: list[str]) -> dict:
    if len(values) != len(header):
        raise QGenError(f"the row has {len(values)} fields, the header row {len(header)}")
    fields = dict(zip(header, values, strict=True))
    if not fields.get("", "x"):  # a delimiter at the end of every line
        del fields[""]
    return fields


def _read_parquet(path: Path) -> Iterator[RawRow]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise QGenError(f"{path}: Parquet needs: pip install 'qgen[documents]'") from error
    try:
        file = pyarrow.parquet.ParquetFile(path)
        check_answer_names(file.schema_arrow.names)
        number = 0
        for batch in file.iter_batches(batch_size=256):
            for fields in batch.to_pylist():
                number += 1
                raw = json.dumps(fields, ensure_ascii=False, default=str)
                yield RawRow(number, raw, partial(json.loads, raw))
    except (pyarrow.ArrowException, OSError) as error:
        raise QGenError(f"{path} is not a Parquet file: {first_line(error)}") from error


# -- JSON ------------------------------------------------------------------------------------------


def _read_json(path: Path) -> Iterator[RawRow]:
    """An array of objects, objects one after another, or SQuAD's articles: what the file holds."""
    number = 0
    with open_text(path) as file:
        try:
            for value in _json_records(_JsonStream(file)):
                for fields in _squad_rows(value) if _is_article(value) else [value]:
                    number += 1
                    raw = json.dumps(fields, ensure_ascii=False)
                    yield RawRow(number, _printable(raw), partial(_object, fields))
        except (ValueError, RecursionError) as error:
            message = f"{path} is not valid JSON after record {number}: {error}"
            yield RawRow(number + 1, "", partial(_fail, message))


def _json_records(stream: _JsonStream) -> Iterator[Any]:
    while mark := stream.peek():
        if mark == "[":
            yield from stream.elements()
        elif mark == "{" and (key := stream.open_object()) is not None:
            fields = {}
            while key is not None:
                # {"version": ..., "data": [...]}, SQuAD's and many others' wrapping
                if key == "data" and stream.peek() == "[":
                    yield from stream.elements()
                else:
                    fields[key] = stream.value()
                key = stream.next_key()
            if set(map(_normal, fields)) & set(_PASSAGE + _ANSWER):
                yield fields
        else:
            yield stream.value()


class _JsonStream:
    """JSON values read one at a time, holding little more than one of them in memory."""

    def __init__(self, file: io.TextIOWrapper):
        self.file = file
        self.buffer = ""
        self.decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        self.buffer = self.buffer.lstrip(" \t\r\n\ufeff")
        while not self.buffer:
            chunk = self.file.read(1 << 16)
            if not chunk:
                return ""
            self.buffer = chunk.lstrip(" \t\r\n\ufeff")
        return self.buffer[0]

    def take(self, mark: str) -> bool:
        """Pass over the mark, if it comes next."""
        if self.peek() != mark:
            return False
        self.buffer = self.buffer[1:]
        return True

    def value(self) -> Any:
        """The next value, whole."""
        self.peek()
        size = 1 << 16
        while True:
            try:
                value, end = self.decoder.raw_decode(self.buffer)
                # A number may go on in what is still to be read.
                if end < len(self.buffer) or not (more := self.file.read(size)):
                    self.buffer = self.buffer[end:]
                    return value
            except json.JSONDecodeError:
                if not (more := self.file.read(size)):
                    raise
            self.buffer += more
            size *= 2

    def elements(self) -> Iterator[Any]:
        """The elements of the array that comes next."""
        self.take("[")
        if self.take("]"):
            return
        while True:
            yield self.value()
            if self.take("]"):
                return
            if not self.take(","):
                raise ValueError("an array is cut off" if not self.peek() else "a comma is missing")

    def open_object(self) -> str | None:
        """The first key of the object that comes next; ``None`` if it has none."""
        self.take("{")
        return None if self.take("}") else self._key()

    def next_key(self) -> str | None:
        """The key after a value; ``None`` at the end of the object."""
        if self.take("}"):
            return None
        if not self.take(","):
            raise ValueError("an object is cut off" if not self.peek() else "a comma is missing")
        return self._key()

    def _key(self) -> str:
        key = self.value()
        if not isinstance(key, str) or not self.take(":"):
            raise ValueError("a key is missing")
        return key


def _is_article(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("paragraphs"), list)


def _squad_rows(article: dict) -> Iterator[dict]:
    """A row for each question of an article in SQuAD 1.1's or 2.0's form, or for its paragraph."""
    for paragraph in article["paragraphs"]:
        if not isinstance(paragraph, dict):
            yield {"passage": None}
            continue
        base = {"passage": paragraph.get("context")}
        if "title" in article:
            base["title"] = article["title"]
        for qa in paragraph.get("qas") or [{}]:
            row = base | {key: qa[key] for key in ("id", "question") if key in qa}
            answers = qa.get("answers")  # several people's: alternatives
            if isinstance(answers, list) and answers and isinstance(answers[0], dict):
                first = answers[0]
                row |= {"answer": first.get("text"), "answer_start": first.get("answer_start")}
            yield row


ROW_READERS: dict[str, Callable[[Path], Iterator[RawRow]]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_json,
    ".csv": _read_csv,
    ".tsv": partial(_read_csv, delimiter="\t"),
    ".txt": _read_txt,
    ".parquet": _read_parquet,
}
