"""Batch generation from file to file: streamed, in input order, resumable after a kill.

Rows are read a buffer at a time, so memory does not grow with the input.  Finished buffers are
appended to ``<output>.partial`` and noted in the journal ``<output>.progress.json``; a run that is
started again with the same input and settings goes on after the last of them.  The output itself
appears, or replaces an older one, only when it is complete.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from qgen.errors import QGenError
from qgen.packing import locate_answer
from qgen.types import Example, Question, Request

GenerateFunction = Callable[[list[Request]], list[list[Question]]]
"""Turns requests into questions: one inner list per request, best question first."""


@dataclass(frozen=True)
class BatchSummary:
    """What a finished run did, the part before a resumption included.

    Attributes:
        rows: input rows read, bad ones included.
        questions: questions written.
        errors: bad rows.
        resumed_from: rows that an earlier, interrupted run had finished; 0 for a fresh run.
        output_path: the output file.
        errors_path: the error file, or ``None`` where there were no errors.
    """

    rows: int
    questions: int
    errors: int
    resumed_from: int
    output_path: Path
    errors_path: Path | None


def run_batch(
    input_path: str | os.PathLike,
    output_path: str | os.PathLike,
    generate: GenerateFunction,
    *,
    batch_size: int = 16,
    buffer_size: int = 512,
    errors_path: str | os.PathLike | None = None,
    progress: bool = True,
    settings: dict | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> BatchSummary:
    """Generate questions for every row of a file.

    Input is ``.jsonl``/``.ndjson`` or ``.csv``/``.tsv`` with the fields ``passage`` (or
    ``context``) and optionally ``answer`` and ``answer_start``, or ``.txt`` with a passage per
    line, optionally followed by a tab and an answer; UTF-8, blank lines ignored.  Output is
    ``.jsonl``, a row per input row with its ``questions``, or ``.csv``, a row per question with
    its 1-based ``rank``.  Other input fields are copied to the output row; one whose name the
    output needs for itself gets the prefix ``input_``.

    A bad row is reported on stderr and kept in the error file (``line``, ``error``, ``input``)
    while the rest goes on.  Any exception other than ``QGenError`` from ``generate`` stops the run,
    which can then be resumed.

    Args:
        input_path: the file to read.
        output_path: the file to write.
        generate: the model.  Where it raises ``QGenError``, the rows of its batch are tried again
            one at a time.
        batch_size: most requests per call of ``generate``.
        buffer_size: rows held in memory, sorted by passage length into batches, and written to
            disk together; a kill loses at most this many finished rows.
        errors_path: the error file; ``<output>.errors.jsonl`` by default.
        progress: show a progress bar on stderr.
        settings: what, apart from the input, decides the questions, as JSON types; an interrupted
            run with other settings is not resumed.
        on_progress: called after each batch with the rows done and the rows in all.

    Raises:
        QGenError: a path, a file format, the CSV header or a size is unusable, or the input has no
            rows; nothing has been generated or overwritten then.
    """
    source, output = Path(input_path), Path(output_path)
    errors = Path(errors_path or f"{output}.errors.jsonl")
    _check_arguments(source, output, errors, batch_size, buffer_size)
    identity = {
        "input_type": source.suffix.lower(),
        "input_sha256": _sha256(source),
        "errors_path": str(errors),
        "settings": json.loads(json.dumps(settings)),
    }
    total, extra_names = _survey(source)
    writer = _CsvWriter(extra_names) if output.suffix.lower() == ".csv" else _JsonlWriter()
    sink = _Sink(source, output, errors, identity, writer)
    done = resumed_from = sink.progress.rows

    with tqdm(total=total, initial=done, unit="row", disable=not progress) as bar:

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            bar.update(rows)
            if on_progress:
                on_progress(done, total)

        remaining = islice(_read(source), resumed_from, None)
        while buffer := list(islice(remaining, buffer_size)):
            results = _process(buffer, generate, batch_size, advance)
            sink.commit(buffer, results)

    sink.publish()
    return BatchSummary(
        rows=total,
        questions=sink.progress.questions,
        errors=sink.progress.errors,
        resumed_from=resumed_from,
        output_path=output,
        errors_path=errors if sink.progress.errors else None,
    )


def _check_arguments(
    source: Path, output: Path, errors: Path, batch_size: int, buffer_size: int
) -> None:
    if batch_size < 1 or buffer_size < 1:
        raise QGenError("the batch size and the buffer size must be at least 1")
    for path, known in ((source, _READERS), (output, (".jsonl", ".csv"))):
        if path.suffix.lower() not in known:
            raise QGenError(f"{path}: unknown file type; use one of {', '.join(known)}")
    if len({path.resolve() for path in (source, output, errors)}) < 3:
        raise QGenError("the input, the output and the error file must be different files")
    for path in (output, errors):
        if path.is_dir():
            raise QGenError(f"cannot write {path}: it is a directory")
        if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
            raise QGenError(f"cannot write {path}: its directory is missing or read-only")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror}") from error


# --- Reading ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """An input row: its first line's number, its raw text, and its request or what is wrong."""

    line: int
    raw: str
    content: Request | str


_RawRow = tuple[int, str, Callable[[], dict]]
"""First line number, raw text, and a function that parses it (or raises ``QGenError``)."""


def _read(path: Path) -> Iterator[_Row]:
    """The rows of a file; bytes that are not UTF-8 spoil only the row they are in."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        for line, raw, parse in _READERS[path.suffix.lower()](file):
            try:
                content = _to_request(parse())
            except QGenError as error:
                content = str(error)
            printable = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            yield _Row(line, printable.rstrip("\r\n"), content)


def _to_request(fields: dict) -> Request:
    try:
        json.dumps(fields, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise QGenError("not valid UTF-8 text") from error
    extra = dict(fields)
    passage = extra.pop("passage" if "passage" in fields else "context", None)
    answer = extra.pop("answer", None)
    start = extra.pop("answer_start", None)
    if not isinstance(passage, str):
        raise QGenError('"passage" is missing' if passage is None else '"passage" must be text')
    if not isinstance(answer, str | None):
        raise QGenError('"answer" must be text')
    if not isinstance(start, int | None) or isinstance(start, bool):
        raise QGenError('"answer_start" must be a whole number')
    example = locate_answer(Example(passage, answer or "", start))
    return Request(passage, example.answer or None, example.answer_start, extra)


def _read_jsonl(file: io.TextIOBase) -> Iterator[_RawRow]:
    return _read_lines(file, _parse_json)


def _read_txt(file: io.TextIOBase) -> Iterator[_RawRow]:
    return _read_lines(file, _parse_txt)


def _read_lines(file: io.TextIOBase, parse: Callable[[str], dict]) -> Iterator[_RawRow]:
    for line, text in enumerate(file, start=1):
        if text.strip():
            yield line, text, partial(parse, text)


def _parse_json(text: str) -> dict:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise QGenError(f"not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise QGenError("not a JSON object")
    return fields


def _parse_txt(text: str) -> dict:
    passage, _, answer = text.rstrip("\r\n").partition("\t")
    return {"passage": passage, "answer": answer}


def _read_csv(file: io.TextIOBase, delimiter: str = ",") -> Iterator[_RawRow]:
    lines: list[str] = []  # the physical lines of the row being read

    def recorded() -> Iterator[str]:
        for text in file:
            lines.append(text)
            yield text

    reader = csv.reader(recorded(), delimiter=delimiter, strict=True)
    try:
        header = next(filter(None, reader), None)
    except csv.Error as error:
        raise QGenError(f"the header row is not valid CSV: {error}") from error
    if header is None:
        return
    if not {"passage", "context"} & set(header) or len(set(header)) < len(header):
        raise QGenError('the header row must name a "passage" column, and no column twice')
    while True:
        lines.clear()
        first_line = reader.line_num + 1
        try:
            parse = partial(_parse_csv, header, next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            parse = partial(_fail, f"not valid CSV: {error}")
        raw = "".join(lines)
        if raw.strip():
            yield first_line, raw, parse


def _parse_csv(header: list[str], values: list[str]) -> dict:
    if len(values) != len(header):
        raise QGenError(f"the row has {len(values)} fields, the header row {len(header)}")
    fields: dict = dict(zip(header, values, strict=True))
    start = fields.get("answer_start", "")
    with suppress(ValueError):  # what is not a number stays text, which is refused later
        fields["answer_start"] = int(start) if start.strip() else None
    return fields


def _fail(message: str) -> dict:
    raise QGenError(message)


_READERS: dict[str, Callable[[io.TextIOBase], Iterator[_RawRow]]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".csv": _read_csv,
    ".tsv": partial(_read_csv, delimiter="\t"),
    ".txt": _read_txt,
}


def _survey(path: Path) -> tuple[int, list[str]]:
    """How many rows a file has, and the names of their extra fields."""
    total = 0
    names: dict[str, None] = {}  # an ordered set
    for row in _read(path):
        total += 1
        if isinstance(row.content, Request):
            names.update(dict.fromkeys(row.content.extra))
    if not total:
        raise QGenError(f"{path} has no rows")
    return total, list(names)


# --- Generating ------------------------------------------------------------------------------

_Result = list[Question] | str
"""The questions of a row, or what is wrong with it."""


def _process(
    buffer: Sequence[_Row],
    generate: GenerateFunction,
    batch_size: int,
    advance: Callable[[int], None],
) -> list[_Result]:
    """The result of each row, batched by passage length, longest first, but returned in order."""
    results: dict[int, _Result] = {}
    requests: dict[int, Request] = {}
    for index, row in enumerate(buffer):
        (requests if isinstance(row.content, Request) else results)[index] = row.content
    if results:
        advance(len(results))
    by_length = sorted(requests, key=lambda index: len(requests[index].passage), reverse=True)
    for first in range(0, len(by_length), batch_size):
        batch = by_length[first : first + batch_size]
        outcomes = _generate_or_isolate(generate, [requests[index] for index in batch])
        results.update(zip(batch, outcomes, strict=True))
        advance(len(batch))
    return [results[index] for index in range(len(buffer))]


def _generate_or_isolate(generate: GenerateFunction, requests: list[Request]) -> list[_Result]:
    """Generate for a batch; where that fails, for each of its requests alone."""
    try:
        return list(generate(requests))
    except QGenError as error:
        if len(requests) == 1:
            return [str(error)]
    return [_generate_or_isolate(generate, [request])[0] for request in requests]


# --- Writing ---------------------------------------------------------------------------------


class _JsonlWriter:
    """One JSON object per input row."""

    header = ""

    def format(self, request: Request, questions: Sequence[Question]) -> str:
        """The output line of a request."""
        record = {
            **_renamed(request.extra, ("questions",)),
            "passage": request.passage,
            "questions": [question.to_dict() for question in questions],
        }
        return _json_line(record)


class _CsvWriter:
    """One CSV row per question, with the same columns throughout."""

    _OWN = ("passage", "question", "answer", "answer_start", "score", "rank")

    def __init__(self, extra_names: Sequence[str]) -> None:
        self._columns = [*_renamed(dict.fromkeys(extra_names), self._OWN), *self._OWN]
        self.header = self._lines([dict(zip(self._columns, self._columns, strict=True))])

    def format(self, request: Request, questions: Sequence[Question]) -> str:
        """The output rows of a request."""
        extra = {
            name: value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False)
            for name, value in _renamed(request.extra, self._OWN).items()
        }
        return self._lines(
            {**extra, "passage": request.passage, **question.to_dict(), "rank": rank}
            for rank, question in enumerate(questions, start=1)
        )

    def _lines(self, records: Iterable[dict]) -> str:
        text = io.StringIO()
        csv.DictWriter(text, self._columns, lineterminator="\n").writerows(records)
        return text.getvalue()


def _renamed(extra: dict, taken: Sequence[str]) -> dict:
    return {f"input_{name}" if name in taken else name: value for name, value in extra.items()}


def _json_line(record: dict) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


@dataclass
class _Progress:
    """What is safely on disk: counts, and the lengths of the two files in bytes."""

    rows: int = 0
    questions: int = 0
    errors: int = 0
    output_bytes: int = 0
    error_bytes: int = 0


class _Sink:
    """The partial output, the error file and the journal that says how much of them counts."""

    def __init__(
        self,
        source: Path,
        output: Path,
        errors: Path,
        identity: dict,
        writer: _JsonlWriter | _CsvWriter,
    ) -> None:
        """Pick up an interrupted run with the same ``identity``, or start anew."""
        self._source, self._output, self._errors = source, output, errors
        self._partial = Path(f"{output}.partial")
        self._journal = Path(f"{output}.progress.json")
        self._identity = identity
        self._writer = writer
        self.progress = self._resume() or self._start()

    def _resume(self) -> _Progress | None:
        if not self._journal.exists():
            return None
        try:
            journal = json.loads(self._journal.read_bytes())
            progress = _Progress(**journal["progress"])
            usable = (
                journal["run"] == self._identity
                and _size(self._partial) >= progress.output_bytes
                and _size(self._errors) >= progress.error_bytes
            )
        except (ValueError, KeyError, TypeError):  # not a journal of this version
            usable = False
        if not usable:
            _report(f"{self._journal}: other input, settings or files; starting anew")
            return None
        os.truncate(self._partial, progress.output_bytes)
        if progress.error_bytes:
            os.truncate(self._errors, progress.error_bytes)
        else:
            self._errors.unlink(missing_ok=True)
        _report(f"{self._source}: resuming after row {progress.rows}")
        return progress

    def _start(self) -> _Progress:
        # The journal goes first: it must never describe files that are no longer its own.
        for path in (self._journal, self._partial, self._errors):
            path.unlink(missing_ok=True)
        return _Progress(output_bytes=_append(self._partial, self._writer.header))

    def commit(self, rows: Sequence[_Row], results: Sequence[_Result]) -> None:
        """Put a buffer on disk, and only then into the journal; report its bad rows."""
        output, errors = [], []
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, str):
                _report(f"{self._source}:{row.line}: {result}")
                errors.append(_json_line({"line": row.line, "error": result, "input": row.raw}))
            else:
                output.append(self._writer.format(row.content, result))
                self.progress.questions += len(result)
        self.progress.rows += len(rows)
        self.progress.errors += len(errors)
        self.progress.output_bytes += _append(self._partial, "".join(output))
        if errors:
            self.progress.error_bytes += _append(self._errors, "".join(errors))
        new_journal = Path(f"{self._journal}.new")
        new_journal.unlink(missing_ok=True)
        _append(new_journal, _json_line({"run": self._identity, "progress": asdict(self.progress)}))
        os.replace(new_journal, self._journal)

    def publish(self) -> None:
        """Let the complete output take its name."""
        os.replace(self._partial, self._output)
        self._journal.unlink()


def _append(path: Path, text: str) -> int:
    """Append to a file, creating it if need be, down to the disk; returns the bytes written."""
    with path.open("ab") as file:
        written = file.write(text.encode("utf-8"))
        file.flush()
        os.fsync(file.fileno())
    return written


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _report(message: str) -> None:
    tqdm.write(message, file=sys.stderr)  # leaves the progress bar whole
