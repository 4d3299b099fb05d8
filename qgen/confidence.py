"""How sure one can be that a question is good: the reader's word, joined with the generator's."""

from __future__ import annotations

import math

from qgen.model.reader import Reading
from qgen.text import token_f1
from qgen.types import Question

WEIGHTS = {"bias": 0.0, "score": 1.0, "agreement": 1.0, "expected": 1.0, "unanswerable": -1.0}
"""Of the logistic regression of :func:`confidence` on :func:`features`."""


def features(question: Question, reading: Reading) -> dict[str, float]:
    """What the confidence depends on.

    Returns:
        ``score``: the generator's; ``agreement``: token F1 of the reader's answer with the one
        asked for; ``expected``: log-probability (nats, at least -10) that the reader gives to the
        one asked for; ``unanswerable``: the probability that there is no answer.
    """
    assert question.answer is not None
    return {
        "score": question.score,
        "agreement": token_f1(reading.answer.text, question.answer.text),
        "expected": math.log(max(reading.expected, math.exp(-10))),
        "unanswerable": reading.unanswerable,
    }


def confidence(question: Question, reading: Reading) -> float:
    """How probable it is that a question is good or usable, from 0 to 1."""
    values = features(question, reading)
    logit = WEIGHTS["bias"] + sum(WEIGHTS[name] * value for name, value in values.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
