"""The encoders that the models are built on, in plain PyTorch: BERT, RoBERTa and MPNet.

One stack of layers (Vaswani et al. 2017, arXiv:1706.03762; Devlin et al. 2019, arXiv:1810.04805)
serves all three.  They differ in where positions are counted from, in whether tokens have types,
and in MPNet's bias by distance (Song et al. 2020, arXiv:2004.09297).  Parameters bear the names
that they have in ``transformers``' checkpoints of BERT.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": nn.functional.gelu,
    "gelu_new": partial(nn.functional.gelu, approximate="tanh"),
    "relu": nn.functional.relu,
    "silu": nn.functional.silu,
}
"""What a feed-forward layer may apply, by its name in a configuration."""

MAX_DISTANCE = 128
"""Tokens beyond which MPNet's bias does not tell distances apart."""


class Family(NamedTuple):
    """How a kind of encoder differs from BERT.

    Attributes:
        prefix: of its parameters' names, before which a model's own stand.
        offset: the position id of the first token, where that is always the same; ``None`` where
            it follows the id of padding, as in RoBERTa.
        has_types: whether tokens have types.
        has_distances: whether attention has a bias by distance.
    """

    prefix: str
    offset: int | None = 0
    has_types: bool = True
    has_distances: bool = False


FAMILIES = {
    "bert": Family("bert"),
    "roberta": Family("roberta", offset=None),
    "xlm-roberta": Family("roberta", offset=None),
    "camembert": Family("roberta", offset=None),
    "mpnet": Family("mpnet", offset=2, has_types=False, has_distances=True),
}
"""The encoders there are, by ``model_type``."""


_RENAMED = {
    "attention.attn.q.": "attention.self.query.",
    "attention.attn.k.": "attention.self.key.",
    "attention.attn.v.": "attention.self.value.",
    "attention.attn.o.": "attention.output.dense.",
    "attention.LayerNorm.": "attention.output.LayerNorm.",
}
"""What MPNet's checkpoints call the parameters of attention, and what BERT's do."""


def plain_name(name: str) -> str:
    """A parameter of a checkpoint's encoder, under the name that it has here."""
    for theirs, ours in _RENAMED.items():
        name = name.replace(theirs, ours)
    return name


@dataclass
class EncoderConfig:
    """The shape of an encoder, under the names that it has in ``config.json``.

    Attributes:
        model_type: one of :data:`FAMILIES`.
        hidden_act: one of :data:`ACTIVATIONS`.
        hidden_dropout_prob, attention_probs_dropout_prob: in training.
        initializer_range: standard deviation of new weights.
    """

    model_type: str = "bert"
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    relative_attention_num_buckets: int = 32

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """From the content of a ``config.json``; what is not of the shape is passed over.

        Raises:
            ValueError: it is not of an encoder that is here.
        """
        known = {field.name for field in fields(cls)}
        config = cls(**{name: value for name, value in settings.items() if name in known})
        for value, possible in (
            (config.model_type, FAMILIES),
            (config.hidden_act, ACTIVATIONS),
            (settings.get("position_embedding_type") or "absolute", ["absolute"]),
        ):
            if value not in possible:
                raise ValueError(f"{value!r} is none of {', '.join(possible)}")
        if config.hidden_size % config.num_attention_heads:
            raise ValueError(
                f"a hidden size of {config.hidden_size} is no multiple of "
                f"{config.num_attention_heads} heads"
            )
        return config

    @property
    def family(self) -> Family:
        """How it differs from BERT."""
        return FAMILIES[self.model_type]

    @property
    def position_offset(self) -> int:
        """Position id of the first token: 0 for BERT, ``pad_token_id + 1`` for RoBERTa."""
        offset = self.family.offset
        return self.pad_token_id + 1 if offset is None else offset

    @property
    def max_positions(self) -> int:
        """Tokens that fit the position embeddings."""
        return self.max_position_embeddings - self.position_offset


def embedding(count: int, size: int, padding_idx: int | None = None) -> nn.Embedding:
    """As ``nn.Embedding``, but that no weights are drawn on PyTorch's meta device: for that it
    would import its compiler, which takes longer than loading both models."""
    weight = torch.empty(count, size)
    if not weight.is_meta:
        nn.init.normal_(weight)
    return nn.Embedding.from_pretrained(weight, freeze=False, padding_idx=padding_idx)


class Embeddings(nn.Module):
    """The sum of what a token, its type and its position are embedded as."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        size, padding = config.hidden_size, config.pad_token_id
        self.offset = config.position_offset
        self.word_embeddings = embedding(config.vocab_size, size, padding_idx=padding)
        self.position_embeddings = embedding(
            config.max_position_embeddings,
            size,
            padding_idx=self.offset - 1 if self.offset else None,
        )
        self.types = config.type_vocab_size if config.family.has_types else 0
        if self.types:
            self.token_type_embeddings = embedding(self.types, size)
        self.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor, position_ids: Tensor) -> Tensor:
        """``[batch, length]`` each, positions counted from 0, to ``[batch, length, hidden]``."""
        embedded = self.word_embeddings(input_ids)
        if self.types:
            embedded = embedded + self.token_type_embeddings(
                token_type_ids.clamp(max=self.types - 1)
            )
        embedded = embedded + self.position_embeddings(position_ids + self.offset)
        return self.dropout(self.LayerNorm(embedded))


class SelfAttention(nn.Module):
    """Multi-head attention, before its outputs are projected.

    Args:
        config: the encoder's.
        index: of the layer, by which a cache tells layers apart.
    """

    def __init__(self, config: EncoderConfig, index: int):
        super().__init__()
        size = config.hidden_size
        self.index = index
        self.head_size = size // config.num_attention_heads
        self.implementation = "sdpa"
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def forward(self, hidden: Tensor, mask: Tensor | None, cache=None) -> Tensor:
        """As :class:`EncoderLayer`, ``[batch, length, hidden]``."""
        queries, keys, values = (
            part(hidden).unflatten(-1, (-1, self.head_size)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        if cache is not None:
            keys, values = cache.update(keys, values, self.index)
        if self.implementation == "eager":
            scores = queries @ keys.transpose(2, 3) * self.head_size**-0.5
            scores = scores if mask is None else scores + mask
            context = self.dropout(scores.softmax(-1)) @ values
        else:
            dropout = self.dropout.p if self.training else 0.0
            context = nn.functional.scaled_dot_product_attention(
                queries, keys, values, attn_mask=mask, dropout_p=dropout
            )
        return context.transpose(1, 2).flatten(2)


class Projected(nn.Module):
    """A linear layer whose outputs are added to what there was before, and normed."""

    def __init__(self, config: EncoderConfig, inputs: int):
        super().__init__()
        self.dense = nn.Linear(inputs, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, inputs: Tensor, before: Tensor) -> Tensor:
        """``[..., inputs]`` and ``[..., hidden]`` to ``[..., hidden]``."""
        return self.LayerNorm(self.dropout(self.dense(inputs)) + before)


class Attention(nn.Module):
    """Attention and the projection of its outputs."""

    def __init__(self, config: EncoderConfig, index: int):
        super().__init__()
        self.self = SelfAttention(config, index)
        self.output = Projected(config, config.hidden_size)


class Intermediate(nn.Module):
    """The wide half of a feed-forward layer."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.act = config.hidden_act

    def forward(self, hidden: Tensor) -> Tensor:
        """``[..., hidden]`` to ``[..., intermediate]``."""
        return ACTIVATIONS[self.act](self.dense(hidden))


class EncoderLayer(nn.Module):
    """Attention and a feed-forward layer, each added to what it was given, and normed.

    Args:
        config: the encoder's.
        index: of the layer, by which a cache tells layers apart.
    """

    def __init__(self, config: EncoderConfig, index: int):
        super().__init__()
        self.attention = Attention(config, index)
        self.intermediate = Intermediate(config)
        self.output = Projected(config, config.intermediate_size)

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, cache=None, last: int | None = None
    ) -> Tensor:
        """One layer.

        Args:
            hidden: ``[batch, length, hidden]``.
            mask: ``[batch, 1 or heads, length, keys]``: true where a token sees a key, or what is
                added to the scores.
            cache: where keys and values are kept; what its ``update`` returns is attended to.
            last: of how many of the last positions the states are wanted (all).

        Returns:
            ``[batch, last, hidden]``.
        """
        attended = self.attention.output(self.attention.self(hidden, mask, cache), hidden)
        if last is not None:
            attended = attended[:, -last:]
        return self.output(self.intermediate(attended), attended)


class Layers(nn.Module):
    """The layers, and what the distance of two tokens adds to their score in all of them."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.layer = nn.ModuleList(
            EncoderLayer(config, index) for index in range(config.num_hidden_layers)
        )
        if config.family.has_distances:
            self.relative_attention_bias = embedding(
                config.relative_attention_num_buckets, config.num_attention_heads
            )


class Encoder(nn.Module):
    """An encoder of any of the :data:`FAMILIES`.

    Args:
        config: its shape.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        self.implementation = "sdpa"
        self.embeddings = Embeddings(config)
        self.encoder = Layers(config)

    def set_attention(self, implementation: str) -> None:
        """Compute attention otherwise: one of :data:`qgen.settings.ATTN_IMPLEMENTATIONS`."""
        self.implementation = implementation
        for module in self.modules():
            if isinstance(module, SelfAttention):
                module.implementation = implementation

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor,
        position_ids: Tensor,
        attention_mask: Tensor,
        key_positions: Tensor | None = None,
        cache=None,
        last: int | None = None,
    ) -> Tensor:
        """The last hidden states.

        Args:
            input_ids, token_type_ids: ``[batch, length]``; types that the encoder does not have
                count as its last one.
            position_ids: ``[batch or 1, length]``, counted from 0.
            attention_mask: boolean ``[batch, length or 1, keys]``, where each token may look.
            key_positions: ``[batch, keys]``, as ``position_ids``; by default these.
            cache: where keys and values are kept, see :class:`qgen.model.decoding.BeamCache`.
            last: of how many of the last positions the states are wanted (all).

        Returns:
            ``[batch, last, hidden]``.
        """
        hidden = self.embeddings(input_ids, token_type_ids, position_ids)
        keys = position_ids if key_positions is None else key_positions
        mask = self._added(hidden, attention_mask, position_ids, keys)
        layers = self.encoder.layer
        for layer in layers[:-1]:
            hidden = layer(hidden, mask, cache)
        return layers[-1](hidden, mask, cache, last)

    def _added(
        self, hidden: Tensor, attention_mask: Tensor, places: Tensor, key_places: Tensor
    ) -> Tensor:
        """The mask as the layers want it."""
        mask = attention_mask[:, None]
        # Eager attention adds its mask, and so does a CPU's other one, which would make one of a
        # boolean mask in every layer.
        biased = self.config.family.has_distances
        if biased or self.implementation == "eager" or mask.device.type == "cpu":
            mask = hidden.new_zeros(mask.shape).masked_fill_(~mask, torch.finfo(hidden.dtype).min)
        return self._distance_bias(places, key_places) + mask if biased else mask

    def _distance_bias(self, places: Tensor, key_places: Tensor) -> Tensor:
        """What is added to the score of each token and key, ``[batch, heads, length, keys]``."""
        table = self.encoder.relative_attention_bias
        distances = key_places[:, None] - places[:, :, None]
        buckets = distance_buckets(distances, table.num_embeddings)
        return table(buckets).permute(0, 3, 1, 2)


def distance_buckets(distances: Tensor, buckets: int) -> Tensor:
    """Into which of so many buckets distances fall, those of later tokens into the upper half: one
    each for the short ones, then ever wider ones up to :data:`MAX_DISTANCE` (Raffel et al. 2020,
    arXiv:1910.10683, section 2.1)."""
    half = buckets // 2
    exact = half // 2
    upper = (distances > 0) * half
    far = distances.abs()
    steps = torch.log(far.float() / exact) / math.log(MAX_DISTANCE / exact) * (half - exact)
    wide = (exact + steps.clamp(min=0).long()).clamp(max=half - 1)
    return upper + torch.where(far < exact, far, wide)
