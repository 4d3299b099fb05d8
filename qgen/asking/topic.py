"""Which passages are about a topic."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from qgen.english.words import content_stems, fold
from qgen.model.vectors import WordVectors

TOPIC_NEARNESS = 0.62
"""The least nearness of a passage that is about a topic.  No measurement is recorded."""


def nearness(topic: str, passages: Sequence[str], vectors: WordVectors) -> list[float]:
    """How near each passage is to a topic, from about 0 to 1, by a model's word embeddings.

    Each word of the topic is looked for in the passage: the same word counts 1, another one the
    cosine of the two; the mean over the topic's words is the nearness (as the recall of Zhang et
    al. 2020, arXiv:1904.09675, with embeddings without context).
    """
    asked = list(dict.fromkeys(content_stems(topic))) or [fold(topic)]
    sought = vectors.of(asked)
    found = []
    for passage in passages:
        words = list(dict.fromkeys(content_stems(passage)))
        if not words:
            found.append(0.0)
            continue
        best = (sought @ vectors.of(words).T).amax(1)
        same = torch.tensor([word in words for word in asked])
        found.append(float(best.where(~same, torch.ones_like(best)).mean()))
    return found
