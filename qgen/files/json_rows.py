"""JSON as raw rows: lines, arrays, objects one after another, and the lists inside of others.

No library is used for the stream: ijson 3.6 refuses NaN, which data frames write, in both of its
backends, and its fast one reads lone surrogates as question marks.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from qgen.errors import QGenError
from qgen.files.encoding import open_text
from qgen.files.fields import FieldNames, normal_name
from qgen.files.frames import rows_of, without_wrapper
from qgen.files.raw_rows import (
    MAX_CHARACTERS,
    RawRow,
    fail,
    finite,
    line_rows,
    no_number,
    parse_json,
    printable,
)


def read_jsonl(path: Path, names: FieldNames) -> Iterator[RawRow]:
    """An object a line."""
    with open_text(path) as file:
        yield from line_rows(file, partial(_parse_line, names))


def _parse_line(names: FieldNames, text: str) -> dict:
    try:
        fields = parse_json(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise QGenError(f"not valid JSON: {error}") from error
    return without_wrapper(_object(fields), names)


def _object(value: Any) -> dict:
    if not isinstance(value, dict):
        raise QGenError("not a JSON object")
    return value


def read_json(path: Path, names: FieldNames) -> Iterator[RawRow]:
    """An array of objects, objects one after another, or a list in an object: what the file holds.

    SQuAD's articles become a row for each question, and data frames one for each of theirs.
    """
    number = 0
    with open_text(path) as file:
        try:
            inside = _path_of_rows(path, names)
            for value in _records(_JsonStream(file), inside):
                for fields in (row for part in rows_of(value, names) for row in _squad_rows(part)):
                    number += 1
                    raw = json.dumps(fields, ensure_ascii=False)
                    yield RawRow(number, printable(raw), partial(_object, fields))
        except (ValueError, RecursionError) as error:
            if isinstance(error, QGenError):
                raise
            message = f"not valid JSON after record {number}: {error}"
            yield RawRow(number + 1, "", partial(fail, message))


_OF_A_ROW = {"answers", "answer", "questions", "question", "qas", "options", "choices"}
"""Lists that rows have."""


class _List(NamedTuple):
    """An array of objects inside of objects: the keys that lead to it, and if they are rows."""

    path: tuple[str, ...]
    has_rows: bool


def _path_of_rows(path: Path, names: FieldNames) -> tuple[str, ...]:
    """The keys that lead to the list of rows in a file's first object; none where it is a row.

    It is the one list whose objects have a passage, or else the list called ``data``, or the one
    list of objects.

    Raises:
        QGenError: several lists hold rows.
    """
    with open_text(path) as file:
        stream = _JsonStream(file)
        if stream.peek() != "{":
            return ()
        lists: list[_List] = []
        keys: list[str] = []
        try:
            _scan_object(stream, (), names, lists, keys)
            more = bool(stream.peek())
        except (ValueError, RecursionError):  # told when the reading comes there
            more = False
    if names.passage_in(keys) is not None or {"paragraphs", "qas"} & set(keys):
        return ()
    rows = [found for found in lists if found.has_rows]
    usual = [found for found in rows or lists if found.path[-1] == "data"]
    chosen = (usual if len(usual) == 1 else rows) or (lists if not more else [])
    if len(chosen) > 1 and rows:
        shown = " and ".join(f'"{".".join(found.path)}"' for found in chosen)
        raise QGenError(f"{path} has several lists of rows, {shown}: make each a file of its own")
    return chosen[0].path if len(chosen) == 1 else ()


def _scan_object(
    stream: _JsonStream,
    path: tuple[str, ...],
    names: FieldNames,
    lists: list[_List],
    keys: list[str],
) -> None:
    """Add the keys of the object that comes next, and the lists of objects in it."""
    key = stream.open_object()
    while key is not None:
        keys.append(key)
        mark = stream.peek()
        if mark == "[":
            _scan_list(stream, (*path, key), names, lists)
        elif mark == "{" and len(path) < 8:
            _scan_object(stream, (*path, key), names, lists, [])
        else:
            stream.value()
        key = stream.next_key()


def _scan_list(
    stream: _JsonStream, path: tuple[str, ...], names: FieldNames, lists: list[_List]
) -> None:
    """Add the list that comes next, if it is one of objects."""
    for i, value in enumerate(stream.elements()):
        if i == 0 and isinstance(value, dict):
            row = without_wrapper(value, names)
            has_rows = names.passage_in(row) is not None or "paragraphs" in value
            if has_rows or normal_name(path[-1]) not in _OF_A_ROW:
                lists.append(_List(path, has_rows))


def _records(stream: _JsonStream, inside: tuple[str, ...]) -> Iterator[Any]:
    while mark := stream.peek():
        if mark == "[":
            yield from stream.elements()
        elif mark == "{" and inside:
            empty = True
            for value in _elements_inside(stream, inside):
                empty = False
                yield value
            if empty:  # an object without that list is a row without a passage
                yield {}
        else:
            yield stream.value()


def _elements_inside(stream: _JsonStream, path: tuple[str, ...]) -> Iterator[Any]:
    """The elements of the list that the keys lead to; the object is read to its end."""
    key = stream.open_object()
    while key is not None:
        if path and key == path[0] and stream.peek() == "{":
            yield from _elements_inside(stream, path[1:])
        elif path == (key,) and stream.peek() == "[":
            yield from stream.elements()
        else:
            stream.value()
        key = stream.next_key()


class _JsonStream:
    """JSON values read one at a time, holding little more than one of them in memory."""

    def __init__(self, file: io.TextIOWrapper):
        self.file = file
        self.buffer = ""
        self.decoder = json.JSONDecoder(parse_constant=no_number, parse_float=finite)

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
            if len(self.buffer) > 2 * MAX_CHARACTERS:
                raise ValueError(f"a value is longer than {MAX_CHARACTERS:,} characters")
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


def _squad_rows(value: Any) -> Iterator[Any]:
    """A row for each question of an article in SQuAD 1.1's or 2.0's form, or for its paragraph.

    What is no article, and no paragraph of one, is a row itself.
    """
    if not isinstance(value, dict):
        yield value
        return
    if isinstance(value.get("paragraphs"), list):
        paragraphs = value["paragraphs"]
    elif isinstance(value.get("qas"), list) and "context" in value:
        paragraphs = [value]
    else:
        yield value
        return
    for paragraph in paragraphs:
        base = {"title": value["title"]} if "title" in value else {}
        if not isinstance(paragraph, dict) or not {"context", "qas"} & paragraph.keys():
            yield base | (paragraph if isinstance(paragraph, dict) else {"passage": paragraph})
            continue
        base = {"passage": paragraph.get("context")} | base
        qas = paragraph.get("qas")
        for qa in qas if isinstance(qas, list) and qas else [{}]:
            if not isinstance(qa, dict):
                yield base
                continue
            row = base | {key: qa[key] for key in ("id", "question") if key in qa}
            answers: Any = qa.get("answer") if qa.get("answers") is None else qa["answers"]
            start = qa.get("answer_start")
            if isinstance(answers, list) and answers:  # several people's: alternatives
                answers = answers[0]
                start = start[0] if isinstance(start, list) and start else start
                if isinstance(answers, dict):
                    answers, start = answers.get("text"), answers.get("answer_start")
            if answers not in (None, []):
                row |= {"answer": answers, "answer_start": start}
            yield row
