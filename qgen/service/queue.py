"""Requests of many clients, decoded together by one worker."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

from qgen.errors import QGenError
from qgen.records import Request, Result
from qgen.settings import GenerationSettings, QuizSettings

GenerateFunction = Callable[[Sequence[Request], GenerationSettings, QuizSettings], list[Result]]
"""Such as :meth:`qgen.asking.pipeline.QuestionGenerator.generate`."""


QUIET_S = 0.01
"""Seconds without another request after which company is waited for no longer: those whose clients
have just been answered come one after the other."""


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


@dataclass
class _Job:
    """One client's passages: those before ``taken`` are done or being decoded."""

    requests: Sequence[Request]
    settings: GenerationSettings
    quiz: QuizSettings
    future: Future[list[Result]] = field(default_factory=Future)
    taken: int = 0
    results: dict[int, Result] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    @property
    def waiting(self) -> int:
        return len(self.requests) - self.taken


class DynamicBatcher:
    """A queue and the thread that decodes from it.

    Passages of jobs with the same settings are decoded together, one of each job in turn, so that
    a small job does not wait for all of a big one.

    Args:
        generate: the model.
        max_batch: most passages decoded together.
        max_delay_s: most seconds for which an idle worker waits for company of a passage.
        max_waiting: most passages in the queue.
    """

    def __init__(
        self,
        generate: GenerateFunction,
        max_batch: int = 16,
        max_delay_s: float = 0.05,
        max_waiting: int = 512,
    ):
        self._generate = generate
        self._max_batch, self._max_delay_s, self._max_waiting = max_batch, max_delay_s, max_waiting
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
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
        job = _Job(requests, settings, quiz)
        with self._changed:
            while not self._closing and self._waiting() + len(requests) > self._max_waiting:
                if not wait or len(requests) > self._max_waiting:
                    seconds = 1 + int(self._waiting() / self._rate)
                    raise QueueFullError("too many passages are waiting", seconds)
                self._changed.wait(1.0)
            if not self.alive:
                raise ClosedError("the service is shutting down")
            if not requests:
                job.future.set_result([])
            else:
                self._jobs.append(job)
                self._changed.notify_all()
        return job.future

    def close(self) -> None:
        """Take no more work, finish what was taken, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    # -- the worker --------------------------------------------------------------------------------

    def _waiting(self) -> int:
        return sum(job.waiting for job in self._jobs if not job.future.cancelled())

    def _run(self) -> None:
        while batch := self._next_batch():
            started = time.monotonic()
            job = batch[0][0]
            try:
                found = self._generate(
                    [one.requests[i] for one, i in batch], job.settings, job.quiz
                )
            except BaseException as error:  # its clients are told; the others are served
                for one, _ in batch:
                    with suppress(InvalidStateError):  # its client has gone, or knows
                        one.future.set_exception(error)
                continue
            seconds = time.monotonic() - started
            self._rate = 0.8 * self._rate + 0.2 * len(batch) / max(seconds, 1e-3)
            for (one, i), result in zip(batch, found, strict=True):
                one.results[i] = result
                if len(one.results) == len(one.requests):
                    with suppress(InvalidStateError):
                        one.future.set_result([one.results[n] for n in range(len(one.requests))])

    def _next_batch(self) -> list[tuple[_Job, int]]:
        """What to decode next; nothing once the batcher is closed and all is done."""
        idle_since = time.monotonic()
        with self._changed:
            while True:
                self._jobs = deque(j for j in self._jobs if j.waiting and not j.future.done())
                if self._jobs:
                    oldest, newest = (
                        max(idle_since, pick(job.since for job in self._jobs))
                        for pick in (min, max)
                    )
                    due = min(oldest + self._max_delay_s, newest + QUIET_S) - time.monotonic()
                    if self._closing or due <= 0 or self._waiting() >= self._max_batch:
                        break
                    self._changed.wait(due)
                elif self._closing:
                    return []
                else:
                    self._changed.wait()
            first = self._jobs[0]
            same = [
                job
                for job in self._jobs
                if (job.settings, job.quiz) == (first.settings, first.quiz)
            ]
            batch: list[tuple[_Job, int]] = []
            while len(batch) < self._max_batch and any(job.waiting for job in same):
                for job in same:
                    if job.waiting and len(batch) < self._max_batch:
                        batch.append((job, job.taken))
                        job.taken += 1
            self._jobs.rotate(-1)  # other settings, and those who came second, have their turn
            self._changed.notify_all()  # there is room in the queue
            return batch
