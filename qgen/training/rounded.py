"""Training with the weights that a packed checkpoint will hold.

In every step the large matrices are rounded as :func:`qgen.model.runtime.packed.pack` rounds them;
gradients pass as if they were not (the straight-through estimator, Bengio et al. 2013,
arXiv:1308.3432; Jacob et al. 2018, arXiv:1712.05877).  A model so trained loses nothing by packing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from qgen.model.runtime.packed import bits_of, pack, unpack


class _Rounded(nn.Module):
    def __init__(self, bits: int):
        super().__init__()
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        with torch.no_grad():
            rounding = unpack(*pack(weight, self.bits)).to(weight) - weight
        return weight + rounding


@contextmanager
def rounded_weights(model: nn.Module, bits: int | None = None) -> Iterator[None]:
    """Have a model compute with rounded weights, until the end of the block.  It keeps its own,
    which learn, and are rounded when they are packed.

    Args:
        model: the model.
        bits: see :func:`qgen.model.runtime.packed.bits_of`.
    """
    changed = []
    of: dict[Tensor, int] = {}  # a weight that two modules share is rounded in one way
    for path, module in list(model.named_modules()):
        for name, weight in list(module.named_parameters(recurse=False)):
            if number := of.setdefault(weight, bits_of(f"{path}.{name}", weight, bits)):
                parametrize.register_parametrization(module, name, _Rounded(number))
                changed.append((module, name))
    try:
        yield
    finally:
        for module, name in changed:
            parametrize.remove_parametrizations(module, name, leave_parametrized=False)
