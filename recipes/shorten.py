"""The first layers of an encoder, as a question generator that is still to be trained.

python -m recipes.shorten qgen/reader_checkpoint --layers 6 --out runs/mpnet6
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from qgen.errors import QGenError, exit_code
from qgen.transformers import load_checkpoint


def main(argv: Sequence[str] | None = None) -> None:
    """Cut an encoder, or a question generator, down to its first layers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", metavar="DIR")
    parser.add_argument("--layers", type=int, required=True, help="how many are kept")
    parser.add_argument("--out", required=True, metavar="DIR")
    args = parser.parse_args(argv)
    model, tokenizer = load_checkpoint(args.checkpoint)
    encoder = model.mlm.base_model.encoder
    if not 1 <= args.layers <= len(encoder.layer):
        raise QGenError(f"{args.checkpoint} has {len(encoder.layer)} layers, not {args.layers}")
    encoder.layer = encoder.layer[: args.layers]
    model.config.backbone.num_hidden_layers = args.layers
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    sys.exit(exit_code("recipes.shorten", main))
