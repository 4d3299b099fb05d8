"""Encoder layers in fewer and larger operations, and linear layers of another kind."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol, TypeGuard

import torch
from torch import Tensor, nn

from qgen.model.encoder import EncoderLayer


class LinearKind(Protocol):
    """Makes a linear layer from weights ``[outputs, inputs]`` and biases ``[outputs]``; with
    ``gelu``, that is applied to its outputs.  What the layer is called with second,
    ``[..., outputs]``, is then added to them."""

    def __call__(
        self, weight: Tensor, bias: Tensor | None = None, gelu: bool = False
    ) -> nn.Module: ...


def can_be_fused(module: nn.Module) -> TypeGuard[EncoderLayer]:
    """Whether a module is one that :class:`FusedLayer` can replace."""
    return isinstance(module, EncoderLayer) and module.intermediate.act == "gelu"


class FusedLayer(nn.Module):
    """An :class:`qgen.model.encoder.EncoderLayer` without dropout.

    Queries, keys and values are one matrix product, and the layer is one module and not nine: with
    the few tokens of a decoding step, calls cost more than arithmetic.

    Args:
        layer: what to compute.
        linear: of what kind its linear layers are to be.
    """

    def __init__(self, layer: EncoderLayer, linear: LinearKind):
        super().__init__()
        heads, attended = layer.attention.self, layer.attention.output
        parts = (heads.query, heads.key, heads.value)
        self.index, self.head_size = heads.index, heads.head_size
        self.heads = linear(
            torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        )
        wide, narrow = layer.intermediate.dense, layer.output.dense
        self.attended = linear(attended.dense.weight, attended.dense.bias)
        self.wide = linear(wide.weight, wide.bias, gelu=True)
        self.narrow = linear(narrow.weight, narrow.bias)
        self.attention_norm = attended.LayerNorm
        self.norm = layer.output.LayerNorm

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, cache=None, last: int | None = None
    ) -> Tensor:
        """As :meth:`qgen.model.encoder.EncoderLayer.forward`; of the positions before the last
        ones, keys and values are computed alone."""
        batch, length, _ = hidden.shape
        split = self.heads(hidden).view(batch, length, 3, -1, self.head_size)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        if cache is not None:
            keys, values = cache.update(keys, values, self.index)
        if last is not None:
            queries, hidden = queries[:, :, -last:], hidden[:, -last:]
            mask = None if mask is None else mask[:, :, -last:]
        context = nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        hidden = self.attention_norm(self.attended(context.transpose(1, 2).flatten(2), hidden))
        return self.norm(self.narrow(self.wide(hidden), hidden))


class Projection(nn.Module):
    """The projection onto the vocabulary, as a layer of all its outputs or of some.

    Its weights are the word embeddings and stay as they are anyway, so either is made when it is
    first needed: decoding with a shortlist never needs them all.

    Args:
        linear: what to compute, with biases.
        kind: what to make of it.
    """

    def __init__(self, linear: nn.Linear, kind: LinearKind):
        super().__init__()
        self.linear = linear
        self._kind = kind
        self._rows: tuple[Tensor, nn.Module] | None = None

    @cached_property
    def _whole(self) -> nn.Module:
        return self._kind(self.linear.weight, self.linear.bias)

    def rows(self, ids: Tensor, offset: float = 0.0) -> nn.Module:
        """The layer with only these outputs, to which ``offset`` is added before they are rounded;
        made once."""
        if self._rows is None or not torch.equal(self._rows[0], ids):
            weight, bias = self.linear.weight[ids], self.linear.bias[ids].float() + offset
            self._rows = ids, self._kind(weight, bias)
        return self._rows[1]

    def forward(self, inputs: Tensor) -> Tensor:
        """``[..., inputs]`` to ``[..., outputs]``."""
        return self._whole(inputs)


def replace_linears(model: Any, kind: LinearKind) -> None:
    """Replace encoder layers and linear ones; embeddings stay as they are, and so do layers with a
    few outputs, for which there is nothing to gain."""
    project = getattr(model, "get_output_embeddings", None)  # a reader has none
    projection = project() if project else None

    def replace_in(parent: nn.Module) -> None:
        for name, child in list(parent.named_children()):
            if can_be_fused(child):
                setattr(parent, name, FusedLayer(child, kind))
            elif child is projection:
                setattr(parent, name, Projection(child, kind))
            elif isinstance(child, nn.Linear) and child.out_features >= 32:
                setattr(parent, name, kind(child.weight, child.bias))
            else:
                replace_in(child)

    replace_in(model)
