"""The weights of :mod:`qgen.asking.plausibility`: option sets that people wrote in, a small JSON
file out.

    python -m recipes.choices --data ../shared/data --out qgen/asking/plausibility.json

For every set the key's wrong options are to be told from options of other questions of the same
book or category, and from other things that the lexicon has near the answer.  Every fourth set is
held out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from qgen.asking.distractors import Candidate
from qgen.asking.pipeline import QuestionGenerator
from qgen.asking.plausibility import FEATURES, Plausibility
from qgen.english.things import Likeness, things
from qgen.english.values import shape
from qgen.english.words import fold
from recipes.things import CATEGORIES, is_thing

OTHERS, NEAR = 3, 4
"""Options of other questions beside the wrong ones of each set, and things that the lexicon has
near the answer: nobody chose these, which is what most candidates are like."""


def read_sets(data: Path) -> dict[str, list[dict]]:
    """Option sets of names and phrases, by book or category."""
    found = defaultdict(list)
    with open(data / "openstax/mcq.jsonl", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            found["books"].append(row | {"topic": row["book"]})
    with gzip.open(data / "opentriviaqa/mcq.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["category"] in CATEGORIES and row["kind"] == "choice":
                found["trivia"].append(row | {"topic": row["category"]})
    return {
        source: [
            row
            for row in rows
            if all(is_thing(o) and not shape(o) for o in row["choices"]) and len(row["choices"]) > 2
        ]
        for source, rows in found.items()
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Fit, print the accuracy on what is held out, and write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", type=int, default=300, help="of each source")
    parser.add_argument("--seed", type=int, default=30)
    args = parser.parse_args(argv)
    draw = random.Random(args.seed)
    generator = QuestionGenerator.from_pretrained()
    plausibility = Plausibility(generator.generator, generator.reader)
    rows: list[list[float]] = []
    labels: list[int] = []
    sets: list[int] = []
    sources: list[str] = []
    for source, all_rows in read_sets(args.data).items():
        by_topic = defaultdict(list)
        for row in all_rows:
            by_topic[row["topic"]].append(row)
        for number, row in enumerate(draw.sample(all_rows, min(args.sets, len(all_rows)))):
            answer = row["choices"][row["key"]]
            wrong = [o for i, o in enumerate(row["choices"]) if i != row["key"]]
            others: list[str] = []
            while len(others) < OTHERS:
                other = draw.choice(draw.choice(by_topic[row["topic"]])["choices"])
                if other not in row["choices"] and other not in others:
                    others.append(other)
            like = things().like(answer, frozenset(map(fold, row["choices"])))
            known = {fold(thing): likeness for thing, likeness in like.items()}
            options = {fold(o) for o in row["choices"]}
            near = sorted(thing for thing in like if fold(thing) not in options)
            others += draw.sample(near, min(NEAR, len(near)))
            tried = [Candidate(o, known.get(fold(o), Likeness())) for o in wrong + others]
            rows += plausibility.features(row["question"], answer, tried)
            labels += [1] * len(wrong) + [0] * len(others)
            sets += [number] * len(tried)
            sources += [source] * len(tried)
    x, y = np.array(rows), np.array(labels)
    held = np.array(sets) % 4 == 0
    scale = x[~held].std(0) + 1e-9
    model = LogisticRegression(max_iter=1000).fit(x[~held] / scale, y[~held])
    for source in ("books", "trivia"):
        of = held & (np.array(sources) == source)
        sure = model.decision_function(x[of] / scale)
        first = _first_right(sure, y[of], np.array(sets)[of])
        print(f"{source}: AUC {roc_auc_score(y[of], sure):.3f}, first of a set right {first:.3f}")
    weights = dict(zip(FEATURES, (model.coef_[0] / scale).round(4).tolist(), strict=True))
    print(weights)
    weights["bias"] = round(float(model.intercept_[0]), 4)
    args.out.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")


def _first_right(scores: np.ndarray, labels: np.ndarray, sets: np.ndarray) -> float:
    """The share of sets whose most plausible candidate is one of the key's own wrong options."""
    best = [labels[sets == one][scores[sets == one].argmax()] for one in np.unique(sets)]
    return float(np.mean(best))


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
