"""Encoder layers in fewer and larger operations, for inference."""

from __future__ import annotations

from typing import Protocol, TypeGuard

import torch
from torch import Tensor, nn
from transformers.models.bert.modeling_bert import BertLayer


class LinearKind(Protocol):
    """Makes a linear layer from weights ``[outputs, inputs]`` and biases ``[outputs]``; with
    ``gelu``, that is applied to its outputs."""

    def __call__(
        self, weight: Tensor, bias: Tensor | None = None, gelu: bool = False
    ) -> nn.Module: ...


def can_be_fused(module: nn.Module) -> TypeGuard[BertLayer]:
    """Whether a module is a layer that :class:`FusedLayer` can take the place of."""
    return (
        isinstance(module, BertLayer)
        and not module.is_decoder
        and module.attention.self.config.hidden_act == "gelu"
    )


class FusedLayer(nn.Module):
    """A layer of BERT's encoder (Devlin et al. 2019, arXiv:1810.04805) without dropout.

    Queries, keys and values are one matrix product, and the layer is one module and not nine: with
    the few tokens of a decoding step, calls cost more than arithmetic.

    Args:
        layer: what to compute.
        linear: of what kind its linear layers are to be.
    """

    def __init__(self, layer: BertLayer, linear: LinearKind):
        super().__init__()
        heads = layer.attention.self
        parts = (heads.query, heads.key, heads.value)
        self.index = heads.layer_idx
        self.head_size = heads.attention_head_size
        self.heads = linear(
            torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        )
        attended, wide, narrow = (
            part.dense for part in (layer.attention.output, layer.intermediate, layer.output)
        )
        self.attended = linear(attended.weight, attended.bias)
        self.wide = linear(wide.weight, wide.bias, gelu=True)
        self.narrow = linear(narrow.weight, narrow.bias)
        self.attention_norm = layer.attention.output.LayerNorm
        self.norm = layer.output.LayerNorm

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        cache=None,
        last: int | None = None,
        **kwargs,
    ) -> Tensor:
        """As :class:`BertLayer`.

        Args:
            hidden_states: ``[batch, length, hidden]``.
            attention_mask: ``[batch, 1, length, keys]``: true where a token sees a key, or what is
                added to the scores.
            cache: where keys and values are kept; what its ``update`` returns is attended to.
            last: of how many of the last positions the states are wanted (all); the others give
                their keys and values alone.

        Returns:
            ``[batch, last, hidden]``.
        """
        batch, length, _ = hidden_states.shape
        split = self.heads(hidden_states).view(batch, length, 3, -1, self.head_size)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        if cache is not None:
            keys, values = cache.update(keys, values, self.index)
        if last is not None:
            queries, hidden_states = queries[:, :, -last:], hidden_states[:, -last:]
            attention_mask = None if attention_mask is None else attention_mask[:, :, -last:]
        context = nn.functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=attention_mask
        )
        attended = self.attended(context.transpose(1, 2).flatten(2))
        hidden = self.attention_norm(attended + hidden_states)
        return self.norm(self.narrow(self.wide(hidden)) + hidden)
