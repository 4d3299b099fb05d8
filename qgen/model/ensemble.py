"""Several models that ask together: decoding takes the mean of their probabilities at each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from qgen.errors import QGenError
from qgen.model.unilm import TOKEN_SETTINGS, Seq2SeqConfig, UniLM

_SHARED = ("max_source_length", "max_target_length", *TOKEN_SETTINGS)
"""What of their configurations is the same in all members: that of sources and targets."""


class Ensemble(nn.Module):
    """Models that read the same sources and write the same tokens.

    Their kinds and sizes may differ, their vocabularies may not: token 2,054 is the same word to
    all of them.

    Args:
        members: the models; the first one's word embeddings are those of the whole.

    Attributes:
        config: the first one's, with what any of them was trained on.
        name_or_path: where they were loaded from.

    Raises:
        QGenError: they do not read and write alike.
    """

    config: Seq2SeqConfig
    members: Any
    """The models, as a ``ModuleList``."""

    def __init__(self, members: Sequence[UniLM]):
        super().__init__()
        first, *others = members
        for other in others:
            if problem := _difference(first, other):
                raise QGenError(
                    f"{first.name_or_path} and {other.name_or_path} cannot ask together: "
                    f"they differ in {problem}"
                )
        self.members = nn.ModuleList(members)
        self.config = replace(first.config, trained_on=all_trained_on(members))
        self.name_or_path = " + ".join(str(member.name_or_path) for member in members)

    @property
    def device(self) -> torch.device:
        """Where its members are."""
        return self.members[0].device

    @property
    def dtype(self) -> torch.dtype:
        """Of its members' parameters."""
        return self.members[0].dtype

    @property
    def max_positions(self) -> int:
        """Tokens that fit the position embeddings of each."""
        return min(member.max_positions for member in self.members)

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings of the first member."""
        return self.members[0].get_input_embeddings()

    def score_targets(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """As :meth:`UniLM.score_targets`, by the mean of the probabilities."""
        return mean_probability(
            [member.score_targets(input_ids, attention_mask, labels) for member in self.members]
        )

    def target_distributions(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor
    ) -> Tensor:
        """As :meth:`UniLM.target_distributions`, by the mean of the probabilities."""
        batch = (input_ids, attention_mask, labels)
        return mean_probability([member.target_distributions(*batch) for member in self.members])


def mean_probability(log_probabilities: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean of probabilities, of which these are the logarithms.

    Args:
        log_probabilities: of the same shape each.
    """
    return reduce(torch.logaddexp, log_probabilities) - math.log(len(log_probabilities))


def all_trained_on(models: Sequence[Any]) -> list[str] | None:
    """What any of several models was trained on, each once, as their configurations have it."""
    data = [name for each in models for name in getattr(each.config, "trained_on", None) or ()]
    return list(dict.fromkeys(data)) or None


def _difference(first: UniLM, other: UniLM) -> str:
    """What two models would have to have in common and have not; empty where they have all."""
    for name in _SHARED:
        if (getattr(first.config, name) or None) != (getattr(other.config, name) or None):
            return name
    if first.config.backbone.vocab_size != other.config.backbone.vocab_size:
        return "vocab_size"
    one, two = (
        model.shortlist.tolist() if model.config.shortlist_size else [] for model in (first, other)
    )
    return "" if one == two else "the shortlist"
