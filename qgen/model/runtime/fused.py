"""Encoder layers in fewer and larger operations, for inference."""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

import torch
from torch import Tensor, nn
from transformers.activations import GELUActivation
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.bert.modeling_bert import BertLayer
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder, MPNetLayer


class LinearKind(Protocol):
    """Makes a linear layer from weights ``[outputs, inputs]`` and biases ``[outputs]``; with
    ``gelu``, that is applied to its outputs.  What the layer is called with second,
    ``[..., outputs]``, is then added to them."""

    def __call__(
        self, weight: Tensor, bias: Tensor | None = None, gelu: bool = False
    ) -> nn.Module: ...


def can_be_fused(module: nn.Module) -> TypeGuard[BertLayer | MPNetEncoder]:
    """Whether a module is one that :func:`fused` can replace."""
    layer: Any = module
    if isinstance(module, MPNetEncoder):
        layer = module.layer[0]
    elif not isinstance(module, BertLayer) or module.is_decoder:
        return False
    return isinstance(layer.intermediate.intermediate_act_fn, GELUActivation)


def fused(module: BertLayer | MPNetEncoder, linear: LinearKind) -> nn.Module:
    """The same in fewer operations; see :class:`FusedLayer`."""
    if isinstance(module, MPNetEncoder):
        return FusedMPNetEncoder(module, linear)
    return FusedLayer(module, linear)


class FusedLayer(nn.Module):
    """A layer of BERT's encoder (Devlin et al. 2019, arXiv:1810.04805), or of one with its parts,
    without dropout.

    Queries, keys and values are one matrix product, and the layer is one module and not nine: with
    the few tokens of a decoding step, calls cost more than arithmetic.

    Args:
        layer: what to compute.
        linear: of what kind its linear layers are to be.
    """

    def __init__(self, layer: BertLayer | MPNetLayer, linear: LinearKind):
        super().__init__()
        heads: Any
        if isinstance(layer, BertLayer):
            heads = layer.attention.self
            parts = (heads.query, heads.key, heads.value)
            attended, attention_norm = (
                layer.attention.output.dense,
                layer.attention.output.LayerNorm,
            )
            self.index = heads.layer_idx
        else:
            heads = layer.attention.attn
            parts = (heads.q, heads.k, heads.v)
            attended, attention_norm = heads.o, layer.attention.LayerNorm
        self.head_size = heads.attention_head_size
        self.heads = linear(
            torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        )
        wide, narrow = layer.intermediate.dense, layer.output.dense
        self.attended = linear(attended.weight, attended.bias)
        self.wide = linear(wide.weight, wide.bias, gelu=True)
        self.narrow = linear(narrow.weight, narrow.bias)
        self.attention_norm = attention_norm
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
        attended = self.attended(context.transpose(1, 2).flatten(2), hidden_states)
        hidden = self.attention_norm(attended)
        return self.norm(self.narrow(self.wide(hidden), hidden))


class FusedMPNetEncoder(nn.Module):
    """MPNet's encoder (Song et al. 2020, arXiv:2004.09297): layers such as BERT's, with what the
    distance of two tokens adds to their score, which is the same in all of them.

    Args:
        encoder: what to compute.
        linear: of what kind its linear layers are to be.
    """

    def __init__(self, encoder: MPNetEncoder, linear: LinearKind):
        super().__init__()
        layers: Any = encoder.layer
        self.layers = nn.ModuleList(FusedLayer(layer, linear) for layer in layers)
        self.relative_attention_bias = encoder.relative_attention_bias
        self._position_bias = encoder.compute_position_bias

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, **kwargs
    ) -> BaseModelOutput:
        """As :class:`MPNetEncoder`, without the attention and the states of its layers.

        Args:
            hidden_states: ``[batch, length, hidden]``.
            attention_mask: ``[batch, 1, 1, length]``, added to the scores; ``None`` where all
                tokens are seen.
        """
        added = self._position_bias(hidden_states[:1])  # [1, heads, length, length]
        if attention_mask is not None:
            added = added + attention_mask
        for layer in self.layers:
            hidden_states = layer(hidden_states, added)
        return BaseModelOutput(last_hidden_state=hidden_states)
