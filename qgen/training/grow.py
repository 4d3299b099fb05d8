"""A deeper encoder grown from a shallower one, that computes nearly the same at first.

Behind every layer stands a copy of it whose two projections are zero, so that it adds nothing (Chen
et al. 2016, arXiv:1511.05641).  In a post-norm encoder such a layer still norms what it is given;
its scale and shift are set to undo that for the mean token.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from qgen.model.encoder import Encoder


@torch.no_grad()
def double_layers(encoder: Encoder, input_ids: Tensor) -> None:
    """Give an encoder twice its layers, in place.

    Args:
        encoder: without a bias by distance; its configuration is left as it is.
        input_ids: of some text, ``[1, length]``, by which the new layers' norms are set.
    """
    length = input_ids.shape[1]
    hidden = encoder.embeddings(input_ids, torch.zeros_like(input_ids), torch.arange(length)[None])
    layers: list[Any] = []
    before: Any = encoder.encoder.layer
    for layer in before:
        hidden = layer(hidden)
        added = copy.deepcopy(layer)
        for projected in (added.attention.output, added.output):
            nn.init.zeros_(projected.dense.weight)
            nn.init.zeros_(projected.dense.bias)
            nn.init.constant_(projected.LayerNorm.weight, float(hidden.std(-1).mean()))
            nn.init.constant_(projected.LayerNorm.bias, float(hidden.mean()))
        layers += [layer, added]
    for index, layer in enumerate(layers):
        layer.attention.self.index = index
    encoder.encoder.layer = nn.ModuleList(layers)
