"""The weights of :mod:`qgen.asking.fitness`: judged statements in, a small JSON file out.

    python -m recipes.statements data/judged/statements.jsonl --out qgen/asking/fitness.json

Each row has a passage, a question about it, its answer with ``answer_start`` and ``kind``, and a
``judgement`` of what was made of the answer's sentence: of a blank, or of a true statement (of a
false one, whose ``is_true`` says so, the sentence is not to blame).  How well the fitness tells the
good ones is measured by cross-validation over documents.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from qgen.asking.fitness import features
from qgen.asking.pipeline import QuestionGenerator
from qgen.asking.scoring import score_questions
from qgen.asking.statements import Statement, statement
from qgen.errors import exit_code
from qgen.records import Answer, Question
from recipes.rows import read_rows

FOLDS = 10
SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Of the statements, the surest first, for which it is printed how many are good."""

_NEEDED = ("document", "passage", "question", "answer", "answer_start", "judgement")


def main(argv: Sequence[str] | None = None) -> None:
    """Fit, print how well it does on documents that it was not fitted to, and write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("judged", type=Path, help="rows of judged statements")
    parser.add_argument("--model", metavar="DIR", help="the generator (the one that ships)")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    rows = read_rows(args.judged, _NEEDED)
    generator = QuestionGenerator.from_pretrained(args.model)
    asked = [_asked(row) for row in rows]
    verdicts = score_questions(generator, asked)
    found: list[dict[str, float]] = []
    labels: list[str] = []
    documents: list[str] = []
    for row, (passage, question), verdict in zip(rows, asked, verdicts, strict=True):
        assert question.answer
        held = statement(passage, question.answer)
        if isinstance(held, Statement) and row.get("is_true") is not False:
            sure = replace(question, confidence=verdict.confidence)
            found.append(features(passage, sure, held))
            labels.append(row["judgement"])
            documents.append(row["document"])
    print(f"{len(found)} of {len(rows)} statements")
    weights = _fitted(found, np.array(labels), documents)
    args.out.write_text(json.dumps(weights, indent=1) + "\n")


def _asked(row: dict) -> tuple[str, Question]:
    answer = Answer(row["answer"], row["answer_start"], row.get("kind", ""))
    return row["passage"], Question(row["question"], answer, 0)


def _fitted(
    found: Sequence[dict[str, float]], labels: np.ndarray, documents: Sequence[str]
) -> dict[str, float]:
    """The weights; what they are worth is printed."""
    x = np.array([list(each.values()) for each in found])
    good = labels == "good"
    folds = GroupKFold(min(FOLDS, len(set(documents))), shuffle=True, random_state=0)
    sure = cross_val_predict(_model(), x, good, groups=documents, cv=folds, method="predict_proba")
    order = np.argsort(-sure[:, 1])
    print(f"  AUC {roc_auc_score(good, sure[:, 1]):.3f}")
    for share in SHARES:
        best = order[: max(1, round(share * len(order)))]
        wrong = (labels[best] == "wrong").mean()
        print(
            f"  {share:.0%}, fitness at least {sure[best, 1].min():.2f}: "
            f"{good[best].mean():.0%} good, {wrong:.0%} wrong"
        )
    scaler, model = _model().fit(x, good).named_steps.values()
    each = model.coef_[0] / scaler.scale_
    bias = float(model.intercept_[0] - each @ scaler.mean_)
    return dict(zip(found[0], each.round(4).tolist(), strict=True)) | {"bias": round(bias, 4)}


def _model() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))


if __name__ == "__main__":
    sys.exit(exit_code("recipes.statements", main))
