"""Requests of many clients, decoded together."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from qgen.asking.document import GenerateFunction
from qgen.errors import QGenError
from qgen.records import Request, Result
from qgen.service.settings import ServiceSettings
from qgen.settings import GenerationSettings, QuizSettings

Item = TypeVar("Item")
Found = TypeVar("Found")

TOKENS = 200
"""What a question takes by :func:`count_tokens` for a passage of SQuAD's, of some 140 tokens."""
STEPS = 12
"""Tokens of a question, about."""
CHARACTERS = 4
"""Characters of a token, about."""
SOURCE = 128
"""Tokens of a passage that are read for one of its answers, about the shipped model's window."""

QUIET_S = 0.01
"""Seconds without another request after which company is waited for no longer, where no client has
just been answered.  A round number; no measurement is recorded."""


class QueueFullError(QGenError):
    """There is more to do already than may wait.

    Attributes:
        retry_after: seconds after which there may be room.
    """

    def __init__(self, message: str, retry_after: int):
        super().__init__(message)
        self.retry_after = retry_after


class ClosedError(QGenError):
    """The batcher takes no more work."""


def count_tokens(request: Request, settings: GenerationSettings, quiz: QuizSettings) -> int:
    """How many tokens go through the network, roughly: the passage's, to be read, and for each
    answer those round it and those of every beam."""
    passage = len(request.passage) // CHARACTERS
    answers = len(request.answers) or quiz.max_answers
    proposing = 0 if request.answers else passage
    return proposing + answers * (min(passage, SOURCE) + settings.width * STEPS)


@dataclass
class _Job:
    """One client's passages: those before ``taken`` are done or being decoded.

    Attributes:
        requests: the passages, or rows with a passage each.
        work: what to do with them: a function and its arguments behind the passages.
        tokens: of each passage, by :func:`count_tokens`.
    """

    requests: Sequence[Any]
    work: tuple[Any, ...]
    tokens: Sequence[int]
    future: Future[list[Any]] = field(default_factory=Future)
    taken: int = 0
    results: dict[int, Any] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    @property
    def waiting(self) -> int:
        return len(self.requests) - self.taken


class DynamicBatcher:
    """A queue, and batches of what is in it decoded side by side.

    Passages of jobs with the same work and settings are decoded together, one of each job in turn,
    so that a small job does not wait for all of a big one.

    Args:
        generate: the model.
        max_batch: most questions for passages of usual length decoded together; of longer ones,
            and with wider beams, fewer: a batch is filled by its tokens.
        max_delay_s: most seconds for which an idle stream waits for company of a passage.
        max_waiting: most passages in the queue, unless one client's alone are more: those get their
            turn once no other waits.
        pool: what runs the batches; by default a thread.
        streams: how many batches it runs at once.
    """

    def __init__(
        self,
        generate: GenerateFunction,
        max_batch: int = ServiceSettings.max_batch,
        max_delay_s: float = ServiceSettings.max_delay_s,
        max_waiting: int = ServiceSettings.max_waiting,
        pool: Executor | None = None,
        streams: int = 1,
    ):
        self._generate = generate
        self._max_tokens = max_batch * TOKENS
        self._max_delay_s, self.max_waiting = max_delay_s, max_waiting
        self._pool, self._idle = pool or ThreadPoolExecutor(streams, "qgen-stream"), streams
        self.streams = streams
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._decoding = 0  # tokens in the streams
        # Clients that have just been answered, and have not asked again yet.
        self._answered, self._answered_at = 0, -math.inf
        self._rate = 5.0  # passages a second, for Retry-After
        self._thread = threading.Thread(target=self._run, name="qgen-batcher", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether work is taken and done."""
        return self._thread.is_alive() and not self._closing

    @property
    def waiting(self) -> int:
        """Passages in the queue."""
        with self._changed:
            return self._waiting()

    def submit(
        self,
        requests: Sequence[Request],
        settings: GenerationSettings,
        quiz: QuizSettings,
        wait: bool = False,
    ) -> Future[list[Result]]:
        """Have a client's passages decoded; cancelling the future takes back what still waits.

        Args:
            requests: the passages.
            settings, quiz: as :meth:`qgen.asking.pipeline.QuestionGenerator.generate` takes them.
            wait: wait for room in the queue instead of being refused.

        Raises:
            QueueFullError: there is no room.
            ClosedError: the service is shutting down.
        """
        tokens = [count_tokens(request, settings, quiz) for request in requests]
        return self._queue(_Job(requests, (self._generate, settings, quiz), tokens), wait)

    def read(
        self,
        function: Callable[[Sequence[Item]], Sequence[Found]],
        rows: Sequence[Item],
        passages: Sequence[str],
        wait: bool = False,
    ) -> Future[list[Found]]:
        """Have a client's rows go through the models in their turn, without a question being asked;
        cancelling and what is raised are as with :meth:`submit`.

        Args:
            function: gives something for each row; it gets other clients' rows as well.
            rows: what it takes.
            passages: that of each row.
            wait: wait for room in the queue instead of being refused.
        """
        tokens = [STEPS + len(passage) // CHARACTERS for passage in passages]
        return self._queue(_Job(rows, (function,), tokens), wait)

    def _queue(self, job: _Job, wait: bool = False) -> Future[list[Any]]:
        with self._changed:
            while (
                not self._closing
                and (waiting := self._waiting())
                and waiting + job.waiting > self.max_waiting
            ):
                if not wait:
                    seconds = 1 + int(waiting / self._rate)
                    raise QueueFullError("too many passages are waiting", seconds)
                self._changed.wait(1.0)
            if not self.alive:
                raise ClosedError("the service is shutting down")
            if not job.requests:
                job.future.set_result([])
            else:
                self._jobs.append(job)
                self._answered = max(0, self._answered - 1)
                self._changed.notify_all()
        return job.future

    def close(self) -> None:
        """Take no more work, and finish what was taken."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    # -- the queue's thread ------------------------------------------------------------------------

    def _waiting(self) -> int:
        return sum(job.waiting for job in self._jobs if not job.future.cancelled())

    def _run(self) -> None:
        while batch := self._next_batch():
            self._pool.submit(self._decode, batch)
        with self._changed:
            self._changed.wait_for(lambda: self._idle == self.streams)

    def _next_batch(self) -> list[tuple[_Job, int]]:
        """What to decode next, once a stream is idle; nothing when the queue is closed and empty.

        A stream takes its share of what waits and of what the others decode, so that of clients
        who ask again and again each stream comes to have as many as the others.
        """
        idle_since = time.monotonic()
        with self._changed:
            while True:
                if not self._idle:
                    self._changed.wait()
                    idle_since = time.monotonic()
                    continue
                self._jobs = deque(j for j in self._jobs if j.waiting and not j.future.done())
                tokens = sum(sum(job.tokens[job.taken :]) for job in self._jobs)
                if self._jobs:
                    due = self._due(idle_since) - time.monotonic()
                    if self._closing or due <= 0 or tokens >= self._max_tokens * self._idle:
                        break
                    self._changed.wait(due)
                elif self._closing:
                    return []
                else:
                    self._changed.wait()
            batch = self._take((tokens + self._decoding) / self.streams)
            self._jobs.rotate(-1)  # other work, and those who came second, have their turn
            self._idle -= 1
            self._decoding += _tokens(batch)
            self._changed.notify_all()  # there is room in the queue
            return batch

    def _due(self, idle_since: float) -> float:
        """When what waits is decoded, whoever else may come.

        Clients that have just been answered come again one after the other: they are waited for,
        and once they are there nobody else is.
        """
        since = [max(idle_since, job.since) for job in self._jobs]
        latest = min(since) + self._max_delay_s
        gone = self._answered_at + self._max_delay_s
        if time.monotonic() < gone:
            return min(latest, gone) if self._answered else idle_since
        return min(latest, max(since) + QUIET_S)

    def _take(self, share: float) -> list[tuple[_Job, int]]:
        """Passages that come to so many tokens, if they fit a batch, or one that does not, of the
        jobs with the first one's work, one of each in turn."""
        same = deque(job for job in self._jobs if job.work == self._jobs[0].work)
        batch: list[tuple[_Job, int]] = []
        taken = 0
        while same and taken < share:
            job = same.popleft()
            more = job.tokens[job.taken]
            if batch and taken + more > self._max_tokens:
                continue  # its next one has to wait
            batch.append((job, job.taken))
            taken += more
            job.taken += 1
            if job.waiting:
                same.append(job)
        return batch

    # -- a stream ----------------------------------------------------------------------------------

    def _decode(self, batch: list[tuple[_Job, int]]) -> None:
        started = time.monotonic()
        function, *arguments = batch[0][0].work
        try:
            found = function([one.requests[i] for one, i in batch], *arguments)
        except BaseException as error:  # its clients are told; the others are served
            for one, _ in batch:
                with suppress(InvalidStateError):  # its client has gone, or knows
                    one.future.set_exception(error)
        else:
            for (one, i), result in zip(batch, found, strict=True):
                one.results[i] = result
            done = {id(one): one for one, _ in batch if len(one.results) == len(one.requests)}
            self._expect(len(done))
            for one in done.values():
                with suppress(InvalidStateError):
                    one.future.set_result([one.results[n] for n in range(len(one.requests))])
        finally:
            seconds = max(time.monotonic() - started, 1e-3)
            with self._changed:
                self._rate = 0.8 * self._rate + 0.2 * self.streams * len(batch) / seconds
                self._decoding -= _tokens(batch)
                self._idle += 1
                self._changed.notify_all()

    def _expect(self, clients: int) -> None:
        """So many are answered now, and may ask again at once."""
        now = time.monotonic()
        with self._changed:
            fresh = now < self._answered_at + self._max_delay_s
            self._answered = clients + (self._answered if fresh else 0)
            self._answered_at = now


def _tokens(batch: Sequence[tuple[_Job, int]]) -> int:
    return sum(job.tokens[i] for job, i in batch)
