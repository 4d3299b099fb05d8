"""Files that clients leave with the service, asked about row by row."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qgen.errors import QGenError
from qgen.files.batch import run_batch
from qgen.files.rows import check_readable
from qgen.files.writers import suffix_of
from qgen.records import Request, Result
from qgen.service.queue import ClosedError, DynamicBatcher, QueueFullError
from qgen.service.schemas import BatchOut
from qgen.settings import GenerationSettings, QuizSettings

MAX_KEPT = 100
"""Batches that are kept; the oldest that have ended are forgotten."""
RETRY_AFTER = 60
"""Seconds after which a client that found as many waiting may try again."""


class _CancelledError(Exception):
    pass


class Batch:
    """One file and what becomes of it.

    Args:
        folder: where its files are; its own.
        source: the file to read.
        output_format: a name of :data:`qgen.files.writers.WRITERS`.
    """

    def __init__(self, folder: Path, source: Path, output_format: str):
        self.id = folder.name
        self.source, self.output_format = source, output_format
        self.output = folder / f"questions{suffix_of(output_format)}"
        self.errors = folder / "errors.jsonl"
        self.state, self.message = "queued", ""
        self.rows = self.total = 0
        self._stop = threading.Event()

    def status(self) -> BatchOut:
        """Its state, for the client."""
        return BatchOut(
            id=self.id, state=self.state, rows=self.rows, total=self.total, message=self.message
        )

    def cancel(self) -> None:
        """Stop before the next rows; without effect once it has ended."""
        self._stop.set()
        if self.state == "queued":
            self.state = "cancelled"

    def run(self, batcher: DynamicBatcher, max_characters: int) -> None:
        """Ask about every row whose passage is not longer than that."""
        if self._stop.is_set():
            return
        self.state = "running"

        def generate(requests: list[Request]) -> list[Result]:
            if self._stop.is_set():
                raise _CancelledError
            short = [r for r in requests if len(r.passage) <= max_characters]
            # Through the queue of all clients, and waiting for room in it: a file has time.
            try:
                future = batcher.submit(short, GenerationSettings(), QuizSettings(), wait=True)
            except ClosedError as error:  # no fault of these rows
                raise _CancelledError from error
            found = iter(future.result())
            return [
                Result(problems=(too_long(r.passage, max_characters),))
                if len(r.passage) > max_characters
                else next(found)
                for r in requests
            ]

        try:
            summary = run_batch(
                self.source,
                self.output,
                generate,
                output_format=self.output_format,
                errors_path=self.errors,
                progress=False,
                on_progress=self._advance,
            )
            counts = f"{summary.rows} rows, {summary.questions} questions, {summary.errors} errors"
            self.state, self.message = "done", counts
        except _CancelledError:
            self.state = "cancelled"
        except QGenError as error:
            message = str(error).replace(str(self.source), self.source.name)
            self.state, self.message = "failed", message
        except OSError as error:
            self.state, self.message = "failed", error.strerror or str(error)
        except BaseException as error:  # the model's, too, whatever it is
            self.state, self.message = "failed", type(error).__name__

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
    """

    def __init__(self, batcher: DynamicBatcher, max_characters: int):
        self._batcher, self._max_characters = batcher, max_characters
        self._scratch = tempfile.TemporaryDirectory(prefix="qgen-batches-")
        self._batches: dict[str, Batch] = {}
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="qgen-batch")

    def start(self, filename: str, content: bytes, output_format: str) -> BatchOut:
        """Queue a file.

        Raises:
            QueueFullError: as many batches are kept as may be, and none has ended.
            QGenError: its name does not say what it is, it is empty, or the disk is full.
        """
        if not content:
            raise QGenError("the file is empty")
        with self._lock:
            self._forget()
            if len(self._batches) >= MAX_KEPT:
                raise QueueFullError("too many batches are waiting", RETRY_AFTER)
            batch = self._keep(filename, content, output_format)
            self._batches[batch.id] = batch
        self._executor.submit(batch.run, self._batcher, self._max_characters)
        return batch.status()

    def _keep(self, filename: str, content: bytes, output_format: str) -> Batch:
        """A batch of a file, which is written down; nothing of it is left where that fails."""
        # Only the suffix of what the client calls it is used.
        suffix = re.sub(r"[^a-z0-9.]", "", Path(filename.replace("\\", "/")).suffix.lower())
        folder = Path(self._scratch.name) / secrets.token_urlsafe(12)
        source = folder / f"input{suffix}"
        try:
            folder.mkdir()
            source.write_bytes(content)
            check_readable(source)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise QGenError(f"the file cannot be kept: {error.strerror}") from error
        except QGenError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise QGenError(str(error).replace(str(source), filename or "the file")) from error
        return Batch(folder, source, output_format)

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
            shutil.rmtree(batch.source.parent, ignore_errors=True)
