"""Fit the weights of :mod:`qgen.asking.confidence` on judged questions, and measure them.

    python -m eval.calibrate data/judged/strict.jsonl \\
        --also data/judged/earlier.jsonl data/judged/shipped.jsonl \\
        --test data/judged/strict.jsonl data/judged/held-out.jsonl --out qgen/reader_checkpoint

prints how well the confidence tells good and usable questions of the ``--test`` files from wrong
ones (without such files, those of each passage, by a confidence fitted on the other passages), with
the reader's hidden states and without, and the weights without (for
``qgen/asking/confidence.json``); those with them go to the reader's folder.  Of a file whose rows
have a ``part`` those that are ``fit`` are fitted to, those that are ``held-out`` measured on, and
any others left out: in ``strict.jsonl`` those that are ``later``, judged after the fit that ships.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
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
STATE_PENALTY = 0.1
"""Of those of the standardised hidden states, which are many more.  With 5,000 strictly judged
questions 0.1 and 0.3 had areas of 0.796 and 0.794 on others."""
ALSO = 0.2
"""What a question judged by another definition counts beside one: with 0.05, 0.1, 0.2 and 0.4 the
area under the ROC curve was 0.787, 0.784, 0.778 and 0.767 on the strictly judged ones, by
cross-validation, and 0.821, 0.836, 0.853 and 0.868 on ``held-out.jsonl``."""


def fit(
    values: Tensor,
    labels: Tensor,
    penalties: float | Tensor = PENALTY,
    counts: Tensor | None = None,
) -> tuple[Tensor, float]:
    """Logistic regression on standardised features.

    Args:
        values: ``[n, features]``.
        labels: ``[n]``, 0 or 1.
        penalties: of the squared weights, one or ``[features]``, beside the mean loss.
        counts: ``[n]``, how much each row counts (all alike).

    Returns:
        Weights ``[features]`` and bias.
    """
    counts = torch.ones_like(labels) if counts is None else counts
    # A penalty of one's own for each weight is a scale of one's own for each feature.
    mean = values.mean(0)
    scale = (values.std(0) + 1e-6) * torch.as_tensor(penalties, dtype=values.dtype).sqrt()
    # What scikit-learn minimises is C times the sum of the losses and half the squared weights.
    model = LogisticRegression(C=1 / (2 * float(counts.sum())), tol=1e-7, max_iter=1000)
    model.fit((values - mean) / scale, labels, counts)
    weights = torch.from_numpy(model.coef_[0]) / scale
    return weights, float(model.intercept_[0] - mean @ weights)


def cross_validated(
    values: Tensor,
    labels: Tensor,
    groups: Sequence[str],
    penalties: float | Tensor = PENALTY,
    counts: Tensor | None = None,
) -> Tensor:
    """For each row its logit by weights that were fitted on the rows of other groups."""
    counts = torch.ones_like(labels) if counts is None else counts
    logits = torch.zeros(len(values), dtype=values.dtype)
    folds = GroupKFold(min(FOLDS, len(set(groups))), shuffle=True, random_state=0)
    for others, held in folds.split(values, labels, groups):
        weights, bias = fit(values[others], labels[others], penalties, counts[others])
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
        groups: of each the passage; no passage is both fitted to and measured on.
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
        [passage for passage, _ in asked],
        [row["file"] for row in rows],
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Print weights and measurements."""
    parser = argparse.ArgumentParser(description="Calibrate the confidence of questions.")
    parser.add_argument(
        "judged", nargs="+", help="files of rows with passage, answer, question and judgement"
    )
    parser.add_argument(
        "--also",
        nargs="+",
        default=[],
        metavar="FILE",
        help=f"others to fit to that were judged by another definition: they count {ALSO} a row, "
        "and what share of them is right does not matter",
    )
    parser.add_argument(
        "--test",
        nargs="+",
        default=[],
        metavar="FILE",
        help="others to measure on (by default, by cross-validation, those it is fitted to)",
    )
    parser.add_argument("--model", help="the question generator (default: fast)")
    parser.add_argument("--reader", help="the reader's checkpoint (the one shipped)")
    parser.add_argument("--out", help="the folder, the reader's, for the weights with states")
    args = parser.parse_args(argv)
    # Before the models load.
    fitting = _read_files([*args.judged, *args.also], "fit")
    testing = _read_files(args.test, "held-out")
    generator = NBestGenerator.from_pretrained(args.model, device="cpu")
    reader = Reader.from_pretrained(args.reader, device="cpu")
    fitted_to = measured(*fitting, generator, reader)
    tested = measured(*testing, generator, reader) if args.test else fitted_to
    others = torch.tensor([float(file in args.also) for file in fitted_to.files]).double()
    names = fitted_to.names
    for i, name in enumerate(names):
        print(f"{name}: alone {roc_auc_score(tested.labels, tested.values[:, i]):.3f}")

    judged = (fitted_to, tested, others)
    weights, bias, logits = _fitted(*judged, lambda each: each.values, PENALTY)
    print(f"together, on passages not fitted on: {roc_auc_score(tested.labels, logits):.3f}")
    pairs = zip(names, weights.tolist(), strict=True)
    found = {"bias": round(bias, 4)} | {name: round(weight, 4) for name, weight in pairs}
    print(json.dumps(found, indent=1))

    penalties = torch.full((len(names) + fitted_to.states.shape[1],), STATE_PENALTY).double()
    penalties[: len(names)] = PENALTY
    weights, bias, logits = _fitted(
        *judged, lambda each: torch.cat([each.values, each.states], 1), penalties
    )
    print(f"with the states: {roc_auc_score(tested.labels, logits):.3f}")
    for path in args.test or args.judged:
        of_file = torch.tensor([file == path for file in tested.files])
        print(f"of those in {path}:")
        _describe(logits[of_file], tested.labels[of_file])
    if args.out:
        by_name = dict(zip(names, weights[: len(names)].tolist(), strict=True))
        kept = Weights({"bias": bias} | by_name, weights[len(names) :])
        write_files({CONFIDENCE_FILE: (kept.to_json() + "\n").encode()}, args.out)


def _read_files(paths: Sequence[str], part: str) -> tuple[list[dict], list[tuple[str, Question]]]:
    """The judged questions of several files, each with its ``file``; of those with a ``part`` the
    ones of this part."""
    rows: list[dict] = []
    asked: list[tuple[str, Question]] = []
    for path in paths:
        for row, question in zip(*read_judged(path), strict=True):
            if row.get("part", part) == part:
                rows.append(row | {"file": path})
                asked.append(question)
    return rows, asked


def _fitted(
    fitted_to: Judged,
    tested: Judged,
    others: Tensor,
    columns: Callable[[Judged], Tensor],
    penalties: float | Tensor,
) -> tuple[Tensor, float, Tensor]:
    """Weights and bias, and the logits of what is measured on, by cross-validation where that is
    what is fitted to; ``others``, ``[n]``, is 1 at the rows judged by another definition."""
    values = columns(fitted_to)
    size = values.shape[1]
    values = torch.cat([values, others[:, None]], 1)  # its weight is what they differ in
    penalties = torch.cat([torch.as_tensor(penalties).expand(size), torch.tensor([1e-4])])
    counts = torch.where(others > 0, ALSO, 1.0).double()
    weights, bias = fit(values, fitted_to.labels, penalties, counts)
    if tested is not fitted_to:
        logits = columns(tested) @ weights[:size] + bias
    else:
        logits = cross_validated(values, fitted_to.labels, fitted_to.groups, penalties, counts)
    return weights[:size], bias, logits


def _describe(logits: Tensor, labels: Tensor) -> None:
    print(f"area under ROC {roc_auc_score(labels, logits):.3f}")
    sure = logits.sigmoid()
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        within = (sure >= low) & (sure < high)
        if within.any():
            share = labels[within].mean().item()
            print(f"confidence {low:.1f} to {high:.1f}: {int(within.sum())}, {share:.0%} right")


if __name__ == "__main__":
    sys.exit(exit_code("eval.calibrate", main))
