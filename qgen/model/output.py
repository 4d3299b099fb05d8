"""From hidden states to distributions over tokens: the vocabulary's, and the source's, copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn


class Encoded(NamedTuple):
    """A batch of sources, and what the encoder makes of them.

    Attributes:
        states: hidden states ``[batch, source_length, hidden]``.
        input_ids: ``[batch, source_length]``, padded on the right.
        mask: ``[batch, source_length]``, nonzero at real tokens.
    """

    states: Tensor
    input_ids: Tensor
    mask: Tensor


class CopyGate(nn.Module):
    """Mixes the vocabulary's distribution with one over the tokens of the source.

    The pointer-generator of See, Liu and Manning 2017 (arXiv:1704.04368), with one attention head
    over the final hidden states of the source.

    Args:
        hidden_size: of the encoder.
        size: of queries and keys.
    """

    def __init__(self, hidden_size: int, size: int):
        super().__init__()
        self.query = nn.Linear(hidden_size, size)
        self.key = nn.Linear(hidden_size, size)
        self.gate = nn.Linear(hidden_size, 1)

    def forward(self, hidden: Tensor, keys: Tensor, source_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Where to copy from, and whether to.

        Args:
            hidden: ``[batch, targets, hidden]``, of the ``[MASK]`` of each target token.
            keys: ``[batch, source_length, size]``, ``self.key`` of the source's hidden states.
            source_mask: ``[batch, source_length]``, nonzero at real tokens.

        Returns:
            Log-probabilities ``[batch, targets, source_length]`` of the source positions, and
            the logits ``[batch, targets, 1]`` of copying.
        """
        queries = self.query(hidden).to(keys.dtype)
        scores = (queries @ keys.transpose(1, 2)).float() / keys.shape[-1] ** 0.5
        scores = scores.masked_fill(~source_mask.bool()[:, None], float("-inf"))
        return scores.log_softmax(-1), self.gate(hidden).float()


class CopySource(NamedTuple):
    """What there is to copy: the same at every step of decoding.

    Attributes:
        columns: ``[batch, source_length]``, where each source token stands in a distribution.
        mask: ``[batch, source_length]``, nonzero at real tokens.
        keys: ``[batch, source_length, size]``, float32; see :class:`CopyGate`.
        same: ``[batch, source_length, source_length]``, 1 where two places hold the same token.
    """

    columns: Tensor
    mask: Tensor
    keys: Tensor
    same: Tensor


class Vocabulary(NamedTuple):
    """The tokens that can be generated from a batch of sources, and what gives them logits.

    Attributes:
        ids: ``[size]``, the tokens.
        columns: ``[vocabulary]``, where each token stands in ``ids``; -1 where it does not.
        project: from the LM head's last hidden states ``[batch, n, hidden]`` to the logits of the
            first of ``ids``.
        rare: weights and biases, float32, of the rest of them: tokens of the sources that are not
            in the model's shortlist; ``None`` where there is no shortlist.
        own: ``[batch, rare]``, which of those stand in a row's own source.
    """

    ids: Tensor
    columns: Tensor
    project: Callable[[Tensor], Tensor]
    rare: tuple[Tensor, Tensor] | None = None
    own: Tensor | None = None

    def logits(self, hidden: Tensor) -> Tensor:
        """``[batch, n, hidden]`` to ``[batch, n, size]``."""
        if self.rare is None or self.own is None:
            return self.project(hidden)
        rare = nn.functional.linear(hidden.float(), *self.rare)
        common = self.project(hidden)
        logits = rare.new_empty(*hidden.shape[:-1], len(self.ids))
        logits[..., : common.shape[-1]] = common
        logits[..., common.shape[-1] :] = rare.masked_fill_(~self.own[:, None], float("-inf"))
        return logits


class Output(NamedTuple):
    """What turns hidden states into distributions over tokens; made once for a batch of sources."""

    vocabulary: Vocabulary
    copy: CopySource | None

    def select(self, rows: Tensor) -> Output:
        """Only the given batch rows, ``[kept]``, in this order."""
        vocabulary, copy = self
        if vocabulary.own is not None:
            vocabulary = vocabulary._replace(own=vocabulary.own[rows])
        return Output(vocabulary, copy and CopySource(*(tensor[rows] for tensor in copy)))
