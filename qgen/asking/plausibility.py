"""How plausible a wrong answer is beside the right one: a linear model on what the two shipped
models and the lexicon say, fitted to judged choices (``recipes/choices.py``)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qgen.asking.distractors import Candidate, is_plural
from qgen.asking.logistic import probability, shipped
from qgen.model.reader import Reader, log_probability
from qgen.records import Answer, Question

if TYPE_CHECKING:
    from qgen.asking.generator import NBestGenerator

WEIGHTS_FILE = Path(__file__).with_name("plausibility.json")
"""Holds a weight for each of :data:`FEATURES`, by name, and a ``bias``."""

FEATURES = ("embedding", "question", "reader", "reader_less", "opening", "options", "wordnet",
            "linked", "head", "length", "words", "number")  # fmt: skip
"""What the model looks at: the cosines of the word embeddings of candidate and answer, and of
candidate and question; the reader's log-probability of the candidate where it is the whole text,
and what it lacks of the answer's; how much less probable the beginning of the question is for it;
what the lexicon says (:class:`qgen.english.things.Likeness`); and how much length, words and
grammatical number differ."""

MOST = 16
"""Candidates that the models look at, those first that lexicon and embeddings like best.  A round
number; no measurement is recorded."""


class Plausibility:
    """Ranks candidates.

    Args:
        generator: whose word embeddings and questions tell what is of a kind.
        reader: tells what could answer a question; without one its features are 0.
    """

    def __init__(self, generator: NBestGenerator, reader: Reader | None):
        self._generator, self._reader = generator, reader

    def ranked(
        self, question: str, answer: str, candidates: Sequence[Candidate], least: float
    ) -> list[str]:
        """The candidates whose plausibility, from 0 to 1, is ``least`` or more, best first."""
        likely = self.likely(answer, candidates)
        scored = zip(self.scores(question, answer, likely), likely, strict=True)
        fit = [(score, one.text) for score, one in scored if score >= least]
        return [text for _, text in sorted(fit, key=lambda pair: -pair[0])]

    def likely(self, answer: str, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those worth a look of the models, at most :data:`MOST`."""
        if len(candidates) <= MOST:
            return list(candidates)
        near = self._cosines([answer], [one.text for one in candidates])[0]

        def worth(i: int) -> float:
            known = candidates[i].likeness
            sets = math.tanh(known.options / 2), math.tanh(known.linked / 2)
            return 2 * near[i] + sets[0] + sets[1] + 5 * known.wordnet

        order = sorted(range(len(candidates)), key=worth, reverse=True)
        return [candidates[i] for i in order[:MOST]]

    def scores(self, question: str, answer: str, candidates: Sequence[Candidate]) -> list[float]:
        """The plausibility of each candidate, from 0 to 1."""
        rows = self.features(question, answer, candidates)
        weights = shipped(WEIGHTS_FILE)
        return [probability(weights, dict(zip(FEATURES, row, strict=True))) for row in rows]

    def features(
        self, question: str, answer: str, candidates: Sequence[Candidate]
    ) -> list[list[float]]:
        """:data:`FEATURES` of each candidate."""
        if not candidates:
            return []
        texts = [one.text for one in candidates]
        to_answer, to_question = self._cosines([answer, question], texts)
        own_read, *read = self._read(question, [answer, *texts])
        asked = [(text, Question(question, Answer(text, 0), 0)) for text in (answer, *texts)]
        own, *openings = self._generator.score_openings(asked)
        return [
            [
                to_answer[i],
                to_question[i],
                read[i],
                max(-6.0, min(0.0, read[i] - own_read)),
                max(-6.0, min(2.0, openings[i] - own)),
                math.log1p(one.likeness.options),
                min(1.0, 5 * one.likeness.wordnet),
                math.log1p(one.likeness.linked),
                float(one.likeness.head),
                abs(len(one.text) - len(answer)) / max(len(one.text), len(answer)),
                min(3.0, abs(len(one.text.split()) - len(answer.split()))),
                float(is_plural(one.text) != is_plural(answer)),
            ]
            for i, one in enumerate(candidates)
        ]

    def _read(self, question: str, texts: Sequence[str]) -> list[float]:
        """The reader's log-probability of each text as the answer in nothing but itself."""
        if not self._reader:
            return [0.0] * len(texts)
        spans = [Answer(text, 0) for text in texts]
        read = self._reader.windows([(span.text, question, None) for span in spans])
        return [
            max(-8.0, log_probability(windows, span))
            for windows, span in zip(read, spans, strict=True)
        ]

    def _cosines(self, of: Sequence[str], texts: Sequence[str]) -> list[list[float]]:
        vectors = self._generator.word_vectors
        return (vectors.of(of) @ vectors.of(texts).T).tolist()
