"""Fit the weights of :mod:`qgen.asking.confidence` on judged questions, and measure them.

    python -m eval.calibrate data/judged/earlier.jsonl data/judged/shipped.jsonl \\
        --test data/judged/held-out.jsonl --out qgen/reader_checkpoint

prints how well the confidence tells good and usable questions of the ``--test`` files from wrong
ones (without such files, those of each passage, by a confidence fitted on the other passages), with
the reader's hidden states and without, and the weights without (for ``qgen/confidence.py``); those
with them go to the reader's folder.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from eval.report import write_files
from qgen.asking.confidence import CONFIDENCE_FILE, Weights, features
from qgen.asking.generator import NBestGenerator
from qgen.errors import QGenError, exit_code
from qgen.files.rows import read_requests
from qgen.model.reader import Reader
from qgen.records import Question

FOLDS = 10
PENALTY = 0.02
"""Of the squared weights of the standardised features, so that 300 questions are enough."""
STATE_PENALTY = 0.3
"""Of those of the standardised hidden states, which are many more: the best by cross-validation for
the shipped reader."""


def area_under_roc(scores: Tensor, labels: Tensor) -> float:
    """The probability that a right question has a higher score than a wrong one (ties count half).

    Args:
        scores: ``[n]``.
        labels: ``[n]``, 1 for right and 0 for wrong.
    """
    right, wrong = scores[labels == 1][:, None], scores[labels == 0]
    return ((right > wrong).double() + 0.5 * (right == wrong).double()).mean().item()


def fit(
    values: Tensor, labels: Tensor, penalties: float | Tensor = PENALTY
) -> tuple[Tensor, float]:
    """Logistic regression.

    Args:
        values: ``[n, features]``.
        labels: ``[n]``, 0 or 1.
        penalties: of the squared weights, one or ``[features]``.

    Returns:
        Weights ``[features]`` and bias.
    """
    mean, deviation = values.mean(0), values.std(0) + 1e-6
    standard = (values - mean) / deviation
    weights = torch.zeros(values.shape[1], dtype=values.dtype, requires_grad=True)
    bias = torch.zeros((), dtype=values.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = standard @ weights + bias
        value = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
        value = value + (penalties * weights**2).sum()
        value.backward()
        return value

    optimizer.step(loss)
    found = weights.detach() / deviation
    return found, float(bias.detach() - (mean * found).sum())


def cross_validated(
    values: Tensor,
    labels: Tensor,
    groups: Sequence[str],
    penalties: float | Tensor = PENALTY,
) -> Tensor:
    """For each row its logit by weights that were fitted on the rows of other groups."""
    names = sorted(set(groups))
    random.Random(0).shuffle(names)
    logits = torch.zeros(len(values), dtype=values.dtype)
    for fold in range(min(FOLDS, len(names))):
        held = torch.tensor([group in names[fold::FOLDS] for group in groups])
        weights, bias = fit(values[~held], labels[~held], penalties)
        logits[held] = values[held] @ weights + bias
    return logits


def read_judged(path: str | Path) -> tuple[list[dict], list[tuple[str, Question]]]:
    """The judged questions of a file: what else its rows say, and passages with questions.

    Raises:
        QGenError: the file cannot be read, or a row of it is not such a question.
    """
    rows, asked = [], []
    for line, request in read_requests(path):
        judged = request.extra
        if missing := {"id", "question", "judgement"} - set(judged):
            raise QGenError(f"{path}, line {line}: no {min(missing)}")
        if not request.answers:
            raise QGenError(f"{path}, line {line}: no answer")
        rows.append(judged)
        question = Question(judged["question"], request.answers[0], 0.0)
        asked.append((request.passage, question))
    return rows, asked


def features_of(
    asked: Sequence[tuple[str, Question]], generator: NBestGenerator, reader: Reader
) -> tuple[list[dict[str, float]], Tensor]:
    """The features of questions about passages, and the reader's states.

    Whichever model asked them, they are scored by the one whose confidence is fitted.

    Returns:
        For each question its features; and the states, ``[n, size]``, as
        :class:`qgen.asking.confidence.Weights` has them.
    """
    scores = generator.score(asked)
    readings = reader.read([(passage, q.question, q.answer) for passage, q in asked])
    found = [
        features(passage, replace(question, score=score), reading)
        for (passage, question), score, reading in zip(asked, scores, readings, strict=True)
    ]
    return found, torch.stack([each.states for each in readings if each.states is not None])


class Judged(NamedTuple):
    """Judged questions, and what two models make of them.

    Attributes:
        names: of the features.
        values: ``[n, features]``.
        states: ``[n, size]``.
        labels: ``[n]``, 1 for good and usable, 0 for wrong.
        groups: of each the passage's name; no passage is both fitted to and measured on.
        files: of each the file.
    """

    names: list[str]
    values: Tensor
    states: Tensor
    labels: Tensor
    groups: list[str]
    files: list[str]


def measured(
    rows: Sequence[dict],
    asked: Sequence[tuple[str, Question]],
    generator: NBestGenerator,
    reader: Reader,
) -> Judged:
    """What two models make of questions that :func:`read_judged` read, with the ``file`` of each
    among what else its row says."""
    found, states = features_of(asked, generator, reader)
    names = list(found[0])
    return Judged(
        names,
        torch.tensor([[one[name] for name in names] for one in found], dtype=torch.float64),
        states.double(),
        torch.tensor([row["judgement"] != "wrong" for row in rows], dtype=torch.float64),
        [row["id"] for row in rows],
        [row["file"] for row in rows],
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Print weights and measurements."""
    parser = argparse.ArgumentParser(description="Calibrate the confidence of questions.")
    parser.add_argument(
        "judged", nargs="+", help="files of rows with passage, answer, question and judgement"
    )
    parser.add_argument(
        "--test",
        nargs="+",
        default=[],
        metavar="FILE",
        help="others to measure on (by default, by cross-validation, those it is fitted to)",
    )
    parser.add_argument("--model", help="the question generator's checkpoint (the one shipped)")
    parser.add_argument("--reader", help="the reader's checkpoint (the one shipped)")
    parser.add_argument("--out", help="the folder, the reader's, for the weights with states")
    args = parser.parse_args(argv)
    fitting, testing = map(_read_files, (args.judged, args.test))  # before the models load
    generator = NBestGenerator.from_pretrained(args.model, device="cpu")
    reader = Reader.from_pretrained(args.reader, device="cpu")
    fitted_to = measured(*fitting, generator, reader)
    tested = measured(*testing, generator, reader) if args.test else fitted_to
    names = fitted_to.names
    for i, name in enumerate(names):
        print(f"{name}: alone {area_under_roc(tested.values[:, i], tested.labels):.3f}")

    def fitted(
        columns: Callable[[Judged], Tensor], penalties: float | Tensor
    ) -> tuple[Tensor, float, Tensor]:
        """Weights and bias, and the logits of what is measured on."""
        values, labels = columns(fitted_to), fitted_to.labels
        weights, bias = fit(values, labels, penalties)
        if args.test:
            return weights, bias, columns(tested) @ weights + bias
        return weights, bias, cross_validated(values, labels, fitted_to.groups, penalties)

    weights, bias, logits = fitted(lambda judged: judged.values, PENALTY)
    print(f"together, on passages not fitted on: {area_under_roc(logits, tested.labels):.3f}")
    pairs = zip(names, weights.tolist(), strict=True)
    print({"bias": round(bias, 4)} | {name: round(weight, 4) for name, weight in pairs})

    penalties = torch.full((len(names) + fitted_to.states.shape[1],), STATE_PENALTY).double()
    penalties[: len(names)] = PENALTY
    weights, bias, logits = fitted(
        lambda judged: torch.cat([judged.values, judged.states], 1), penalties
    )
    print(f"with the states: {area_under_roc(logits, tested.labels):.3f}")
    for path in args.test or args.judged:
        of_file = torch.tensor([file == path for file in tested.files])
        print(f"of those in {path}:")
        _describe(logits[of_file], tested.labels[of_file])
    if args.out:
        by_name = dict(zip(names, weights[: len(names)].tolist(), strict=True))
        kept = Weights({"bias": bias} | by_name, weights[len(names) :])
        write_files({CONFIDENCE_FILE: (kept.to_json() + "\n").encode()}, args.out)


def _read_files(paths: Sequence[str]) -> tuple[list[dict], list[tuple[str, Question]]]:
    """The judged questions of several files, each with its ``file``."""
    rows: list[dict] = []
    asked: list[tuple[str, Question]] = []
    for path in paths:
        found_rows, found_asked = read_judged(path)
        rows += [row | {"file": path} for row in found_rows]
        asked += found_asked
    return rows, asked


def _describe(logits: Tensor, labels: Tensor) -> None:
    print(f"area under ROC {area_under_roc(logits, labels):.3f}")
    sure = logits.sigmoid()
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        within = (sure >= low) & (sure < high)
        if within.any():
            share = labels[within].mean().item()
            print(f"confidence {low:.1f} to {high:.1f}: {int(within.sum())}, {share:.0%} right")


if __name__ == "__main__":
    sys.exit(exit_code("eval.calibrate", main))
