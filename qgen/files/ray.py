"""Batches on Ray Data: a pool of models, on this machine or on a cluster.

Ray Data hands the rows out, keeps their order, and starts a model again, with the rows it had, when
its process dies.  What comes of a row is what the plain engine would make of it.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from qgen.errors import QGenError, install
from qgen.files.batch import Advance, Asked, Engine, GenerateFunction, process_rows
from qgen.files.rows import Row

WAVE = 1000
"""Buffers that Ray is given at once, so that the memory needed does not grow with the file."""


class _Worker:
    """A model in a process of its own."""

    def __init__(self, load: Callable[[], GenerateFunction], batch_size: int):
        self.generate = load()
        self.batch_size = batch_size

    def __call__(self, batch: dict) -> dict:
        buffers = [pickle.loads(content) for content in batch["rows"]]
        outcomes = [process_rows(rows, self.generate, self.batch_size) for rows in buffers]
        return {"done": [pickle.dumps(pair) for pair in zip(buffers, outcomes, strict=True)]}


def ray_engine(
    load: Callable[[], GenerateFunction],
    batch_size: int = 16,
    workers: int = 2,
    address: str | None = None,
) -> Engine:
    """An engine for :func:`qgen.files.batch.run_batch`.

    Args:
        load: makes the model, in each worker; must be picklable.
        batch_size: most requests per call of the model.
        workers: processes, each with a model.
        address: of a running cluster; by default a cluster of this machine's is started.

    Raises:
        QGenError: Ray is not installed, or there is no such cluster.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise QGenError(f"Ray is missing: {install('ray')}") from error

    if not ray.is_initialized():
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        own: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
        try:
            ray.init(address=address, **quiet, **({} if address else own))
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise QGenError(f"there is no Ray cluster at {address}: {error}") from error

    def process(buffers: Iterator[list[Row]], advance: Advance) -> Asked:
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        while items := [{"rows": pickle.dumps(buffer)} for buffer in islice(buffers, WAVE)]:
            data = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
                _Worker,
                fn_constructor_args=(load, batch_size),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=workers),
            )
            for row in data.iter_rows():
                rows, outcomes = pickle.loads(row["done"])
                advance(len(rows))
                yield rows, outcomes

    return process
