"""The weights of :mod:`qgen.asking.plausibility`: judged choices in, a small JSON file out.

    python -m recipes.choices data/judged/choices.jsonl --out qgen/asking/plausibility.json

Each row has a question, its answer, ``candidates`` for wrong choices and, as ``labels``, a letter
for each: "p" plausible and wrong, "i" implausible, "r" right as well.  How well the ranker tells
the first from the others is measured by cross-validation over documents.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from qgen.asking.distractors import Candidate, things_like
from qgen.asking.pipeline import QuestionGenerator
from qgen.asking.plausibility import FEATURES, Plausibility
from qgen.english.things import Likeness, things
from qgen.english.words import fold
from qgen.errors import QGenError, exit_code
from recipes.linear import out_of_fold, plain_weights, regression
from recipes.rows import read_rows

CHOICES = 3
"""Wrong ones of a complete set."""
THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


def read_sets(path: Path) -> list[dict]:
    """The rows of a file of judged choices.

    Raises:
        QGenError: a row lacks something, or has not one label for each candidate.
    """
    rows = read_rows(path, ("document", "question", "answer", "candidates", "labels"))
    for number, row in enumerate(rows, 1):
        if len(row["labels"]) != len(row["candidates"]):
            raise QGenError(f"{path}, line {number}: not one label for each candidate")
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Fit, print how well it does on documents that it was not fitted to, and write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("judged", type=Path, help="rows of judged choices")
    parser.add_argument("--model", metavar="DIR", help="the generator (default: fast)")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    rows = read_sets(args.judged)
    generator = QuestionGenerator.from_pretrained(args.model)
    plausibility = Plausibility(generator.generator, generator.reader)
    features: list[list[float]] = []
    for row in rows:
        known = {
            fold(thing): found for thing, found in things_like(row["answer"], things()).items()
        }
        found = [Candidate(text, known.get(fold(text), Likeness())) for text in row["candidates"]]
        features += plausibility.features(row["question"], row["answer"], found)
    x = np.array(features)
    y = np.array([label == "p" for row in rows for label in row["labels"]])
    sets = np.array([i for i, row in enumerate(rows) for _ in row["labels"]])
    documents = [rows[i]["document"] for i in sets]
    ranker = regression(0.3)
    sure = out_of_fold(ranker, x, y, documents)
    print(f"{len(rows)} sets, {len(y)} candidates, {y.mean():.0%} plausible and wrong")
    print(f"AUC {roc_auc_score(y, sure):.3f}")
    for least in THRESHOLDS:
        print(f"at least {least}: {_complete(sure, y, sets, least)}")
    weights = plain_weights(ranker.fit(x, y), FEATURES)
    args.out.write_text(json.dumps(weights, indent=1) + "\n")


def _complete(sure: np.ndarray, plausible: np.ndarray, sets: np.ndarray, least: float) -> str:
    """Of how many sets the best candidates are as plausible as that, and all of them rightly."""
    complete = right = 0
    for one in np.unique(sets):
        of_set = np.flatnonzero(sets == one)
        best = of_set[np.argsort(-sure[of_set])][:CHOICES]
        if len(best) == CHOICES and (sure[best] >= least).all():
            complete += 1
            right += bool(plausible[best].all())
    return f"{complete} complete sets, {right} with plausible and wrong choices alone"


if __name__ == "__main__":
    sys.exit(exit_code("recipes.choices", main))
