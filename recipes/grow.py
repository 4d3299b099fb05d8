"""A question generator with twice the layers, to be trained on.

python -m recipes.grow qgen/checkpoint --out runs/l12
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from qgen.errors import exit_code
from qgen.training.grow import double_layers
from qgen.transformers import load_checkpoint

TEXT = (
    "The Golden Gate Bridge opened to traffic in 1937. It was designed by the engineer Joseph "
    "Strauss, who hired a crew of ten, and cost more than $35 million."
)
"""By which the new layers' norms are set."""


def main(argv: Sequence[str] | None = None) -> None:
    """Grow a question generator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", metavar="DIR")
    parser.add_argument("--out", required=True, metavar="DIR")
    args = parser.parse_args(argv)
    model, tokenizer = load_checkpoint(args.checkpoint)
    double_layers(model.mlm.base_model, tokenizer(TEXT, return_tensors="pt").input_ids)
    model.config.backbone.num_hidden_layers *= 2
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    sys.exit(exit_code("recipes.grow", main))
