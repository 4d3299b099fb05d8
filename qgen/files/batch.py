"""Batch generation from file to file: streamed, in input order, resumable after a kill.

Rows are read a buffer at a time, so memory does not grow with the input.  Finished buffers are
appended to ``<output>.partial``, a record per line whatever the output's format, and noted in the
journal ``<output>.progress.json``; a run that is started again with the same input and settings
goes on after the last of them.  The output itself is written from the records at the end, and
appears, or replaces an older one, only when it is complete; where no row is good an older one
stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from qgen.errors import QGenError
from qgen.files.fields import USUAL_NAMES, FieldNames
from qgen.files.outputs import check_writable, link_target, only_writer, unfinished
from qgen.files.rows import Row, check_readable, counted_rows, documents_in
from qgen.files.writers import RETRIEVAL, format_of, to_record, write
from qgen.files.writers.questions import json_line
from qgen.records import Request, Result
from qgen.settings import BUFFER_SIZE

GenerateFunction = Callable[[list[Request]], list[Result]]
"""Turns requests into questions, such as
:meth:`qgen.asking.pipeline.QuestionGenerator.generate`."""


MarkFunction = Callable[[Iterable[dict]], Iterable[dict]]
"""Marks the questions of all records, such as :func:`qgen.asking.retrieval.mark_records`."""

Outcome = Result | str
"""What came of a row, or what is wrong with it."""

Advance = Callable[[int], None]
"""Told how many more rows are done."""

Asked = Iterator[tuple[list[Row], list[Outcome]]]
Engine = Callable[[Iterator[list[Row]], Advance], Asked]
"""Takes the rows, some at a time, and gives them back in order, with what came of each."""


@dataclass(frozen=True)
class BatchSummary:
    """What a finished run did, the part before a resumption included.

    Attributes:
        rows: input rows read, bad ones included.
        questions: questions written, less those that the format has no place for.
        errors: bad rows.
        problems: answers that were left out of rows that are good otherwise.
        resumed_from: rows that an earlier, interrupted run had finished; 0 for a fresh run.
        output_path: the output file.
        errors_path: the error file, or ``None`` where there is nothing in it.
    """

    rows: int
    questions: int
    errors: int
    resumed_from: int
    output_path: Path
    errors_path: Path | None
    problems: int = 0

    @property
    def counts(self) -> str:
        """How much was done."""
        counts = {"row": self.rows, "question": self.questions, "error": self.errors}
        told = [f"{count} {one}{'s' * (count != 1)}" for one, count in counts.items()]
        if self.problems:
            told.append(f"{self.problems} answer{'s' * (self.problems != 1)} left out")
        return ", ".join(told)

    def __str__(self) -> str:
        """What was done, in a line."""
        told = f" (see {self.errors_path})" if self.errors_path else ""
        return f"{self.counts}{told} -> {self.output_path}"


def run_batch(
    input_path: str | os.PathLike,
    output_path: str | os.PathLike,
    generate: GenerateFunction,
    *,
    batch_size: int = 16,
    buffer_size: int = BUFFER_SIZE,
    output_format: str | None = None,
    errors_path: str | os.PathLike | None = None,
    progress: bool = True,
    settings: dict | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    engine: Engine | None = None,
    raw_cells: bool = False,
    mark: MarkFunction | None = None,
    names: FieldNames = USUAL_NAMES,
    tell: Callable[[str], None] | None = None,
) -> BatchSummary:
    """Generate questions for every row of a file, or paragraph of a folder of documents.

    What is read is in :mod:`qgen.files.rows`, what is written in :mod:`qgen.files.writers`.  A row
    that is bad, or that no question worth showing comes of, is reported on stderr and kept in the
    error file (``line``, ``error``, ``input``) while the rest goes on; so is each answer that is
    not in its passage, while the row's others are asked for.  Any exception other than
    ``QGenError`` from ``generate`` stops the run, which can then be resumed.

    Args:
        input_path: the file or folder to read.
        output_path: the file to write.
        generate: the model.  Where it raises ``QGenError``, the rows of its batch are tried again
            one at a time.  With an ``engine`` that has models of its own, it is not called.
        batch_size: most requests per call of ``generate``.
        buffer_size: rows held in memory, sorted by passage length into batches, and written to
            disk together; a kill loses at most this many finished rows.
        output_format: a name of :data:`qgen.files.writers.WRITERS`; by default what the suffix
            means.
        errors_path: the error file; ``<output>.errors.jsonl`` by default.
        progress: show a progress bar on stderr, where that is a terminal.
        settings: what, apart from the input, decides the questions, as JSON types; an interrupted
            run with other settings is not resumed.
        on_progress: called after each batch with the rows done and the rows in all.
        engine: what asks about the rows instead of this process, such as Ray's.
        raw_cells: CSV and TSV for programs, not for spreadsheets; see
            :func:`qgen.files.writers.tables.write_csv`.
        mark: goes over the records before a test set for retrieval is written.
        names: which fields are the passage and the answer, where they have no usual name.
        tell: called with a sentence for what is left out and belongs to no row, of the input or of
            the output; by default it goes to stderr.

    Raises:
        QGenError: a path, a file format, the CSV header or a size is unusable, a file that is no
            run's own would be overwritten, another run is writing the output or the error file, or
            the input has no rows; nothing has been generated or overwritten then.
    """
    source, output = Path(input_path), Path(output_path)
    errors = Path(errors_path or f"{output}.errors.jsonl")
    written = format_of(output, output_format, raw_cells)
    _check_arguments(source, output, errors, batch_size, buffer_size)
    output, errors = link_target(output), link_target(errors)
    with only_writer(output, errors):
        is_corpus = written in RETRIEVAL
        identity = {
            "is_corpus": is_corpus,
            "input_type": source.suffix.lower(),
            "input_sha256": _sha256(source),
            "errors_path": str(errors.resolve()),  # the same from whatever folder it is named
            "settings": json.loads(json.dumps(settings)),
            "names": asdict(names),
        }
        tell = tell or _report
        total, rows = counted_rows(source, names, tell)
        if not total:
            raise QGenError(f"{source} has no rows")
        sink = _Sink(source, output, errors, identity, is_corpus)
        done = resumed_from = sink.progress.rows

        with tqdm(
            total=total, initial=done, unit="row", disable=not progress or None, smoothing=0.1
        ) as bar:

            def advance(rows: int) -> None:
                nonlocal done
                done += rows
                bar.update(rows)
                if on_progress:
                    on_progress(done, total)

            buffers = _buffers(islice(rows, resumed_from, None), buffer_size)
            engine = engine or local_engine(generate, batch_size)
            for buffer, results in engine(buffers, advance):
                sink.commit(buffer, results)
                del buffer, results  # before the next ones are read

        left_out = sink.publish(written, raw_cells, mark if is_corpus else None, tell)
        return BatchSummary(
            rows=total,
            questions=sink.progress.questions - left_out,
            errors=sink.progress.errors,
            problems=sink.progress.problems,
            resumed_from=resumed_from,
            output_path=output,
            errors_path=errors if sink.progress.error_bytes else None,
        )


def _check_arguments(
    source: Path, output: Path, errors: Path, batch_size: int, buffer_size: int
) -> None:
    if batch_size < 1 or buffer_size < 1:
        raise QGenError("the batch size and the buffer size must be at least 1")
    check_readable(source)
    if len({path.resolve() for path in (source, output, errors)}) < 3:
        raise QGenError("the input, the output and the error file must be different files")
    own = partial, journal, new_journal, complete = _own_files(link_target(output))
    for path in (source, errors):
        if path.resolve() in {file.resolve() for file in own}:
            raise QGenError(f"{path} would be lost while {output} is written: choose another name")
    for path in (output, errors):
        if source.is_dir() and source.resolve() in path.resolve().parents:
            raise QGenError(f"{path} must not be in the folder that is read")
        check_writable(path)
    if not journal.exists():  # a run that was killed leaves one
        for path in (partial, complete):
            if path.is_dir() or _size(path):
                raise QGenError(f"{path} is in the way of {output}: choose another name")
    for path, begins in ((errors, _ERROR), (journal, _JOURNAL), (new_journal, _JOURNAL)):
        if path.is_dir() or not begins.startswith(_head(path, len(begins))):
            raise QGenError(f"{path} is no file of a batch: choose another name")


_ERROR, _JOURNAL = b'{"line": ', b'{"run": '
"""What every error file and journal begins with; a kill may leave less."""


def _head(path: Path, size: int) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        return file.read(size)


def _own_files(output: Path) -> tuple[Path, Path, Path, Path]:
    """The records so far, the journal, the next one, and the output while it is being written."""
    partial, complete = unfinished(output)
    journal = Path(f"{output}.progress.json")
    return partial, journal, Path(f"{journal}.new"), complete


def _sha256(path: Path) -> str:
    """Of a file, or of the names and contents of the documents in a folder: what else comes into
    it, such as the lock of a document that is open in Word, changes no question."""
    digest = hashlib.sha256()
    if not path.is_dir():
        try:
            digest.update(_content_sha256(path))
        except OSError as error:
            raise QGenError(f"cannot read {path}: {error.strerror}") from error
        return digest.hexdigest()
    for document in documents_in(path)[0]:
        digest.update(os.fsencode(f"{document.relative_to(path)}\0"))
        with suppress(OSError):  # one that cannot be read is a bad row
            digest.update(_content_sha256(document))
    return digest.hexdigest()


def _content_sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


# --- Generating ------------------------------------------------------------------------------


def _buffers(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while buffer := list(islice(rows, size)):
        yield buffer


def local_engine(generate: GenerateFunction, batch_size: int) -> Engine:
    """An engine that asks the model of this process."""

    def process(buffers: Iterator[list[Row]], advance: Advance) -> Asked:
        for buffer in buffers:
            yield buffer, process_rows(buffer, generate, batch_size, advance)

    return process


def process_rows(
    buffer: Sequence[Row],
    generate: GenerateFunction,
    batch_size: int,
    advance: Advance = lambda rows: None,
) -> list[Outcome]:
    """The result of each row, batched by passage length, longest first, but returned in order."""
    results: dict[int, Outcome] = {}
    requests: dict[int, Request] = {}
    for index, row in enumerate(buffer):
        if isinstance(row.content, Request):
            requests[index] = row.content
        else:
            results[index] = row.content
    if results:
        advance(len(results))
    by_length = sorted(requests, key=lambda index: len(requests[index].passage), reverse=True)
    for first in range(0, len(by_length), batch_size):
        batch = by_length[first : first + batch_size]
        outcomes = _generate_or_isolate(generate, [requests[index] for index in batch])
        results.update(zip(batch, outcomes, strict=True))
        advance(len(batch))
    return [results[index] for index in range(len(buffer))]


def _generate_or_isolate(generate: GenerateFunction, requests: list[Request]) -> list[Outcome]:
    """Generate for a batch; where that fails, for each of its requests alone."""
    try:
        return [r if r.questions else r.failure for r in generate(requests)]
    except QGenError as error:
        if len(requests) == 1:
            return [str(error)]
    return [_generate_or_isolate(generate, [request])[0] for request in requests]


# --- Writing ---------------------------------------------------------------------------------


class _Records:
    """The records of a JSONL file, as often as they are gone through."""

    def __init__(self, path: Path):
        self._path = path

    def __iter__(self) -> Iterator[dict]:
        with self._path.open(encoding="utf-8", newline="\n") as file:
            yield from map(json.loads, file)


@dataclass
class _Progress:
    """What is safely on disk: counts, and the lengths of the two files in bytes."""

    rows: int = 0
    questions: int = 0
    errors: int = 0
    problems: int = 0
    output_bytes: int = 0
    error_bytes: int = 0


class _Sink:
    """The records so far, the error file and the journal that says how much of them counts."""

    def __init__(
        self,
        source: Path,
        output: Path,
        errors: Path,
        identity: dict,
        is_corpus: bool,
    ) -> None:
        """Pick up an interrupted run with the same ``identity``, or start anew.

        Passages without a question are kept too if they are part of a corpus.
        """
        self._is_corpus = is_corpus
        self._source, self._output, self._errors = source, output, errors
        self._partial, self._journal, self._new_journal, self._complete = _own_files(output)
        self._identity = identity
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
        _remove(self._complete)
        # The journal goes first: it must never describe files that are no longer its own.
        for path in (self._journal, self._partial, self._errors):
            path.unlink(missing_ok=True)
        _append(self._partial, "")
        self._note(_Progress())  # so that what follows is known as a run's
        return _Progress()

    def commit(self, rows: Sequence[Row], results: Sequence[Outcome]) -> None:
        """Put a buffer on disk, and only then into the journal; report its bad rows."""
        output, errors = [], []
        for row, result in zip(rows, results, strict=True):
            request = row.content if isinstance(row.content, Request) else None
            failed = result if isinstance(result, str) else ""
            problems = [failed] if failed else list(request.problems if request else ())
            errors += [self._told(row, problem) for problem in problems]
            if failed:
                self.progress.errors += 1
            elif isinstance(result, Result):
                self.progress.problems += len(problems)
                self.progress.questions += len(result.questions)
            answered = result if isinstance(result, Result) else Result()
            if request and (self._is_corpus or answered.questions):
                output.append(json_line(to_record(request, answered)))
        self.progress.rows += len(rows)
        self.progress.output_bytes += _append(self._partial, "".join(output))
        if errors:
            self.progress.error_bytes += _append(self._errors, "".join(errors))
        self._note(self.progress)

    def _note(self, progress: _Progress) -> None:
        """Put into the journal how far the run is."""
        self._new_journal.unlink(missing_ok=True)
        # In ASCII, since names of files may be no valid text.
        _append(
            self._new_journal, json.dumps({"run": self._identity, "progress": asdict(progress)})
        )
        os.replace(self._new_journal, self._journal)

    def _told(self, row: Row, problem: str) -> str:
        """Report what is wrong with a row; what the error file keeps of it."""
        where = self._source / row.document if self._source.is_dir() else self._source
        _report(f"{where}:{row.line}: {problem}")
        document = {"document": row.document} if row.document else {}
        return json_line({"line": row.line, "error": problem, "input": row.raw} | document)

    def publish(
        self,
        output_format: str,
        raw_cells: bool,
        mark: MarkFunction | None,
        tell: Callable[[str], None],
    ) -> int:
        """Write the output from the records and, once it is complete, let it take its name, unless
        no row is good, as with a wrong name of a field, and there is an older one.

        Returns:
            How many questions it has no place for.
        """
        records: Iterable[dict] = _Records(self._partial)
        lost = 0
        if self.progress.errors == self.progress.rows and self._output.exists():
            tell(f"{self._output} stays as it was")
        else:
            try:
                _remove(self._complete)
                left_out = write(
                    output_format, mark(records) if mark else records, self._complete, raw_cells
                )
                lost = left_out.questions
                for line in left_out.lines:
                    tell(line)
                os.replace(self._complete, self._output)
            finally:
                _remove(self._complete)
        self._partial.unlink()
        self._journal.unlink(missing_ok=True)
        return lost


def _remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
