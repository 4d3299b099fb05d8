"""Logistic regressions whose weights ship: from what one can say of a thing to how probable it is
that people find it good."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_MOST = 30.0
"""Log-odds beyond which a probability is 0 or 1 for all that anyone can tell."""


@cache
def shipped(path: Path) -> dict[str, float]:
    """The weights in a file of this package, by name."""
    return json.loads(path.read_text(encoding="utf-8"))


def probability(
    weights: Mapping[str, float], values: Mapping[str, float], others: float = 0.0
) -> float:
    """What a logistic regression says, from 0 to 1.

    Args:
        weights: of the values by name, and ``"bias"``.
        values: the features by name.
        others: log-odds that count beside these.
    """
    logit = weights["bias"] + sum(weights[name] * value for name, value in values.items()) + others
    return 1 / (1 + math.exp(-max(-_MOST, min(_MOST, logit))))
