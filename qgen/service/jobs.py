"""Files that clients leave with the service, asked about row by row."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from qgen.asking.document import ask_document
from qgen.asking.retrieval import check_installed, mark_records
from qgen.errors import QGenError
from qgen.files.batch import run_batch
from qgen.files.best import best_engine
from qgen.files.rows import check_readable
from qgen.files.writers import RETRIEVAL, UNMARKED, suffix_of
from qgen.records import Answer, Request, Result, beside_one_another
from qgen.service.queue import ClosedError, DynamicBatcher, QueueFullError
from qgen.service.schemas import BatchOut
from qgen.settings import GenerationSettings, QuizSettings

if TYPE_CHECKING:
    from qgen.model.reader import Reader, Reading

Found = TypeVar("Found")

MAX_KEPT = 100
"""Batches that are kept; the oldest that have ended are forgotten."""
RETRY_AFTER = 60
"""Seconds after which a client that found as many waiting may try again."""

ROWS = 16
"""Rows of a file in the queue at once, for each stream: a batch."""
MAX_NAME_BYTES = 200
"""The longest name of a file that is kept; file systems take no more than 255."""


class _StoppedError(Exception):
    pass


class Batch:
    """One file and what becomes of it.

    Args:
        folder: where its files are; its own.
        source: the file to read.
        output_format: a name of :data:`qgen.files.writers.WRITERS`.
        settings: how to decode.
        quiz: which questions to keep.
        best: how many questions to keep of each whole document; ``None`` to ask about every row.
        reader: finds the questions of a test set for retrieval that other passages answer as well;
            ``None`` where none are marked.
    """

    def __init__(
        self,
        folder: Path,
        source: Path,
        output_format: str,
        settings: GenerationSettings,
        quiz: QuizSettings,
        best: int | None,
        reader: Reader | None,
    ):
        self.id = folder.name
        self.source, self.output_format = source, output_format
        self.settings, self.quiz, self.best, self.reader = settings, quiz, best, reader
        self.output = folder / f"questions{suffix_of(output_format)}"
        self.errors = folder / "errors.jsonl"
        self.state, self.message = "queued", ""
        self.rows = self.total = self.questions = 0
        self.left_out: list[str] = []
        self._stop = threading.Event()
        self._awaited: Future | None = None

    def status(self) -> BatchOut:
        """Its state, for the client."""
        return BatchOut(
            id=self.id,
            state=self.state,
            rows=self.rows,
            total=self.total,
            questions=self.questions,
            message=self.message,
            left_out=self.left_out,
        )

    def cancel(self) -> None:
        """Take back what waits in the queue, and ask for no more; without effect once it has
        ended."""
        self._stop.set()
        if self._awaited:
            self._awaited.cancel()
        if self.state == "queued":
            self.state = "cancelled"
            self._delete_source()

    def run(self, batcher: DynamicBatcher, max_characters: int) -> None:
        """Ask about every row whose passage is not longer than that; its file is then deleted."""
        try:
            if not self._stop.is_set():
                self._run(batcher, max_characters)
        finally:
            self._delete_source()

    def _delete_source(self) -> None:
        shutil.rmtree(self.source.parent, ignore_errors=True)

    def _run(self, batcher: DynamicBatcher, max_characters: int) -> None:
        self.state = "running"

        def generate(
            requests: Sequence[Request], settings: GenerationSettings, quiz: QuizSettings
        ) -> list[Result]:
            short = beside_one_another([r for r in requests if len(r.passage) <= max_characters])
            found = iter(self._waited(partial(batcher.submit, short, settings, quiz, wait=True)))
            return [
                Result(problems=(too_long(r.passage, max_characters),))
                if len(r.passage) > max_characters
                else next(found)
                for r in requests
            ]

        def read(items: Sequence[tuple[str, str, Answer | None]]) -> list[Reading]:
            assert self.reader
            reads, found = self.reader.read, []
            for at in range(0, len(items), at_once):  # so that it can be stopped, and others come
                some = items[at : at + at_once]
                passages = [passage for passage, _, _ in some]
                found += self._waited(partial(batcher.read, reads, some, passages, wait=True))
            return found

        at_once = min(ROWS * batcher.streams, batcher.max_waiting)
        engine = None
        try:
            if self.best:
                quiz = replace(self.quiz, max_answers=self.best)
                ask = partial(ask_document, generate, settings=self.settings, quiz=quiz)
                engine = best_engine(ask)
            summary = run_batch(
                self.source,
                self.output,
                partial(generate, settings=self.settings, quiz=self.quiz),
                batch_size=at_once,
                output_format=self.output_format,
                errors_path=self.errors,
                progress=False,
                on_progress=self._advance,
                engine=engine,
                mark=partial(mark_records, read=read) if self.reader else None,
                tell=self._tell,
            )
            self.questions, self.message = summary.questions, summary.counts
            self.state = "done"  # last: whoever sees it sees the others, too
        except _StoppedError:
            self.state = "cancelled"
        except QGenError as error:
            self.state, self.message = "failed", self._named(str(error))
        except OSError as error:
            self.state, self.message = "failed", error.strerror or str(error)
        except BaseException as error:  # the model's, too, whatever it is
            self.state, self.message = "failed", type(error).__name__

    def _waited(self, submit: Callable[[], Future[list[Found]]]) -> list[Found]:
        """What comes of work that goes through the queue of all clients, and waits for room in it:
        a file has time."""
        if self._stop.is_set():
            raise _StoppedError
        try:
            self._awaited = submit()
            if self._stop.is_set():  # meanwhile
                self._awaited.cancel()
            return self._awaited.result()
        except (CancelledError, ClosedError) as error:  # no fault of these rows
            raise _StoppedError from error

    def _tell(self, message: str) -> None:
        self.left_out.append(self._named(message))

    def _named(self, message: str) -> str:
        """A message with the names that the client knows."""
        for path in (self.source, self.output):
            message = message.replace(str(path), path.name)
        return message

    def _advance(self, done: int, total: int) -> None:
        self.rows, self.total = done, total


def too_long(passage: str, max_characters: int) -> str:
    """What is wrong with a passage that is longer than is allowed."""
    return f"the passage has {len(passage)} characters; {max_characters} are allowed"


class Batches:
    """The batches of a service, run one after another.

    Args:
        batcher: decodes them.
        max_characters: of a passage; longer ones are refused, each for itself.
        reader: finds the questions of a test set for retrieval that other passages answer as well;
            without one they are not marked.
    """

    def __init__(self, batcher: DynamicBatcher, max_characters: int, reader: Reader | None = None):
        self._batcher, self._max_characters, self._reader = batcher, max_characters, reader
        self._scratch = tempfile.TemporaryDirectory(prefix="qgen-batches-")
        self._batches: dict[str, Batch] = {}
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="qgen-batch")

    def start(
        self,
        filename: str,
        content: bytes,
        output_format: str,
        settings: GenerationSettings,
        quiz: QuizSettings,
        best: int | None,
    ) -> BatchOut:
        """Queue a file.

        Args:
            filename: what the client calls it; its results do so too.
            content: what is in it.
            output_format: a name of :data:`qgen.files.writers.WRITERS`.
            settings: how to decode.
            quiz: which questions to keep.
            best: of a document, how many questions to keep of all of it, spread over its
                paragraphs; ``None`` for ``quiz.max_answers`` of each paragraph.

        Raises:
            QueueFullError: as many batches are kept as may be, and none has ended.
            QGenError: its name does not say what it is, it is empty, the disk is full, or what the
                format needs is not installed.
        """
        if not content:
            raise QGenError("the file is empty")
        reader = self._reader if output_format in RETRIEVAL else None
        if reader:
            check_installed()
        with self._lock:
            self._forget()
            if len(self._batches) >= MAX_KEPT:
                raise QueueFullError("too many batches are waiting", RETRY_AFTER)
            source = self._keep(filename, content)
            batch = Batch(source.parents[1], source, output_format, settings, quiz, best, reader)
            if output_format in RETRIEVAL and not reader:
                batch.left_out.append(UNMARKED)
            self._batches[batch.id] = batch
        self._executor.submit(batch.run, self._batcher, self._max_characters)
        return batch.status()

    def _keep(self, filename: str, content: bytes) -> Path:
        """Where a file is written down; nothing of it is left where that fails."""
        folder = Path(self._scratch.name) / secrets.token_urlsafe(12)
        source = folder / "input" / _safe_name(filename)
        try:
            source.parent.mkdir(parents=True)
            source.write_bytes(content)
            check_readable(source)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise QGenError(f"the file cannot be kept: {error.strerror}") from error
        except QGenError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise QGenError(str(error).replace(str(source), source.name)) from error
        return source

    def get(self, batch_id: str) -> Batch:
        """A batch by its id; ``KeyError`` if there is none."""
        return self._batches[batch_id]

    def close(self) -> None:
        """Stop all batches and delete their files."""
        for batch in list(self._batches.values()):
            batch.cancel()
        self._executor.shutdown(cancel_futures=True)
        self._scratch.cleanup()

    def _forget(self) -> None:
        """Make room for one more."""
        ended = [b for b in self._batches.values() if b.state in {"done", "failed", "cancelled"}]
        for batch in ended[: max(0, len(self._batches) + 1 - MAX_KEPT)]:
            del self._batches[batch.id]
            shutil.rmtree(batch.source.parents[1], ignore_errors=True)


def _safe_name(filename: str) -> str:
    """The last part of what a client calls its file, fit to be a file's name here."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    name = "".join(c for c in name if c.isprintable()).encode("utf-8", "ignore").decode()
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    room = max(0, MAX_NAME_BYTES - len(suffix.encode()))
    stem = stem.encode()[:room].decode("utf-8", "ignore")
    return f"{stem}{suffix}".strip() or "the file"
