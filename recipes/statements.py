"""The weights of :mod:`qgen.asking.fitness`: judged statements in, a small JSON file out.

    python -m recipes.statements data/judged/statements.jsonl --out qgen/asking/fitness.json

Each row has a passage, a question about it with the ``confidence`` that it had when it was judged,
its answer with ``answer_start`` and ``kind``, and a ``judgement`` of what was made of the answer's
sentence, or of the ``statement`` that the generator wrote: of a blank, or of a true statement (of a
false one, whose ``is_true`` says so, the sentence is not to blame).  Rows that are ``alone`` were
judged with no question beside them, which is stricter: the others count less.  How well the fitness
tells the good ones is measured by cross-validation over documents, and on the rows whose ``part``
is ``held-out``, which are not fitted to.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from qgen.asking.fitness import blanks, features
from qgen.asking.pipeline import QuestionGenerator
from qgen.asking.statements import Statement, statement, written_statement
from qgen.errors import exit_code
from qgen.records import Answer, Question
from recipes.linear import out_of_fold, plain_weights, regression
from recipes.rows import read_rows

BESIDE = 0.3
"""What a row counts that was judged beside a question, of one that was judged alone."""
SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Of the statements, the surest first, for which it is printed how many are good."""

_NEEDED = ("document", "passage", "question", "confidence", "answer", "answer_start",
           "judgement")  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Fit, print how well it does on documents that it was not fitted to, and write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("judged", type=Path, help="rows of judged statements")
    parser.add_argument("--model", metavar="DIR", help="the generator (default: fast)")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    rows = read_rows(args.judged, _NEEDED)
    made = [(row, *_made(row)) for row in rows if row.get("is_true") is not False]
    kept = [(row, asked, found) for row, asked, found in made if isinstance(found, Statement)]
    generator = QuestionGenerator.from_pretrained(args.model)
    assert generator.reader
    of = [(row["passage"], asked.answer, found) for row, asked, found in kept if asked.answer]
    read = blanks(generator.generator, generator.reader, of)
    x = [
        features(row["passage"], asked, found, blank)
        for (row, asked, found), blank in zip(kept, read, strict=True)
    ]
    labels = [row["judgement"] for row, *_ in kept]
    documents = [row["document"] for row, *_ in kept]
    held_out = [row.get("part") == "held-out" for row, *_ in kept]
    alone = [bool(row.get("alone")) for row, *_ in kept]
    print(f"{len(x)} of {len(rows)} statements")
    weights = _fitted(x, *map(np.array, (labels, documents, held_out, alone)))
    args.out.write_text(json.dumps(weights, indent=1) + "\n")


def _made(row: dict) -> tuple[Question, Statement | str]:
    """The question of a row, and the statement that was made of it."""
    answer = Answer(row["answer"], row["answer_start"], row.get("kind", ""))
    question = Question(row["question"], answer, 0, row["confidence"])
    if text := row.get("statement"):
        return question, written_statement(row["passage"], answer, text)
    return question, statement(row["passage"], answer)


def _fitted(
    features: Sequence[dict[str, float]],
    labels: np.ndarray,
    documents: np.ndarray,
    held_out: np.ndarray,
    alone: np.ndarray,
) -> dict[str, float]:
    """The weights; what they are worth is printed."""
    x = np.array([list(each.values()) for each in features])
    good, fit = labels == "good", ~held_out
    counts = np.where(alone | ~alone.any(), 1.0, BESIDE)[fit]
    weighted = {"logisticregression__sample_weight": counts}
    fitted = regression(0.1).fit(x[fit], good[fit], **weighted)
    sure = fitted.predict_proba(x)[:, 1]
    sure[fit] = out_of_fold(fitted, x[fit], good[fit], documents[fit], **weighted)
    for which, rows in (("by cross-validation", ~held_out), ("held out", held_out)):
        for how, some in (("judged alone", rows & alone), ("beside a question", rows & ~alone)):
            if len(set(good[some])) == 2:
                _describe(f"{which}, {how}", sure[some], labels[some])
    return plain_weights(fitted, features[0])


def _describe(which: str, sure: np.ndarray, labels: np.ndarray) -> None:
    print(f"{which}, {len(labels)}: AUC {roc_auc_score(labels == 'good', sure):.3f}")
    order = np.argsort(-sure)
    for share in SHARES:
        best = order[: max(1, round(share * len(order)))]
        good, wrong = ((labels[best] == judgement).mean() for judgement in ("good", "wrong"))
        print(
            f"  {share:.0%}, fitness at least {sure[best].min():.2f}: "
            f"{good:.0%} good, {wrong:.0%} wrong"
        )


if __name__ == "__main__":
    sys.exit(exit_code("recipes.statements", main))
