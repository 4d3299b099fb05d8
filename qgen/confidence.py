"""How sure one can be that a question is good: the reader's word, joined with the generator's."""

from __future__ import annotations

import math

from qgen.checks import content_stems
from qgen.model.reader import Reading
from qgen.text import token_f1
from qgen.types import Question

WEIGHTS = {"bias": 0.0, "score": 1.0, "agreement": 1.0, "expected": 1.0, "unanswerable": -1.0}
"""Of the logistic regression of :func:`confidence` on :func:`features`."""


def features(passage: str, question: Question, reading: Reading) -> dict[str, float]:
    """What the confidence depends on.

    Returns:
        ``score``: the generator's; ``agreement``: token F1 of the reader's answer with the one
        asked for; ``expected``: log-probability (nats, at least -10) that the reader gives to the
        one asked for; ``unanswerable``: the probability that there is no answer; ``foreign``: the
        share of the question's content words that the passage does not have; ``repeated``: how many
        of them stand twice.
    """
    assert question.answer is not None
    asked, known = content_stems(question.question), set(content_stems(passage))
    return {
        "score": question.score,
        "agreement": token_f1(reading.answer.text, question.answer.text),
        "expected": math.log(max(reading.expected, math.exp(-10))),
        "unanswerable": reading.unanswerable,
        "foreign": sum(stem not in known for stem in asked) / max(1, len(asked)),
        "repeated": float(len(asked) - len(set(asked))),
    }


def confidence(passage: str, question: Question, reading: Reading) -> float:
    """How probable it is that a question is good or usable, from 0 to 1."""
    values = features(passage, question, reading)
    logit = WEIGHTS["bias"] + sum(WEIGHTS.get(name, 0.0) * value for name, value in values.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
