"""Batches filled by tokens, and not by rows, and run side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from math import ceil

import torch

from qgen.model.runtime.workers import Item, Result, count_streams, side_by_side


def batches_by_size(
    sizes: Sequence[int], budget: int, most: int, streams: int = 1
) -> list[list[int]]:
    """Items in batches of like size, the largest first.

    Args:
        sizes: of the items, such as their tokens; in a batch each is padded to the largest.
        budget: what a padded batch may come to; a larger item has a batch of its own.
        most: items in a batch.
        streams: batches that are run at once: unless one is enough, there are so many of them that
            no stream is left idle, and they are about equally large.

    Returns:
        The numbers of the items of each batch.
    """
    order = sorted(range(len(sizes)), key=lambda i: sizes[i], reverse=True)

    def filled(share: float) -> list[list[int]]:
        batches: list[list[int]] = []
        for i in order:
            if batches:
                last = batches[-1]
                rows = len(last) + 1
                if rows <= share * most and rows * sizes[last[0]] <= share * budget:
                    last.append(i)
                    continue
            batches.append([i])
        return batches

    batches = filled(1.0)
    if len(batches) < 2:
        return batches
    number = min(ceil(len(batches) / streams) * streams, len(order))
    low, high = 0.0, 1.0  # the smallest share of the budget with which so many batches do
    for _ in range(10):
        middle = (low + high) / 2
        if len(filled(middle)) > number:
            low = middle
        else:
            high = middle
    return filled(high)


def in_batches(
    function: Callable[[list[Item]], Sequence[Result]],
    items: Sequence[Item],
    sizes: Sequence[int],
    budget: int,
    most: int,
    device: torch.device,
) -> list[Result]:
    """What a function makes of items that it takes a batch at a time, in the order of the items.

    Args:
        function: makes something of each item of a batch; runs on several batches at once.
        items: what it is about.
        sizes, budget, most: of :func:`batches_by_size`.
        device: where it computes.
    """
    batches = batches_by_size(sizes, budget, most, count_streams(device))
    found = side_by_side(lambda batch: function([items[i] for i in batch]), batches, device)
    results = dict(zip(chain.from_iterable(batches), chain.from_iterable(found), strict=True))
    return [results[i] for i in range(len(items))]
