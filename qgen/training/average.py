"""The mean of several checkpoints' weights, which is often better than each of them (Wortsman et
al. 2022, arXiv:2203.05482)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from qgen.errors import QGenError


def average_into(model: nn.Module, others: Sequence[nn.Module], shares: Sequence[float]) -> None:
    """Give a model the mean of its own weights and those of others, in place.

    Args:
        model: what the others' weights are added to.
        others: models of the same shape.
        shares: of the model and of each other, in this order; they are divided by their sum.

    Raises:
        QGenError: the shares are not as many as the models, are negative or all zero, or the
            models' shapes differ.
    """
    if len(shares) != 1 + len(others):
        raise QGenError(f"{1 + len(others)} models need as many shares, not {len(shares)}")
    if min(shares) < 0 or not sum(shares):
        raise QGenError("shares must not be negative, nor all zero")
    states = [model.state_dict(), *(other.state_dict() for other in others)]
    model.load_state_dict(_mean(states, [share / sum(shares) for share in shares]))


def _mean(states: Sequence[Mapping[str, Tensor]], shares: Sequence[float]) -> dict[str, Tensor]:
    first, *rest = states
    for other in rest:
        if {n: t.shape for n, t in other.items()} != {n: t.shape for n, t in first.items()}:
            raise QGenError("only models of the same shape have a mean")
    mean: dict[str, Tensor] = {}
    for name, tensor in first.items():
        if not torch.is_floating_point(tensor):  # not learnt, such as a shortlist's tokens
            mean[name] = tensor
            continue
        of_all = torch.stack([state[name].float() for state in states])
        mean[name] = torch.einsum("m,m...->...", torch.tensor(shares), of_all).to(tensor.dtype)
    return mean
