"""A question generator with its tokens in the order of another's, so that the two can ask together.

python -m recipes.vocabulary runs/wide --like qgen/checkpoint --out runs/alike

MPNet's vocabulary is BERT's with other special tokens and other numbers.  Word embeddings and
biases are put in the other's order, and tokenizer and shortlist are its.  But for the shortlist,
what the model writes does not change.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from torch import nn

from qgen.errors import QGenError, exit_code
from qgen.model.encoder import FAMILIES
from qgen.model.unilm import TOKEN_SETTINGS
from qgen.transformers import load_checkpoint

SPECIAL = ("pad", "cls", "sep", "mask", "unk")
"""Tokens that vocabularies have other names for."""


def main(argv: Sequence[str] | None = None) -> None:
    """Give a question generator the vocabulary and the shortlist of another."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", metavar="DIR")
    parser.add_argument("--like", required=True, metavar="DIR", help="whose vocabulary it is")
    parser.add_argument("--out", required=True, metavar="DIR")
    args = parser.parse_args(argv)
    model, tokenizer = load_checkpoint(args.checkpoint)
    other, wanted = load_checkpoint(args.like)
    if FAMILIES[model.config.backbone.model_type].offset is None:
        raise QGenError(f"{args.checkpoint}: its positions depend on its vocabulary")
    rows = _origins(tokenizer, wanted)
    own, theirs = _marks(model.config), _marks(other.config)
    if own.keys() != theirs.keys():
        raise QGenError(
            f"the two do not know the same controls: {sorted(own.keys() ^ theirs.keys())}"
        )
    for name, token in theirs.items():  # which may be another of those without a meaning
        rows[token] = own[name]
    words, head = model.get_input_embeddings(), model.mlm.output
    words.weight = nn.Parameter(words.weight.data[rows])
    head.bias = nn.Parameter(head.bias.data[rows])
    model.mlm.tie_weights()
    backbone = model.config.backbone
    backbone.vocab_size, backbone.pad_token_id = len(rows), wanted.pad_token_id
    for name in TOKEN_SETTINGS:
        setattr(model.config, name, getattr(other.config, name))
    if other.config.shortlist_size:
        model.set_shortlist(other.shortlist.tolist())
    model.save_pretrained(args.out)
    wanted.save_pretrained(args.out)


def _marks(config) -> dict[str, int]:
    """The tokens of answer marks and of controls, by name."""
    markers = zip(("<answer>", "</answer>"), config.answer_marker_ids or (), strict=False)
    return dict(markers) | (config.controls or {})


def _origins(tokenizer, wanted) -> list[int]:
    """For each token of one vocabulary its number in another.

    Raises:
        QGenError: that has no such token.
    """
    numbers = tokenizer.get_vocab()
    roles = {getattr(wanted, f"{role}_token_id"): role for role in SPECIAL}
    rows = []
    for i, piece in enumerate(wanted.convert_ids_to_tokens(range(len(wanted)))):
        found = getattr(tokenizer, f"{roles[i]}_token_id") if i in roles else numbers.get(piece)
        if found is None:
            raise QGenError(f"the model has no token {piece!r}")
        rows.append(found)
    return rows


if __name__ == "__main__":
    sys.exit(exit_code("recipes.vocabulary", main))
