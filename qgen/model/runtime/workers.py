"""Batches decoded side by side on the cores of a CPU.

A decoding step is hundreds of small operations.  Two threads that share each of them are hardly
faster than one alone, so each batch has a thread of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier, Lock, local
from typing import TypeVar

import torch

MOST_STREAMS = 4
"""Beyond which Python, of which one thread runs at a time, is thought to hold the others up."""

Item = TypeVar("Item")
Result = TypeVar("Result")


_PROCESS = os.getpid()


def alone_after_fork() -> None:
    """Have PyTorch use a single thread in a process that was forked off this one: it would wait
    for ever for the other threads, which did not come along."""
    if os.getpid() != _PROCESS:
        torch.set_num_threads(1)


def count_streams(device: torch.device) -> int:
    """How many batches a device is to decode at once: one per thread of PyTorch's on a CPU, and
    one in a worker, which is a stream itself."""
    alone_after_fork()
    if getattr(_here, "is_stream", False):
        return 1
    return min(torch.get_num_threads(), MOST_STREAMS) if device.type == "cpu" else 1


def side_by_side(
    function: Callable[[Item], Result], items: Sequence[Item], device: torch.device
) -> list[Result]:
    """As ``list(map(function, items))``, with several items at once; their order is kept.

    An exception ends it once the items that have been begun are done.
    """
    if count_streams(device) == 1 or len(items) < 2:
        return [function(item) for item in items]
    return list(stream_pool(device).map(function, items))


def stream_pool(device: torch.device) -> ThreadPoolExecutor:
    """The workers that decode on a device, one for each stream; each has its share of PyTorch's
    threads."""
    streams = count_streams(device)
    with _starting:
        return _pool(streams, torch.get_num_threads() // streams)


_starting, _here = Lock(), local()


@cache
def _pool(workers: int, threads: int) -> ThreadPoolExecutor:
    """Workers with so many of PyTorch's threads each."""
    before, all_there = torch.get_num_threads(), Barrier(workers)

    def start() -> None:
        _here.is_stream = True
        torch.set_num_threads(threads)
        torch.get_num_threads()  # the first time, a thread takes over what was set last anywhere
        all_there.wait()

    pool = ThreadPoolExecutor(workers, "qgen-stream", initializer=start)
    for started in [pool.submit(int) for _ in range(workers)]:
        started.result()
    # So that those that are started later do not take over the workers' number.
    torch.set_num_threads(before)
    return pool
