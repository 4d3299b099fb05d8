"""Batches filled by tokens, and not by rows."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


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
