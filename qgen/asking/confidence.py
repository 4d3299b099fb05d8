"""The probability, from 0 to 1, that a strict judge does not call a question wrong: the reader's
word, joined with the generator's.

Beside what one can say about a question in words (:func:`features`), the reader's hidden states of
question and answer count: a linear probe (Alain and Bengio 2016, arXiv:1610.01644) of whether the
question is one that people find right.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from qgen.asking.logistic import probability, shipped
from qgen.english.passage import Passage, once_a_passage
from qgen.english.words import (
    PIECE,
    QUESTION_WORD,
    content_stems,
    stems,
    token_f1,
    words_repeated,
)
from qgen.errors import QGenError
from qgen.model.checkpoints import find_file
from qgen.model.reader import Reading
from qgen.records import Question

_DEFINITE = re.compile(r"\bthe \w+\b(?! of)")
_LISTED = re.compile(r",| and | or ")

CONFIDENCE_FILE = "confidence.json"
"""A reader's weights, in its folder; ``eval.calibrate`` writes it."""


@dataclass(frozen=True)
class Weights:
    """The weights of the logistic regression of :func:`confidence`.

    Attributes:
        features: one for each of :func:`features`, by name, and a ``bias``.
        states: those ``[2 * hidden]`` for the ``states`` of a :class:`qgen.model.reader.Reading`;
            ``None`` where they do not count.
    """

    features: Mapping[str, float]
    states: Tensor | None = None

    def to_json(self) -> str:
        """The text of :data:`CONFIDENCE_FILE`, four digits of each."""
        states = [] if self.states is None else self.states.tolist()
        return json.dumps(
            {
                "features": {name: float(f"{w:.4g}") for name, w in self.features.items()},
                "states": [float(f"{w:.4g}") for w in states],
            }
        )


WEIGHTS_FILE = Path(__file__).with_name("confidence.json")
"""Holds a weight for each of :func:`features`, by name, and a ``bias``."""
WEIGHTS = Weights(shipped(WEIGHTS_FILE))
"""Those for a reader with whose states no questions were judged."""


def load_weights(checkpoint: str | Path, size: int) -> Weights:
    """The weights in a reader's checkpoint, a directory or hub name; :data:`WEIGHTS` where it has
    none.

    Args:
        checkpoint: the directory or name; ``""`` for a reader that was never loaded.
        size: of the reader's states.

    Raises:
        QGenError: its file is not one of weights, or they are not for states of this size.
    """
    file = find_file(checkpoint, CONFIDENCE_FILE) if checkpoint else None
    if not file:
        return WEIGHTS
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        by_name = {name: float(found["features"][name]) for name in WEIGHTS.features}
        states = torch.tensor(found["states"], dtype=torch.float32)
        if states.shape != (size,):
            raise ValueError(f"{size} states were expected")
    except (KeyError, TypeError, ValueError) as error:
        raise QGenError(f"{file} does not hold the weights of a confidence: {error}") from error
    return Weights(by_name, states)


def features(passage: str, question: Question, reading: Reading) -> dict[str, float]:
    """What the confidence depends on.

    Returns:
        ``surprise``: the logarithm of the nats that a token of it costs the generator (the step
        from 1 to 2 says no more than that from 0.1 to 0.2); ``agreement``: token F1 of the reader's
        answer with the one asked for; ``answered``, ``expected`` and ``unanswerable``: the
        log-probabilities (nats, at least -20) that the reader gives to its answer, to the one asked
        for, and to there being none; ``foreign``: the share of the question's content words that
        the passage does not have; ``repeated``: how many of them stand twice; ``reordered``: the
        share of them that the passage has before the one they follow, each where it is nearest to
        the answer (words of several clauses are easily put together wrongly); ``copied``: the share
        of the question's runs of three words that stand in the passage (what is copied costs the
        generator little, right or wrong); ``length``: words; ``fronted``: 1 where the question word
        does not come first, as in "In what year"; ``rarity``: how rare its words are, see
        :class:`qgen.model.reader.Window` (of common words alone it is often too vague);
        ``definite``: how many of its things have an article and nothing after them ("the company",
        not "the company of John"), so that it may need the passage to be understood; ``named``: 1
        where the answer begins with a capital; ``listed``: 1 where it has several parts; ``given``:
        the share of its content words that the question has already.
    """
    assert question.answer is not None
    answer = question.answer.text
    told = set(content_stems(answer))
    asked = content_stems(question.question)
    known, places = _runs_and_places(passage)
    middle = len(stems(passage[: question.answer.start]))
    found = [min(places[stem], key=lambda i: abs(i - middle)) for stem in asked if stem in places]
    runs = _runs(stems(question.question))
    return {
        # The summand keeps the logarithm finite where the model is certain.
        "surprise": math.log(0.02 - question.score),
        "agreement": token_f1(reading.answer.text, answer),
        "answered": _log(reading.probability),
        "expected": _log(reading.expected),
        "unanswerable": _log(reading.unanswerable),
        "foreign": sum(stem not in places for stem in asked) / max(1, len(asked)),
        "repeated": float(words_repeated(question.question)),
        "reordered": sum(a > b for a, b in pairwise(found)) / max(1, len(found)),
        "copied": sum(run in known for run in runs) / max(1, len(runs)),
        "length": float(len(PIECE.findall(question.question))),
        "fronted": float(not QUESTION_WORD.match(question.question)),
        "rarity": reading.rarity,
        "definite": float(len(_DEFINITE.findall(question.question))),
        "named": float(answer[:1].isupper()),
        "listed": float(bool(_LISTED.search(answer))),
        "given": len(told & set(asked)) / max(1, len(told)),
    }


@once_a_passage
def _runs_and_places(passage: Passage) -> tuple[frozenset[tuple[str, ...]], dict[str, list[int]]]:
    """The passage's runs of three words, and where each of its words stands."""
    words = stems(passage.text)
    places: dict[str, list[int]] = {}
    for i, stem in enumerate(words):
        places.setdefault(stem, []).append(i)
    return frozenset(_runs(words)), places


def _runs(words: list[str]) -> list[tuple[str, ...]]:
    return list(zip(words, words[1:], words[2:], strict=False))


def _log(probability: float) -> float:
    return math.log(max(probability, math.exp(-20)))


def confidence(
    passage: str,
    question: Question,
    reading: Reading,
    weights: Weights = WEIGHTS,
) -> float:
    """The probability, from 0 to 1, that a strict judge does not call the question wrong.

    Args:
        passage: what it is about.
        question: with its answer.
        reading: what the reader makes of it.
        weights: those of that reader.
    """
    values = features(passage, question, reading)
    of_states = 0.0
    if weights.states is not None and reading.states is not None:
        of_states = float(weights.states @ reading.states)
    return probability(weights.features, values, of_states)
