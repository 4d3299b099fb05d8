"""The mean of checkpoints' weights.

python -m recipes.average runs/a/final:0.7 qgen/checkpoint:0.3 --out runs/mean [--packed [BITS]]
python -m recipes.average runs/b/final:0.6 runs/c/final:0.4 --reader --out runs/mean [--packed]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from qgen.errors import QGenError, exit_code
from qgen.model.ensemble import all_trained_on
from qgen.model.runtime.packed import BITS, save_packed
from qgen.training.average import average_into
from qgen.transformers import load_checkpoint, load_reader


def main(argv: Sequence[str] | None = None) -> None:
    """Average question generators, or readers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="+", metavar="DIR:SHARE")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--reader", action="store_true", help="they are readers")
    parser.add_argument(
        "--packed",
        nargs="?",
        const="",
        choices=("", *BITS),
        metavar="BITS",
        help="pack into 4 or 8 bits a weight, or mixed: 4 in word embeddings and feed-forward "
        "layers, else 8 (without BITS: 8, readers mixed)",
    )
    args = parser.parse_args(argv)
    names, shares = zip(*map(_named_share, args.checkpoints), strict=True)
    load = load_reader if args.reader else load_checkpoint
    models, (tokenizer, *_) = zip(*map(load, names), strict=True)
    model, *others = models
    average_into(model, others, shares)
    model.config.trained_on = all_trained_on(models)
    if args.packed is not None:
        bits = args.packed or ("mixed" if args.reader else "8")
        save_packed(model, tokenizer, args.out, BITS[bits])
    else:
        model.save_pretrained(args.out)
        tokenizer.save_pretrained(args.out)


def _named_share(text: str) -> tuple[str, float]:
    name, _, share = text.rpartition(":")
    try:
        return name, float(share)
    except ValueError:
        raise QGenError(f"{text!r} is not DIR:SHARE") from None


if __name__ == "__main__":
    sys.exit(exit_code("recipes.average", main))
