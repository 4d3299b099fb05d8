"""The mean of checkpoints' weights.

python -m recipes.average runs/a/final:0.7 qgen/checkpoint:0.3 --out runs/mean [--packed]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

from qgen.errors import QGenError, exit_code
from qgen.model.runtime.packed import save_packed
from qgen.training.average import average_into
from qgen.transformers import load_checkpoint


def main(argv: Sequence[str] | None = None) -> None:
    """Average question generators."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="+", metavar="DIR:SHARE")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--packed", action="store_true", help="8 bits a weight, as what ships")
    args = parser.parse_args(argv)
    names, shares = zip(*map(_named_share, args.checkpoints), strict=True)
    (model, tokenizer), *others = map(load_checkpoint, names)
    models = [model, *(other for other, _ in others)]
    rows = _control_rows(models, shares)
    average_into(model, models[1:], shares)
    with torch.no_grad():
        for token, (embedding, bias) in rows.items():
            model.get_input_embeddings().weight[token] = embedding
            model.get_output_embeddings().bias[token] = bias
    if args.packed:
        save_packed(model, tokenizer, args.out, fewest=8)
    else:
        model.save_pretrained(args.out)
        tokenizer.save_pretrained(args.out)


@torch.no_grad()
def _control_rows(models: Sequence, shares: Sequence[float]) -> dict[int, list[Tensor]]:
    """Of each control's token the mean embedding and bias of the models that know the control: the
    others have learnt nothing of it."""
    rows = {}
    for name, token in (models[0].config.controls or {}).items():
        knowing = [
            (share, (model.get_input_embeddings().weight, model.get_output_embeddings().bias))
            for model, share in zip(models, shares, strict=True)
            if share and (model.config.controls or {}).get(name) == token
        ]
        if knowing:
            total = sum(share for share, _ in knowing)
            rows[token] = [
                torch.stack([share / total * part[i][token] for share, part in knowing]).sum(0)
                for i in range(2)
            ]
    return rows


def _named_share(text: str) -> tuple[str, float]:
    name, _, share = text.rpartition(":")
    try:
        return name, float(share)
    except ValueError:
        raise QGenError(f"{text!r} is not DIR:SHARE") from None


if __name__ == "__main__":
    sys.exit(exit_code("recipes.average", main))
